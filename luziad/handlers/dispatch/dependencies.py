"""Validates the jobs that a job depends on."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_PARENTS, Dispatch

from luziad.jobs.dependencies import Dependencies


def validate_dependencies(request: Dispatch, find_id: Callable[[str], str]) -> Dependencies | None:
    """The dependencies with full job ids; None for the many jobs without any.

    find_id: gives the full id of a job, or raises Refused. Raises Refused.
    """
    if not (request.after or request.after_any or request.after_fail):
        return None
    count = len(request.after) + len(request.after_any) + len(request.after_fail)
    if count > MAX_PARENTS:
        raise Refused(ErrorCode.BAD_REQUEST, f"too many dependencies: {count}; the limit is {MAX_PARENTS}")

    def ids(names: list[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(find_id, names)))

    after = Dependencies(completed=ids(request.after), ended=ids(request.after_any), failed=ids(request.after_fail))
    if both := set(after.completed) & set(after.failed):
        raise Refused(
            ErrorCode.BAD_REQUEST, f"job {min(both)} is in both `after` and `after_fail`, which exclude each other"
        )
    return after
