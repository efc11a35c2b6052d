"""Validates a job's priority and what it reserves: resources, CPUs and memory."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import MAX_CPUS, MAX_PRIORITY
from luzia_protocol.requests import Dispatch

from luziad.config.schema import Config, ProjectConfig
from luziad.jobs.record import JobRecord
from luziad.jobs.requirements import LOCAL, Requirements
from luziad.jobs.resources import describe_amount, describe_free
from luziad.operations.operations import Cluster

_LACK_HINT = "Request less, or add a node that has it to the cluster."
_GPUS_HINT = "Name the cluster with `--on NAME`; for GPUs of this machine, use [resources] and `--needs`."


def validate_requirements(
    request: Dispatch,
    project: str,
    config: Config,
    executor: str | None,
    capacity: Mapping[str, int],
    parent: JobRecord | None,
) -> Requirements | None:
    """The job's priority and reservations; None for the many jobs without any.

    executor: from choose_executor. capacity: the total of every resource, in units. parent: the parent job. Its
    priority is the default, so that an urgent job does not wait for sub-jobs that are not. Raises Refused.
    """
    priority = request.priority
    if priority is None and parent is not None:
        priority = parent.wants.priority
    if priority is None and project in config.projects:
        priority = config.projects[project].priority
    if request.gpus is not None:
        if not 0 < request.gpus <= MAX_CPUS:
            raise Refused(ErrorCode.BAD_REQUEST, "`gpus` must be a number above 0")
        if executor is None:
            raise Refused(ErrorCode.NEEDS_TOO_MUCH, "GPUs are reserved on the nodes of a cluster only", _GPUS_HINT)
    wants = (request.needs, executor, request.cpus is not None, request.memory_bytes is not None)
    if not (priority or any(wants)):
        return None
    validate_priority(priority or 0)
    if request.cpus is not None and not 0 < request.cpus <= MAX_CPUS:
        raise Refused(ErrorCode.BAD_REQUEST, "`cpus` must be a number above 0")
    if request.memory_bytes is not None and request.memory_bytes < 1:
        raise Refused(ErrorCode.BAD_REQUEST, "`memory_bytes` must be a number above 0")
    for name, amount in request.needs.items():
        if executor is None:
            _validate_known(name, config)
        if amount < 1:
            raise Refused(ErrorCode.BAD_REQUEST, f"the amount of {name} must be 1 or more, not {amount}")
    requirements = Requirements(
        priority or 0, request.needs, request.cpus, request.memory_bytes, executor, request.gpus
    )
    for name, amount in requirements.resources:
        if amount > capacity[name]:
            message = f"the job needs {describe_amount(name, amount)}, more than exists: "
            raise Refused(ErrorCode.NEEDS_TOO_MUCH, message + describe_free(name, capacity[name], 0))
    return requirements


def validate_priority(priority: int) -> None:
    """Raise Refused for an invalid priority."""
    if abs(priority) > MAX_PRIORITY:
        raise Refused(ErrorCode.BAD_REQUEST, f"`priority` must be from {-MAX_PRIORITY} to {MAX_PRIORITY}")


def choose_executor(request: Dispatch, project: ProjectConfig, config: Config) -> str | None:
    """The cluster that a job runs on, by its dispatch or its project; None is this machine. Raises Refused."""
    name = project.executor if request.executor is None else request.executor
    if name is None or name == LOCAL:
        return None
    if name not in config.executors:
        known = ", ".join([LOCAL, *config.executors])
        hint = f"Known executors: {known}. Add it to [executors] in config.toml."
        raise Refused(ErrorCode.UNKNOWN_EXECUTOR, f"executor '{name}' not found", hint)
    return name


def needs_worktree(request: Dispatch, project: ProjectConfig, executor: str, config: Config) -> bool:
    """Whether the job must have a worktree: its nodes have no other files of the project. Raises Refused."""
    if config.executors[executor].shared_filesystem:
        return False
    what = f"the nodes of executor {executor} do not share the project's files"
    if request.worktree is False:
        message = f"`worktree` is false, and {what}"
        raise Refused(ErrorCode.BAD_REQUEST, message, "Omit `--no-worktree`, or use `--on local`.")
    if project.worktrees.link:
        message = f"its worktrees have links to files of the project (`link`), and {what}"
        raise Refused(ErrorCode.BAD_REQUEST, message, "Use `copy` in place of `link`, or `--on local`.")
    return True


def find_cluster(name: str, clusters: Mapping[str, Cluster]) -> Cluster:
    """The cluster of a job, which must be one that can be used. Raises Refused."""
    cluster = clusters.get(name)
    if cluster is None:
        message = f"executor {name} was added to the configuration after the start of luziad"
        raise Refused(ErrorCode.UNKNOWN_EXECUTOR, message, "Restart it with `luzia daemon restart`.")
    if cluster.is_refused:
        raise Refused(ErrorCode.EXECUTOR_UNAVAILABLE, cluster.cluster_problem or "")
    return cluster


def validate_feasible(requirements: Requirements, cluster: Cluster) -> None:
    """Check that a job can ever run on its cluster. Raises Refused."""
    if (lack := cluster.infeasible_reason(requirements)) is not None:
        raise Refused(ErrorCode.NEEDS_TOO_MUCH, f"{lack} (executor {requirements.executor})", _LACK_HINT)


def _validate_known(name: str, config: Config) -> None:
    if name not in config.resources:
        near = difflib.get_close_matches(name, config.resources, n=1)
        known = f"Known resources: {', '.join(config.resources)}." if config.resources else "None is configured."
        hint = f"Did you mean {near[0]}? {known}" if near else f"{known} Add it to [resources] in config.toml."
        raise Refused(ErrorCode.UNKNOWN_RESOURCE, f"resource '{name}' not found", hint)
