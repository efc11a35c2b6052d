"""Finds programs and directories on this machine, with a short-lived cache for dispatches in quick succession."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping

PROGRAM_CACHE_S = 5.0
DIRECTORY_CACHE_S = 0.5
_MAX_ENTRIES = 1000


def search_path(environment: Mapping[str, str]) -> str:
    """The PATH on which a program is looked for that is started in this environment."""
    return environment.get("PATH", os.defpath)


class Programs:
    """Finds programs on a PATH, and checks directories."""

    def __init__(self) -> None:
        self._programs: dict[tuple[str, str], tuple[float, str | None]] = {}
        self._directories: dict[str, float] = {}

    def which(self, program: str, path: str) -> str | None:
        """The file of an executable on this PATH, or None."""
        now = time.monotonic()
        cached = self._programs.get((program, path))
        if cached is not None and now - cached[0] < PROGRAM_CACHE_S:
            return cached[1]
        if len(self._programs) > _MAX_ENTRIES:
            self._programs.clear()
        found = shutil.which(program, path=path)
        self._programs[program, path] = (now, found)
        return found

    def directory_problem(self, path: str) -> str | None:
        """Why a job cannot run in a directory, to follow its path in a sentence; None when it can."""
        now = time.monotonic()
        if now - self._directories.get(path, -1e9) < DIRECTORY_CACHE_S:
            return None
        if not os.path.isdir(path):
            return "is not a directory" if os.path.lexists(path) else "does not exist"
        if not os.access(path, os.X_OK):
            return "is not accessible to the daemon's user"
        if len(self._directories) > _MAX_ENTRIES:
            self._directories.clear()
        self._directories[path] = now
        return None
