"""`again`: dispatch a job like an earlier one, with the settings of its dispatch."""

from __future__ import annotations

from msgspec.structs import replace

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import NO_TERMS, Bounds, LaunchOptions
from luzia_protocol.requests import Again, Dispatch

from luziad.errors import StorageError
from luziad.handlers.dispatch_job import dispatch
from luziad.handlers.replies import Call, storage_refusal
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord, JobSpec
from luziad.jobs.requirements import LOCAL, NO_REQUIREMENTS


def again(services: Services, request: Again, call: Call) -> None:
    """Validate the new job as a dispatch, record it, and answer when it is on disk."""
    record = services.table.find(request.job, call.uid)
    try:
        spec = services.scheduler.launcher.whole_spec(record)
    except StorageError as exc:
        raise storage_refusal(exc) from exc
    if request.task is not None and spec.argv is not None:
        raise Refused(ErrorCode.INVALID_TASK, f"job {record.id} runs a command and has no task")
    env = services.scheduler.environments.get(spec.env_set)
    if env is None:
        raise Refused(ErrorCode.STORAGE_UNAVAILABLE, f"the variables of job {record.id} cannot be read")
    renewed = replace(
        _dispatch_of(record, spec),
        env=env,
        key=request.key,
        client_env=request.client_env,
        umask=request.umask,
        parent=request.parent,
    )
    dispatch(services, renewed if request.task is None else replace(renewed, task=request.task), call)


def _dispatch_of(record: JobRecord, spec: JobSpec) -> Dispatch:
    """The request that dispatched a job, without start times, dependencies, variables and its caller's properties."""
    terms, bounds = spec.terms or NO_TERMS, spec.bounds or Bounds()
    options, requirements = spec.launch_options or LaunchOptions(), spec.requirements or NO_REQUIREMENTS
    node = "" if spec.origin is None else spec.origin.node
    return Dispatch(
        project=spec.directory,
        task=None if spec.argv is not None else spec.task,
        argv=spec.argv,
        agent=None if spec.argv is not None else spec.agent,
        cwd=spec.cwd,
        timeout_s=spec.timeout_s,
        retries=terms.retries,
        retry_on=terms.retry_on,
        backoff_s=terms.backoff_s,
        expires_s=terms.expires_s,
        job_timeout_s=terms.job_timeout_s,
        max_cost_usd=terms.max_cost_usd,
        max_turns=terms.max_turns,
        auto_resume=terms.auto_resume,
        tags={} if spec.origin is None else spec.origin.tags,
        stall_timeout_s=spec.stall_timeout_s,
        worktree=options.worktree,
        priority=requirements.priority,
        needs=requirements.needs,
        cpus=requirements.cpus,
        memory_bytes=requirements.memory_bytes,
        executor=requirements.executor or LOCAL,
        gpus=requirements.gpus,
        max_memory_bytes=bounds.max_memory_bytes,
        max_processes=bounds.max_processes,
        max_cpus=bounds.max_cpus,
        ask=options.ask,
        system_prompt=options.system_prompt or None,
        model=options.model,
        permission_mode=options.permission_mode,
        args=options.args,
        base=options.base,
        review=spec.review,
        name="" if node.isdigit() else node,
    )
