"""The jobs that were given each name. Pure.

A job without a name in a graph has its number there for a name. Nobody looks for it by that number, so it is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable


class NameIndex:
    """Ids by name, those that were added first come first. Most names are of one job, which has no table of its own."""

    def __init__(self) -> None:
        self._jobs: dict[str, str | dict[str, None]] = {}

    def add(self, name: str, job: str) -> None:
        """Add a job; without a name it is not kept."""
        if not name or name.isdigit():
            return
        known = self._jobs.setdefault(name, job)
        if isinstance(known, dict):
            known[job] = None
        elif known != job:
            self._jobs[name] = {known: None, job: None}

    def remove(self, name: str, job: str) -> None:
        """Remove a job that was added with this name."""
        known = self._jobs.get(name)
        if isinstance(known, dict) and len(known) > 1:
            del known[job]
        else:
            self._jobs.pop(name, None)

    def jobs(self, name: str) -> Iterable[str]:
        """The ids of the jobs with this name, oldest first."""
        known = self._jobs.get(name, ())
        return (known,) if isinstance(known, str) else known
