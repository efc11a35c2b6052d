"""The users who wait for the end of an attempt, to take over the session of its agent. Pure.

They are kept in memory only: a user whose client has gone, or who waits while the daemon restarts, takes nothing over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from luzia_protocol.errors import Refused


class Takeover(NamedTuple):
    """take: called when the attempt has ended. refuse: called instead, when the user cannot have the session."""

    take: Callable[[], None]
    refuse: Callable[[Refused], None]


class Takeovers:
    """One user for each job at most."""

    def __init__(self) -> None:
        self._waiting: dict[str, Takeover] = {}

    def __contains__(self, job: str) -> bool:
        return job in self._waiting

    def add(self, job: str, takeover: Takeover) -> None:
        """Let a user take over when the job's attempt has ended, before the next one is planned or the job ends."""
        self._waiting[job] = takeover

    def drop(self, job: str, takeover: Takeover) -> None:
        """The user waits no longer."""
        if self._waiting.get(job) is takeover:
            del self._waiting[job]

    def pop(self, job: str) -> Takeover | None:
        """The user who waits for this job, who does so no longer; None when nobody does."""
        return self._waiting.pop(job, None)
