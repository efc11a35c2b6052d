"""Checks what a dispatch says about the jobs that it comes after."""

from __future__ import annotations

from collections.abc import Callable

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_PARENTS, MAX_TAG_CHARS, MAX_TAGS, Dispatch

from luziad.jobs.dependencies import Dependencies


def after_of(request: Dispatch, id_of: Callable[[str], str]) -> Dependencies | None:
    """The jobs to come after, by their whole ids; None for the many dispatches that name none.

    id_of: gives the whole id for a name, or raises Refused.
    """
    if not (request.after or request.after_any or request.after_fail):
        return None
    named = len(request.after) + len(request.after_any) + len(request.after_fail)
    if named > MAX_PARENTS:
        raise Refused(ErrorCode.BAD_REQUEST, f"the job comes after {named} others, and {MAX_PARENTS} is the limit")

    def ids(names: list[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(id_of, names)))

    after = Dependencies(completed=ids(request.after), ended=ids(request.after_any), failed=ids(request.after_fail))
    if both := set(after.completed) & set(after.failed):
        raise Refused(
            ErrorCode.BAD_REQUEST, f"`after` and `after_fail` both name {min(both)}, which cannot complete and fail"
        )
    return after


def tags_of(request: Dispatch) -> dict[str, str]:
    """The tags that were asked for. Raises Refused."""
    if len(request.tags) > MAX_TAGS:
        raise Refused(ErrorCode.BAD_REQUEST, f"{len(request.tags)} tags were given, and {MAX_TAGS} is the limit")
    for key, value in request.tags.items():
        if not key or "=" in key or not (key + value).isprintable() or len(key) + len(value) > MAX_TAG_CHARS:
            raise Refused(
                ErrorCode.BAD_REQUEST,
                f"{key[:80]!r} cannot be a tag: key and value have at most {MAX_TAG_CHARS} printable characters,"
                " and the key no =",
            )
    return request.tags
