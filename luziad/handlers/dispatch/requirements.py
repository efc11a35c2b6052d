"""Validates a job's priority and what it reserves: resources, CPUs and memory."""

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


def validate_requirements(
    request: Dispatch, project: str, config: Config, capacity: Mapping[str, int], parent: JobRecord | None
) -> Requirements | None:
    """The job's priority and reservations; None for the many jobs without any.

    capacity: the total of every resource, in units. parent: the parent job. Its priority is the default, so that an
    urgent job does not wait for sub-jobs that are not. Raises Refused.
    """
    priority = request.priority
    if priority is None and parent is not None:
        priority = parent.wants.priority
    if priority is None and project in config.projects:
        priority = config.projects[project].priority
    if not (priority or request.needs or request.cpus is not None or request.memory_bytes is not None):
        return None
    validate_priority(priority or 0)
    if request.cpus is not None and not 0 < request.cpus <= MAX_CPUS:
        raise Refused(ErrorCode.BAD_REQUEST, "`cpus` must be a number above 0")
    if request.memory_bytes is not None and request.memory_bytes < 1:
        raise Refused(ErrorCode.BAD_REQUEST, "`memory_bytes` must be a number above 0")
    for name, amount in request.needs.items():
        _validate_need(name, amount, config)
    requirements = Requirements(priority or 0, request.needs, request.cpus, request.memory_bytes)
    for name, amount in requirements.resources:
        if amount > capacity[name]:
            message = f"the job needs {describe_amount(name, amount)}, more than exists: "
            raise Refused(ErrorCode.NEEDS_TOO_MUCH, message + describe_free(name, capacity[name], 0))
    return requirements


def validate_priority(priority: int) -> None:
    """Raise Refused for an invalid priority."""
    if abs(priority) > MAX_PRIORITY:
        raise Refused(ErrorCode.BAD_REQUEST, f"`priority` must be from {-MAX_PRIORITY} to {MAX_PRIORITY}")


def _validate_need(name: str, amount: int, config: Config) -> None:
    if name not in config.resources:
        near = difflib.get_close_matches(name, config.resources, n=1)
        known = f"Known resources: {', '.join(config.resources)}." if config.resources else "None is configured."
        hint = f"Did you mean {near[0]}? {known}" if near else f"{known} Add it to [resources] in config.toml."
        raise Refused(ErrorCode.UNKNOWN_RESOURCE, f"resource '{name}' not found", hint)
    if amount < 1:
        raise Refused(ErrorCode.BAD_REQUEST, f"the amount of {name} must be 1 or more, not {amount}")
