"""Requests about schedules: add, list, show, pause, resume, remove and run them."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC

import msgspec

from luzia_protocol import replies, times
from luzia_protocol import schedules as wire
from luzia_protocol.dispatch import Dispatch
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import job_name

from luziad.clocks import zones
from luziad.handlers.replies import Call, committed_reply, require_writable, unconditional_reply
from luziad.handlers.services import Services
from luziad.jobs.record import NO_USER
from luziad.jobs.schedule import ScheduleRecord, ScheduleSpec, ScheduleStatus
from luziad.schedules.cron import CronError, CronExpression
from luziad.schedules.loaded_schedule import LoadedSchedule

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_LOGIN_VARIABLES = ("SSH_AUTH_SOCK",)
"""Variables of the caller that are useless after the caller has logged out."""
_EXCLUDED_FIELDS = ("key", "after", "after_any", "after_fail", "not_before", "start_in_s")


def schedule_add(services: Services, request: wire.ScheduleAdd, call: Call) -> None:
    """Validate the schedule and its job, and answer when it is on disk."""
    name, schedules = request.name, services.schedules
    services.job_factory.require_room(0)
    if not _NAME.fullmatch(name):
        message = f"invalid schedule name '{name[:80]}': use up to 64 letters, digits, '.', '_' and '-'"
        raise Refused(ErrorCode.BAD_REQUEST, message)
    known = schedules.get(name)
    if known is not None and not request.replace:
        raise Refused(ErrorCode.SCHEDULE_EXISTS, f"schedule '{name}' already exists")
    if known is None and len(schedules) >= wire.MAX_SCHEDULES:
        raise Refused(ErrorCode.SCHEDULES_FULL, f"{len(schedules)} schedules exist, which is the limit")
    zone_name = request.timezone or zones.local_zone_name(request.job.client_env | _daemon_zone(request.job))
    _validate_cron(request.cron, zone_name)
    others = sum(_size(each.record.spec.job) for each in schedules.all() if each is not known)
    if (size := others + _size(request.job)) > wire.MAX_SCHEDULES_BYTES:
        message = f"all schedules would take {size} bytes; the limit is {wire.MAX_SCHEDULES_BYTES}"
        hint = "Write long tasks to files in the projects, and name the files in the tasks."
        raise Refused(ErrorCode.SCHEDULES_FULL, message, hint)
    spec = _make_spec(services, request, zone_name)
    status = ScheduleStatus(decided=spec.created_at)
    if known is not None:
        old = known.record.status
        status.paused, status.jobs, status.last = old.paused, old.jobs, old.last
    reply = committed_reply(call, lambda: _show(services, name))
    schedules.put(ScheduleRecord(spec, status), reply)


def _size(job: Dispatch) -> int:
    return len(msgspec.json.encode(job))


def _daemon_zone(job: Dispatch) -> dict[str, str]:
    """The daemon's TZ, if the caller has none."""
    return {} if "TZ" in job.client_env or "TZ" not in os.environ else {"TZ": os.environ["TZ"]}


def _validate_cron(text: str, zone_name: str) -> None:
    zone = zones.load_zone(zone_name)
    try:
        cron = CronExpression(text)
    except CronError as exc:
        raise Refused(ErrorCode.INVALID_CRON, str(exc)) from exc
    if cron.next_after(time.time(), zone) is None:
        raise Refused(ErrorCode.INVALID_CRON, f"'{text}' never matches")


def _make_spec(services: Services, request: wire.ScheduleAdd, zone_name: str) -> ScheduleSpec:
    """The spec of the schedule, with its variables stored. Raises Refused for a job that could not be dispatched."""
    job = request.job
    defaults = Dispatch(project=job.project)
    for field in _EXCLUDED_FIELDS:
        if getattr(job, field) != getattr(defaults, field):
            raise Refused(ErrorCode.BAD_REQUEST, f"the job of a schedule cannot have `{field}`")
    if wire.SCHEDULE_TAG in job.tags:
        raise Refused(ErrorCode.BAD_REQUEST, f"the tag `{wire.SCHEDULE_TAG}` is reserved")
    tags = {**job.tags, wire.SCHEDULE_TAG: request.name}
    client_env = {name: value for name, value in job.client_env.items() if name not in _LOGIN_VARIABLES}
    # A schedule that is added from inside a job outlives that job, so its jobs are not sub-jobs.
    dispatch = msgspec.structs.replace(job, tags=tags, client_env=client_env, parent=None)
    record = services.job_factory.create(dispatch, NO_USER, None)
    return ScheduleSpec(
        name=request.name,
        cron=request.cron,
        timezone=zone_name,
        job=msgspec.structs.replace(job, id=None, env={}, client_env={}, parent=None),
        created_at=time.time(),
        missed=request.missed,
        overlap=request.overlap,
        env_set=record.spec.env_set,
        client_set=record.spec.client_set,
    )


def schedule_list(services: Services, request: wire.ScheduleList, call: Call) -> None:
    """All schedules, when their state is on disk."""
    listed = wire.ScheduleListResult([_view(services, schedule, 1) for schedule in services.schedules.all()])
    services.journal.after_commit(unconditional_reply(call, lambda: listed))


def schedule_show(services: Services, request: wire.ScheduleShow, call: Call) -> None:
    """One schedule with its next runs, when its state is on disk."""
    if not 0 <= request.runs <= wire.MAX_RUNS_SHOWN:
        raise Refused(ErrorCode.BAD_REQUEST, f"`runs` must be from 0 to {wire.MAX_RUNS_SHOWN}")
    listed = _show(services, request.name, request.runs)
    services.journal.after_commit(unconditional_reply(call, lambda: listed))


def schedule_pause(services: Services, request: wire.SchedulePause, call: Call) -> None:
    """Dispatch no more of its jobs."""
    _set_paused(services, request.name, call, paused=True)


def schedule_resume(services: Services, request: wire.ScheduleResume, call: Call) -> None:
    """Dispatch its jobs again."""
    _set_paused(services, request.name, call, paused=False)


def schedule_remove(services: Services, request: wire.ScheduleRemove, call: Call) -> None:
    """Remove a schedule, and answer with its last state when that is on disk."""
    schedule = services.schedules.find(request.name)
    require_writable(services.journal)
    removed = wire.ScheduleResult(_view(services, schedule, 0))
    services.schedules.remove(schedule)
    services.journal.after_commit(unconditional_reply(call, lambda: removed))


def schedule_run(services: Services, request: wire.ScheduleRun, call: Call) -> None:
    """Dispatch its job now."""
    schedule = services.schedules.find(request.name)
    reply = committed_reply(call, lambda: replies.DispatchResult(job.id, job_name(job.project, job.id), job.project))
    job = services.schedules.run(schedule, reply)


def _set_paused(services: Services, name: str, call: Call, *, paused: bool) -> None:
    schedule = services.schedules.find(name)
    require_writable(services.journal)
    services.schedules.set_paused(schedule, paused=paused)
    changed = _show(services, name)
    services.journal.after_commit(unconditional_reply(call, lambda: changed))


def _show(services: Services, name: str, runs: int = wire.NEXT_RUNS) -> wire.ScheduleResult:
    return wire.ScheduleResult(_view(services, services.schedules.find(name), runs))


def _view(services: Services, schedule: LoadedSchedule, runs: int) -> wire.Schedule:
    """The schedule as clients see it, with its next runs. Times are in its zone."""
    spec, status, zone = schedule.record.spec, schedule.record.status, schedule.zone or UTC
    last = None
    if status.last is not None:
        job = services.table.get(status.last.job)
        last = wire.Run(
            at=times.to_datetime(status.last.at).astimezone(zone),
            job=status.last.job or None,
            state=None if job is None else job.status.state,
            note=status.last.note,
        )
    return wire.Schedule(
        name=spec.name,
        cron=spec.cron,
        timezone=spec.timezone,
        job=spec.job,
        missed=spec.missed,
        overlap=spec.overlap,
        created_at=times.to_datetime(spec.created_at).astimezone(zone),
        paused=status.paused,
        next=[times.to_datetime(at_s).astimezone(zone) for at_s in schedule.next_runs(runs)],
        last=last,
        live=[job.id for job in services.schedules.live(schedule)],
        env_names=services.scheduler.environments.names(spec.env_set),
        problem=schedule.problem,
    )
