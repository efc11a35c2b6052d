"""Which programs are installed, remembered for a moment so that a dispatch does not search the PATH each time."""

from __future__ import annotations

import shutil
import time

REMEMBERED_S = 5.0


class Programs:
    """Looks programs up on a PATH."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str | None], tuple[float, str | None]] = {}

    def which(self, program: str, path: str | None) -> str | None:
        """The file of an executable, or None. `path` is a PATH, None the daemon's own."""
        now = time.monotonic()
        known = self._found.get((program, path))
        if known is not None and now - known[0] < REMEMBERED_S:
            return known[1]
        if len(self._found) > 1000:
            self._found.clear()
        found = shutil.which(program, path=path)
        self._found[program, path] = (now, found)
        return found
