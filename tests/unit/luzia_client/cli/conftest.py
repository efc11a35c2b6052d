"""Jobs for screens to show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from luzia_protocol.jobs import Job, JobState, job_name

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)

MakeJob = Callable[..., Job]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def make_job() -> MakeJob:
    """Makes a job that was dispatched 100 s ago; times are given as seconds ago: `started=12`."""

    def make(
        state: JobState = JobState.RUNNING,
        *,
        id: str = "113754-a2f5",
        started: float | None = None,
        ended: float | None = None,
        **fields: Any,
    ) -> Job:
        known: dict[str, Any] = {
            "project": "overbits",
            "agent": "claude",
            "task": "fix the login button",
            "created_at": NOW - timedelta(seconds=100),
            "started_at": None if started is None else NOW - timedelta(seconds=started),
            "ended_at": None if ended is None else NOW - timedelta(seconds=ended),
            **fields,
        }
        return Job(id=id, name=job_name(known["project"], id), state=state, **known)

    return make
