"""The orders in which jobs can be listed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from luzia_protocol.jobs import JobState, SortKey

from luziad.jobs.record import JobRecord
from luziad.jobs.start_time import next_start_at

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


def sort_by_turn(records: Iterable[JobRecord], starts: Iterable[str], *, reverse: bool) -> list[JobRecord]:
    """Sort the records, which are the newest first, for a reader who looks for what needs attention.

    The order: jobs that wait for an answer, active ones, queued ones by turn, and the latest ended.
    starts: the ids of the queued jobs that can start, in this order; the other queued jobs come after them.
    """
    asking: list[JobRecord] = []
    active: list[JobRecord] = []
    queued: list[JobRecord] = []
    ended: list[JobRecord] = []
    for record in records:
        state = record.status.state
        if state.is_final:
            ended.append(record)
        elif state is JobState.QUEUED:
            queued.append(record)
        else:
            (asking if state is JobState.WAITING else active).append(record)
    if queued:
        turns = {job: turn for turn, job in enumerate(starts)}
        queued.sort(key=lambda record: (turns.get(record.id, len(turns)), next_start_at(record) or 0.0, record.n))
    ended.sort(key=lambda record: record.status.ended_at or 0.0, reverse=True)
    found = asking + active + queued + ended
    return found[::-1] if reverse else found


def sort_jobs(records: Iterable[JobRecord], key: SortKey, *, reverse: bool) -> list[JobRecord]:
    """Sort the records by a key of ORDERS. Those without a value come last; among equals, the newest comes first."""
    descending, value = ORDERS[key]
    descending = descending is not reverse
    known: list[tuple[Any, int, JobRecord]] = []
    unknown: list[JobRecord] = []
    for record in records:
        found = value(record)
        if found is None:
            unknown.append(record)
        else:
            known.append((found, record.n if descending else -record.n, record))
    known.sort(key=lambda row: row[:2], reverse=descending)
    unknown.sort(key=lambda record: -record.n)
    return [record for _, _, record in known] + unknown
