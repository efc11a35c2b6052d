"""When the next attempt of a job may start."""

from __future__ import annotations

import time

from luziad.clocks.clock import steady
from luziad.jobs.record import JobFate, JobRecord, JobSpec
from luziad.jobs.retry_state import Again
from luziad.jobs.start_time import shown_start, start_of


def waiting(again: Again) -> JobRecord:
    spec = JobSpec(project="a", directory="/", agent="claude", created_at=0.0)
    return JobRecord(1, "1", spec, JobFate(again=again))


def test_a_start_is_shown_as_the_wall_clock_is_now() -> None:
    moment = time.time() + 60
    assert shown_start(waiting(Again(not_before=moment, start=steady(60)))) == moment
    shown = shown_start(waiting(Again(not_before=moment - 3600, start=steady(60))))
    assert shown is not None
    assert abs(shown - moment) < 30
    assert start_of(waiting(Again(not_before=0.0))) is None
