"""The users who wait for the end of an attempt, to take over the session of its agent. Pure.

They are kept in memory only: a user whose client has gone, or who waits while the daemon restarts, takes nothing over.
"""

from __future__ import annotations

from collections.abc import Callable

Take = Callable[[], None]


class Takeovers:
    """One user for each job at most."""

    def __init__(self) -> None:
        self._waiting: dict[str, Take] = {}

    def __contains__(self, job: str) -> bool:
        return job in self._waiting

    def add(self, job: str, take: Take) -> None:
        """Call `take` when the job's attempt has ended, instead of planning the next one or ending the job."""
        self._waiting[job] = take

    def drop(self, job: str, take: Take) -> None:
        """The user waits no longer."""
        if self._waiting.get(job) is take:
            del self._waiting[job]

    def pop(self, job: str) -> Take | None:
        """The user who waits for this job, who does so no longer; None when nobody does."""
        return self._waiting.pop(job, None)
