"""The states of a job, and what lists of jobs are sorted by. A change here is a change of the protocol: see version.py.

Imports no msgspec: it is on the way of `luzia jobs`, which must be quick.
"""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Where a job is in its life; luziad/jobs/lifecycle.py says how it moves."""

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
        """True when nothing happens to the job any more unless somebody asks for a retry."""
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


SORT_KEYS = ("created", "started", "ended", "duration", "cost", "priority", "project", "agent", "state")
"""What lists of jobs can be ordered by; `created` is by their dispatch."""
