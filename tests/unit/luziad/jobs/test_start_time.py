"""When the next attempt of a job may start."""

from __future__ import annotations

import time

from luziad.clocks.clock import steady_time
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.retry_state import RetryState
from luziad.jobs.start_time import next_start, next_start_at


def waiting(retry: RetryState) -> JobRecord:
    spec = JobSpec(project="a", directory="/", agent="claude", created_at=0.0)
    return JobRecord(1, "1", spec, JobStatus(retry_state=retry))


def test_a_start_is_shown_as_the_wall_clock_is_now() -> None:
    moment = time.time() + 60
    assert next_start_at(waiting(RetryState(not_before=moment, not_before_steady=steady_time(60)))) == moment
    shown = next_start_at(waiting(RetryState(not_before=moment - 3600, not_before_steady=steady_time(60))))
    assert shown is not None
    assert abs(shown - moment) < 30
    assert next_start(waiting(RetryState(not_before=0.0))) is None
