"""The orders in which jobs can be listed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from heapq import merge
from itertools import chain, islice
from operator import itemgetter
from typing import Any

from luzia_protocol.jobs import JobState, SortKey

from luziad.jobs.record import JobRecord
from luziad.jobs.start_time import next_start_at
from luziad.jobs.table import JobTable

_key = itemgetter(0)
_STATE_ORDER = {state: index for index, state in enumerate(JobState)}


def _of_attempt(field: str) -> Callable[[JobRecord], Any]:
    return lambda record: getattr(record.attempt, field, None)


def _cost(record: JobRecord) -> float | None:
    costs = [each.activity.cost_usd for each in record.status.attempts if each.activity is not None]
    known = [cost_usd for cost_usd in costs if cost_usd is not None]
    return sum(known) if known else None


def _priority(record: JobRecord) -> int:
    return 0 if record.spec.requirements is None else record.spec.requirements.priority


ORDERS: dict[SortKey, tuple[bool, Callable[[JobRecord], Any]]] = {
    "created": (True, lambda record: record.spec.created_at),
    "started": (True, _of_attempt("started_at")),
    "ended": (True, lambda record: record.status.ended_at),
    "duration": (True, _of_attempt("duration_s")),
    "cost": (True, _cost),
    "priority": (True, _priority),
    "project": (False, lambda record: record.project),
    "agent": (False, lambda record: record.spec.agent),
    "state": (False, lambda record: _STATE_ORDER[record.status.state]),
}
"""Name -> whether the largest comes first, and the value that is compared; None is not known yet."""


Sorted = Generator[None, None, Iterator[JobRecord]]
"""Sorts in slices, so that other work can be done between them."""

_RUN = 500
"""How many records are sorted at once."""


def iter_by_turn(
    table: JobTable, starts: Iterable[str], matches: Callable[[JobRecord], bool]
) -> Iterator[JobRecord | None]:
    """The matching jobs for a reader who looks for what needs attention, found only as far as they are read.

    The order: jobs that wait for an answer, active ones, queued ones by turn, and the latest ended. None stands for a
    step that has found none, so that other work can be done between the steps.
    starts: the ids of the queued jobs that can start, in this order; the other queued jobs come after
        them, those that a user holds last.
    """
    active = [record for record in table.active() if matches(record)]
    yield from sorted(active, key=lambda record: (record.status.state is not JobState.WAITING, -record.n))
    ready = set()
    for job in starts:
        ready.add(job)
        record = table.get(job)
        yield record if record is not None and matches(record) else None
    if table.queued > len(ready):
        gated = []
        for record in list(table.newest_first()):
            if record.status.state is JobState.QUEUED and record.id not in ready and matches(record):
                gated.append(((record.status.held_at is not None, next_start_at(record) or 0.0, record.n), record))
            yield None
        yield from (yield from _sort(gated, reverse=False))
    ended = []
    for record in table.final():
        if matches(record):
            ended.append(((record.status.ended_at or 0.0, record.n), record))
        yield None
    yield from (yield from _sort(ended, reverse=True))


def sort_jobs(records: Iterable[JobRecord], key: SortKey, *, reverse: bool) -> Sorted:
    """Sort the records, which are the newest first, by a key of ORDERS.

    Those without a value come last; among equals, the newest comes first.
    """
    descending, value = ORDERS[key]
    descending = descending is not reverse
    unknown: list[JobRecord] = []

    def known() -> Iterator[tuple[Any, JobRecord]]:
        for record in records:
            found = value(record)
            if found is None:
                unknown.append(record)
            else:
                yield (found, record.n if descending else -record.n), record

    return chain((yield from _sort(known(), reverse=descending)), unknown)


def _sort(rows: Iterable[tuple[Any, JobRecord]], *, reverse: bool) -> Sorted:
    """Sort short runs of pairs of a key and a record, and merge them while the result is read."""
    runs = []
    rows = iter(rows)
    while run := list(islice(rows, _RUN)):
        run.sort(key=_key, reverse=reverse)
        runs.append(run)
        yield
    return (record for _, record in merge(*runs, key=_key, reverse=reverse))
