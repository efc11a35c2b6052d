"""Checks what a dispatch says about its place in the order of starts, and about what it takes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import MAX_CPUS, MAX_PRIORITY
from luzia_protocol.requests import Dispatch

from luziad.config.schema import Config
from luziad.jobs.record import JobRecord
from luziad.jobs.requirements import Requirements
from luziad.jobs.resources import describe_amount, describe_free


def claims_of(
    request: Dispatch, project: str, config: Config, there: Mapping[str, int], parent: JobRecord | None
) -> Requirements | None:
    """What was asked for, or the project says; None for the many jobs that ask for nothing.

    there: how much there is of all resources, in units. parent: the job from inside which it is dispatched, and whose
    priority it has, so that what is urgent does not wait for what is not. Raises Refused.
    """
    priority = request.priority
    if priority is None and parent is not None:
        priority = parent.wants.priority
    if priority is None and project in config.projects:
        priority = config.projects[project].priority
    if not (priority or request.needs or request.cpus is not None or request.memory_bytes is not None):
        return None
    check_priority(priority or 0)
    if request.cpus is not None and not 0 < request.cpus <= MAX_CPUS:
        raise Refused(ErrorCode.BAD_REQUEST, "`cpus` must be a number above 0")
    if request.memory_bytes is not None and request.memory_bytes < 1:
        raise Refused(ErrorCode.BAD_REQUEST, "`memory_bytes` must be a number above 0")
    for name, amount in request.needs.items():
        _check_need(name, amount, config)
    claims = Requirements(priority or 0, request.needs, request.cpus, request.memory_bytes)
    for name, amount in claims.resources:
        if amount > there[name]:
            words = f"the job needs {describe_amount(name, amount)}, and that is more than there is: "
            raise Refused(ErrorCode.NEEDS_TOO_MUCH, words + describe_free(name, there[name], 0))
    return claims


def check_priority(priority: int) -> None:
    """Raise Refused for what is no priority."""
    if abs(priority) > MAX_PRIORITY:
        raise Refused(ErrorCode.BAD_REQUEST, f"`priority` must be from {-MAX_PRIORITY} to {MAX_PRIORITY}")


def _check_need(name: str, amount: int, config: Config) -> None:
    if name not in config.resources:
        near = difflib.get_close_matches(name, config.resources, n=1)
        known = f"Known are: {', '.join(config.resources)}." if config.resources else "None is configured."
        hint = f"Did you mean {near[0]}? {known}" if near else f"{known} Write it into [resources] of config.toml."
        raise Refused(ErrorCode.UNKNOWN_RESOURCE, f"there is no resource {name!r}", hint)
    if amount < 1:
        raise Refused(ErrorCode.BAD_REQUEST, f"the count of {name} must be 1 or more, not {amount}")
