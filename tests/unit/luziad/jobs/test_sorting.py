"""The order of a list by turn, found only as far as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from luzia_protocol.jobs import JobState

from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.sorting import iter_by_turn
from luziad.jobs.table import JobTable


def table_of(*states: JobState) -> JobTable:
    """A table with jobs 1, 2, … in these states, the oldest first."""
    table = JobTable()
    for n, state in enumerate(states, 1):
        spec = JobSpec(project="overbits", directory="/", agent="shell", created_at=float(n))
        table.add(JobRecord(n, str(n), spec, JobStatus(state=state, ended_at=10.0 - n), durable=True))
    return table


def test_the_first_jobs_of_a_list_are_found_without_reading_the_whole_queue() -> None:
    def starts() -> Iterator[str]:
        yield from ("3", "2")
        raise AssertionError("the rest of the queue was read")

    table = table_of(JobState.RUNNING, *[JobState.QUEUED] * 5)
    found = islice(filter(None, iter_by_turn(table, starts(), lambda record: True)), 3)
    assert [record.id for record in found] == ["1", "3", "2"]


def test_jobs_are_listed_by_what_needs_attention() -> None:
    table = table_of(
        *(JobState.COMPLETED, JobState.FAILED, JobState.QUEUED, JobState.QUEUED),
        *(JobState.RUNNING, JobState.WAITING, JobState.RUNNING),
    )
    found = filter(None, iter_by_turn(table, ["4"], lambda record: True))
    assert [record.id for record in found] == ["6", "7", "5", "4", "3", "1", "2"]
