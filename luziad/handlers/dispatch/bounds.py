"""Checks what a dispatch says about what its job may use at most."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import MAX_CPUS, Bounds
from luzia_protocol.requests import Dispatch

from luziad.config.rules import BYTES, COUNT
from luziad.config.schema import ProjectConfig

T = TypeVar("T")

_NONE = Bounds()


def bounds_of(
    request: Dispatch, project: ProjectConfig | None, problem_with: Callable[[Bounds], str | None]
) -> Bounds | None:
    """What the job may use, by the request, otherwise by its project; None for no limit.

    problem_with: says why limits cannot be kept here. Raises Refused.
    """
    asked = Bounds(request.max_memory_bytes, request.max_processes, request.max_cpus)
    if project is not None:
        asked = Bounds(
            _first(asked.max_memory_bytes, project.max_memory_bytes),
            _first(asked.max_processes, project.max_processes),
            _first(asked.max_cpus, project.max_cpus),
        )
    if asked == _NONE:
        return None
    if asked.max_memory_bytes is not None and not BYTES.accepts(asked.max_memory_bytes):
        raise Refused(ErrorCode.BAD_REQUEST, f"`max_memory_bytes` must be {BYTES.expected}")
    if asked.max_processes is not None and not COUNT.accepts(asked.max_processes):
        raise Refused(ErrorCode.BAD_REQUEST, f"`max_processes` must be {COUNT.expected}")
    if asked.max_cpus is not None and not 0 < asked.max_cpus <= MAX_CPUS:
        raise Refused(ErrorCode.BAD_REQUEST, f"`max_cpus` must be a number above 0 and at most {MAX_CPUS}")
    problem = problem_with(asked)
    if problem is not None:
        raise Refused(ErrorCode.LIMIT_UNAVAILABLE, problem)
    return asked


def _first(own: T | None, theirs: T | None) -> T | None:
    return theirs if own is None else own
