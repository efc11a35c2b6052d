"""The states of a job, and the sort keys of lists. A change here is a change of the protocol: see version.py.

Imports no msgspec: the programs that list jobs load this module, and must be fast.
"""

from __future__ import annotations

from enum import StrEnum

from luzia_protocol import state_names


class JobState(StrEnum):
    """The state of a job; luziad/jobs/lifecycle.py has the transitions."""

    QUEUED = state_names.QUEUED
    STARTING = state_names.STARTING
    RUNNING = state_names.RUNNING
    PAUSED = state_names.PAUSED
    WAITING = state_names.WAITING
    STOPPING = state_names.STOPPING
    COMPLETED = state_names.COMPLETED
    FAILED = state_names.FAILED
    CANCELLED = state_names.CANCELLED
    TIMED_OUT = state_names.TIMED_OUT
    SKIPPED = state_names.SKIPPED
    LOST = state_names.LOST

    @property
    def is_final(self) -> bool:
        """True when the job has finished; only a retry or a follow-up changes it."""
        return self in FINAL_STATES


ACTIVE_STATES = frozenset(map(JobState, state_names.ACTIVE))
LIVE_STATES = tuple(map(JobState, state_names.LIVE))
FINAL_STATES = frozenset(map(JobState, state_names.FINAL))
UNSUCCESSFUL_STATES = frozenset(map(JobState, state_names.UNSUCCESSFUL))


SORT_KEYS = ("turn", "created", "started", "ended", "duration", "cost", "priority", "project", "agent", "state")
"""The sort keys of lists. `created` is the time of the dispatch.

`turn`: jobs that wait for an answer, active ones, queued ones in the order in which they start, then the latest ended.
"""
