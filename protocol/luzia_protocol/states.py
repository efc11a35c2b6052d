"""The states of a job, and the sort keys of lists. A change here is a change of the protocol: see version.py.

Imports no msgspec: `luzia jobs` loads this module and must be fast.
"""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """The state of a job; luziad/jobs/lifecycle.py has the transitions."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    STOPPING = "stopping"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        """True when the job has finished; only a retry or a follow-up changes it."""
        return self in FINAL_STATES


FINAL_STATES = frozenset(
    {
        JobState.COMPLETED,
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.TIMED_OUT,
        JobState.SKIPPED,
        JobState.LOST,
    }
)


SORT_KEYS = ("turn", "created", "started", "ended", "duration", "cost", "priority", "project", "agent", "state")
"""The sort keys of lists. `created` is the time of the dispatch.

`turn`: jobs that wait for an answer, active ones, queued ones in the order in which they start, then the latest ended.
"""
