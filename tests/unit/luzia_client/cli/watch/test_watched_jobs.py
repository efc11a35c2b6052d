from __future__ import annotations

from datetime import datetime
from typing import Any

from luzia_protocol import events
from luzia_protocol.jobs import JobState, Outcome, Progress

from luzia_client.cli.watch.watched_jobs import MAX_ENDED, WatchedJobs
from unit.luzia_client.cli.conftest import NOW, MakeJob


def about(seq: int, state: JobState, **fields: Any) -> dict[str, Any]:
    return {"seq": seq, "at": NOW, "job": "113754-a2f5", "project": "overbits", "state": state, **fields}


def test_a_job_is_followed_from_the_queue_to_its_end(make_job: MakeJob, now: datetime) -> None:
    board = WatchedJobs([make_job(JobState.QUEUED, seq=1, reason="limit 2/2")])
    board.apply(events.Starting(**about(2, JobState.STARTING, attempt=1)))
    board.apply(events.Started(**about(3, JobState.RUNNING, attempt=1, pid=7)))
    board.apply(events.Progressed(**about(4, JobState.RUNNING, attempt=1, progress=Progress(percent=60))))
    job = board.live["113754-a2f5"]
    assert (job.state, job.started_at, job.pid, job.reason) == (JobState.RUNNING, now, 7, None)
    assert job.progress == Progress(percent=60)
    ended = events.Ended(**about(5, JobState.COMPLETED, attempt=1, outcome=Outcome.COMPLETED, exit_code=0))
    last = board.apply(ended)
    assert last is not None
    assert (last.state, last.ended_at, last.exit_code) == (JobState.COMPLETED, now, 0)
    assert last.progress == Progress(percent=100)
    assert not board.live


def test_a_failed_job_keeps_the_percentage_that_it_reached(make_job: MakeJob) -> None:
    board = WatchedJobs([make_job(seq=1, progress=Progress(percent=60))])
    job = board.apply(events.Ended(**about(2, JobState.FAILED, attempt=1, outcome=Outcome.FAILED)))
    assert job is not None
    assert job.progress == Progress(percent=60)


def test_a_retry_begins_with_nothing_of_the_last_attempt(make_job: MakeJob) -> None:
    board = WatchedJobs([make_job(JobState.FAILED, seq=1, exit_code=1, progress=Progress(percent=60), ended=1)])
    board.apply(events.Requeued(**about(2, JobState.QUEUED, attempt=1, reason="asked for")))
    assert list(board.live) == ["113754-a2f5"]
    assert not board.ended
    job = board.apply(events.Starting(**about(3, JobState.STARTING, attempt=2)))
    assert job is not None
    assert (job.exit_code, job.progress, job.ended_at, job.reason) == (None, None, None, None)


def test_old_news_changes_nothing(make_job: MakeJob) -> None:
    board = WatchedJobs([make_job(seq=5)])
    assert board.apply(events.Starting(**about(4, JobState.STARTING, attempt=1))) is None
    assert board.live["113754-a2f5"].state is JobState.RUNNING
    assert not board.put(make_job(seq=5))


def test_a_removed_job_is_no_longer_waited_for(make_job: MakeJob) -> None:
    board = WatchedJobs([make_job(seq=1)])
    board.apply(events.Removed(**about(2, JobState.RUNNING)))
    assert not board.live


def test_the_counts_include_jobs_that_are_no_longer_remembered(make_job: MakeJob) -> None:
    jobs = [make_job(JobState.COMPLETED, id=f"120000-{n:04x}", seq=n + 1) for n in range(MAX_ENDED + 100)]
    board = WatchedJobs(jobs)
    assert len(board.ended) == MAX_ENDED
    assert board.counts()[JobState.COMPLETED] == MAX_ENDED + 100
