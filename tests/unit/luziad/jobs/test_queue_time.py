"""How long a job has waited, for each way of being queued."""

from __future__ import annotations

import pytest

from luziad.jobs.queue_time import waited_s
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.jobs.retry_state import RetryState


def job(*attempts: AttemptRecord, retry_state: RetryState | None = None) -> JobRecord:
    spec = JobSpec(project="p", directory="/p", agent="shell", created_at=100.0)
    return JobRecord(1, "000000-0001", spec, JobStatus(attempts=attempts, retry_state=retry_state))


RAN = AttemptRecord(number=1, starting_at=110.0, started_at=111.0, ended_at=150.0)
PUT_BACK = AttemptRecord(number=2, starting_at=160.0)
LOST = AttemptRecord(number=1, starting_at=110.0, started_at=111.0)


def test_the_first_attempt_waits_since_the_dispatch() -> None:
    assert waited_s(job(RAN), RAN, 999.0) == 10.0
    assert waited_s(job(), None, 130.0) == 30.0


def test_a_retry_waits_since_the_end_of_the_attempt_before() -> None:
    second = AttemptRecord(number=2, starting_at=155.0)
    assert waited_s(job(RAN, second), second, 999.0) == 5.0
    assert waited_s(job(RAN), None, 170.0) == 20.0


def test_an_attempt_that_never_started_is_part_of_the_wait() -> None:
    third = AttemptRecord(number=3, starting_at=170.0)
    assert waited_s(job(RAN, PUT_BACK, third), third, 999.0) == 20.0


def test_a_requested_attempt_waits_since_the_request() -> None:
    second = AttemptRecord(number=2, starting_at=1003.0)
    asked = RetryState(requested_at=1000.0, first_attempt=2)
    assert waited_s(job(RAN, second, retry_state=asked), second, 9999.0) == 3.0
    assert waited_s(job(RAN, retry_state=asked), None, 1007.0) == 7.0


@pytest.mark.parametrize("number", [2, None])
def test_after_an_attempt_whose_end_is_not_known_the_wait_is_not_known(number: int | None) -> None:
    second = AttemptRecord(number=2, starting_at=200.0)
    attempts = (LOST,) if number is None else (LOST, second)
    assert waited_s(job(*attempts), None if number is None else second, 300.0) is None


def test_a_clock_that_was_set_back_gives_no_negative_wait() -> None:
    early = AttemptRecord(number=1, starting_at=50.0)
    assert waited_s(job(early), early, 60.0) == 0.0
