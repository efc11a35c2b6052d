"""A job is shown whatever its record has."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from luzia_protocol.jobs import Job, JobState, Terms

from luziad.clocks.format import format_time
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.jobs.retry_state import RetryState
from luziad.jobs.view import describe_job, unreadable_job

IMPOSSIBLE = [1e300, -1e300, float("inf"), float("nan"), 253_402_300_799.0, -62_135_683_140.0]


def shown(record: JobRecord) -> Job:
    return msgspec.json.decode(msgspec.json.encode(describe_job(record, None)), type=Job)


@pytest.mark.parametrize("at", IMPOSSIBLE)
def test_a_record_with_an_impossible_time_is_shown_with_one_that_is_possible(at: float) -> None:
    attempt = AttemptRecord(1, at, started_at=at, ended_at=at, duration_s=at)
    status = JobStatus(JobState.COMPLETED, (attempt,), ended_at=at, retry_state=RetryState(not_before=at), held_at=at)
    spec = JobSpec(project="a", directory="/", agent="shell", created_at=at)
    job = shown(JobRecord(1, "113754-a2f5", spec, status))
    assert job.created_at.astimezone() in (
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 30, tzinfo=UTC),
    )
    assert format_time(at)


@pytest.mark.parametrize("not_before", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+23:59"])
def test_terms_that_were_once_accepted_are_shown(not_before: str) -> None:
    terms = Terms(not_before=datetime.fromisoformat(not_before))
    spec = JobSpec(project="a", directory="/", agent="shell", created_at=0.0, terms=terms)
    assert shown(JobRecord(1, "113754-a2f5", spec, JobStatus())).not_before is not None


def test_a_job_that_cannot_be_shown_is_shown_as_such() -> None:
    spec = JobSpec(project="a", directory="/", agent="shell", created_at=0.0, task="x" * 1000)
    job = unreadable_job(JobRecord(1, "113754-a2f5", spec, JobStatus()))
    assert (job.id, len(job.task)) == ("113754-a2f5", 256)
    assert "invalid value" in (job.reason or "")
