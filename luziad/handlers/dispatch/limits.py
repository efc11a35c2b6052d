"""Validates what a job may use at most: memory, processes and CPUs."""

from __future__ import annotations

import operator
from collections.abc import Callable

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import MAX_CPUS, Bounds
from luzia_protocol.requests import Dispatch

from luziad.config.rules import BYTES, COUNT
from luziad.config.schema import ProjectConfig, first_set

_limit_values = operator.attrgetter(*Bounds.__struct_fields__)
_NO_LIMIT_VALUES = _limit_values(Bounds())


def validate_limits(
    request: Dispatch, project: ProjectConfig, unsupported_reason: Callable[[Bounds], str | None]
) -> Bounds | None:
    """The job's limits, from the request or else its project; None without any.

    unsupported_reason: why limits cannot be enforced on this machine. Raises Refused.
    """
    if _limit_values(request) == _limit_values(project) == _NO_LIMIT_VALUES:
        return None
    limits = Bounds(
        first_set(request.max_memory_bytes, project.max_memory_bytes, None),
        first_set(request.max_processes, project.max_processes, None),
        first_set(request.max_cpus, project.max_cpus, None),
    )
    if limits.max_memory_bytes is not None and not BYTES.accepts(limits.max_memory_bytes):
        raise Refused(ErrorCode.BAD_REQUEST, f"`max_memory_bytes` must be {BYTES.expected}")
    if limits.max_processes is not None and not COUNT.accepts(limits.max_processes):
        raise Refused(ErrorCode.BAD_REQUEST, f"`max_processes` must be {COUNT.expected}")
    if limits.max_cpus is not None and not 0 < limits.max_cpus <= MAX_CPUS:
        raise Refused(ErrorCode.BAD_REQUEST, f"`max_cpus` must be a number above 0 and at most {MAX_CPUS}")
    reason = unsupported_reason(limits)
    if reason is not None:
        raise Refused(ErrorCode.LIMIT_UNAVAILABLE, reason)
    return limits
