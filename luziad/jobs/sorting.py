"""The orders in which jobs can be listed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from luzia_protocol.jobs import JobState, SortKey

from luziad.jobs.record import JobRecord

_PLACES = {state: place for place, state in enumerate(JobState)}


def _of_attempt(field: str) -> Callable[[JobRecord], Any]:
    return lambda record: getattr(record.attempt, field, None)


def _cost(record: JobRecord) -> float | None:
    activity = record.attempt.activity if record.attempt is not None else None
    return None if activity is None else activity.cost_usd


def _priority(record: JobRecord) -> int:
    return 0 if record.spec.claims is None else record.spec.claims.priority


KEYS: dict[SortKey, tuple[bool, Callable[[JobRecord], Any]]] = {
    "created": (True, lambda record: record.spec.created_at),
    "started": (True, _of_attempt("started_at")),
    "ended": (True, lambda record: record.fate.ended_at),
    "duration": (True, _of_attempt("duration_s")),
    "cost": (True, _cost),
    "priority": (True, _priority),
    "project": (False, lambda record: record.spec.project),
    "agent": (False, lambda record: record.spec.agent),
    "state": (False, lambda record: _PLACES[record.fate.state]),
}
"""Name -> whether the largest come first, and what of a job is compared; None is what nobody knows yet."""


def in_order(records: Iterable[JobRecord], key: SortKey, *, reverse: bool) -> list[JobRecord]:
    """The records in an order. Those without a value come last, and of equal ones the newest first."""
    falling, value = KEYS[key]
    falling = falling is not reverse
    known: list[tuple[Any, int, JobRecord]] = []
    unknown: list[JobRecord] = []
    for record in records:
        found = value(record)
        if found is None:
            unknown.append(record)
        else:
            known.append((found, record.n if falling else -record.n, record))
    known.sort(key=lambda row: row[:2], reverse=falling)
    unknown.sort(key=lambda record: -record.n)
    return [record for _, _, record in known] + unknown
