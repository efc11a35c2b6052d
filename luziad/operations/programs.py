"""What is on this machine, remembered for a moment so that a dispatch does not look each time."""

from __future__ import annotations

import os
import shutil
import time

PROGRAMS_REMEMBERED_S = 5.0
DIRECTORIES_REMEMBERED_S = 0.5
_MOST = 1000


class Programs:
    """Looks programs up on a PATH, and directories up on the disk."""

    def __init__(self) -> None:
        self._programs: dict[tuple[str, str | None], tuple[float, str | None]] = {}
        self._directories: dict[str, float] = {}

    def which(self, program: str, path: str | None) -> str | None:
        """The file of an executable, or None. `path` is a PATH, None the daemon's own."""
        now = time.monotonic()
        known = self._programs.get((program, path))
        if known is not None and now - known[0] < PROGRAMS_REMEMBERED_S:
            return known[1]
        if len(self._programs) > _MOST:
            self._programs.clear()
        found = shutil.which(program, path=path)
        self._programs[program, path] = (now, found)
        return found

    def problem_with_directory(self, path: str) -> str | None:
        """What is wrong with a directory, in words; None when a job can run in it."""
        now = time.monotonic()
        if now - self._directories.get(path, -1e9) < DIRECTORIES_REMEMBERED_S:
            return None
        if not os.path.isdir(path):
            return "does not exist or is no directory"
        if not os.access(path, os.X_OK):
            return "cannot be entered by the daemon's user"
        if len(self._directories) > _MOST:
            self._directories.clear()
        self._directories[path] = now
        return None
