"""The requests about schedules: add, list, show, pause, resume, remove and run them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

import msgspec

from luzia_protocol import replies
from luzia_protocol import schedules as wire
from luzia_protocol.dispatch import Dispatch
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import job_name

from luziad.clocks import zones
from luziad.handlers.base import AnsweredAnyway, Asked, Call, Services
from luziad.handlers.changes import must_be_writable
from luziad.handlers.dispatch.dispatch import check_room, new_record
from luziad.handlers.schedule_view import schedule_view
from luziad.jobs.dependencies import Dependencies
from luziad.jobs.record import JobRecord
from luziad.jobs.schedule import ScheduleRecord, ScheduleSpec, ScheduleStatus
from luziad.operations.importing import NOBODY
from luziad.schedules.cron import Cron, CronError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_OF_ONE_LOGIN = ("SSH_AUTH_SOCK",)
"""Variables of the caller's that are of no use any more once the caller has logged out."""
_NOT_OF_A_SCHEDULE = ("key", "after", "after_any", "after_fail", "not_before", "start_in_s")


def schedule_add(services: Services, request: wire.ScheduleAdd, call: Call) -> None:
    """Check the schedule and what it dispatches, and answer when it is on disk."""
    name, schedules = request.name, services.schedules
    check_room(services, 0)
    if not _NAME.fullmatch(name):
        message = f"{name[:80]!r} cannot be the name of a schedule: it has up to 64 letters, digits, '.', '_' and '-'"
        raise Refused(ErrorCode.BAD_REQUEST, message)
    known = schedules.get(name)
    if known is not None and not request.replace:
        raise Refused(ErrorCode.SCHEDULE_EXISTS, f"there is a schedule {name!r} already")
    if known is None and len(schedules) >= wire.MAX_SCHEDULES:
        raise Refused(ErrorCode.SCHEDULES_FULL, f"there are {len(schedules)} schedules, and that is the limit")
    zone_name = request.timezone or zones.local_zone_name(request.job.client_env | _own_zone(request.job))
    _check_cron(request.cron, zone_name)
    spec = _spec(services, request, zone_name)
    fate = ScheduleStatus(decided=spec.created_at)
    if known is not None:
        fate.paused, fate.jobs, fate.last = (
            known.record.status.paused,
            known.record.status.jobs,
            known.record.status.last,
        )
    asked = Asked(call, lambda: _scheduled(services, name))
    schedules.put(ScheduleRecord(spec, fate), asked)


def _own_zone(job: Dispatch) -> dict[str, str]:
    """The daemon's TZ, where the caller has none."""
    return {} if "TZ" in job.client_env or "TZ" not in os.environ else {"TZ": os.environ["TZ"]}


def _check_cron(text: str, zone_name: str) -> None:
    zone = zones.load_zone(zone_name)
    try:
        cron = Cron(text)
    except CronError as exc:
        raise Refused(ErrorCode.INVALID_CRON, str(exc)) from exc
    if cron.next_after(time.time(), zone) is None:
        raise Refused(ErrorCode.INVALID_CRON, f"no moment fits {text!r}")


def _spec(services: Services, request: wire.ScheduleAdd, zone_name: str) -> ScheduleSpec:
    """The schedule, whose variables are kept from now on. Raises Refused for a job that could not be dispatched."""
    job = request.job
    defaults = Dispatch(project=job.project)
    for field in _NOT_OF_A_SCHEDULE:
        if getattr(job, field) != getattr(defaults, field):
            raise Refused(ErrorCode.BAD_REQUEST, f"a schedule says when its jobs start, so they have no `{field}`")
    if wire.SCHEDULE_TAG in job.tags:
        raise Refused(ErrorCode.BAD_REQUEST, f"the tag `{wire.SCHEDULE_TAG}` is the schedule's own")
    tags = {**job.tags, wire.SCHEDULE_TAG: request.name}
    client_env = {name: value for name, value in job.client_env.items() if name not in _OF_ONE_LOGIN}
    # Whoever adds it from inside a job has a schedule that outlives that job, and no sub-jobs.
    asked = msgspec.structs.replace(job, tags=tags, client_env=client_env, parent=None)
    made = new_record(services, asked, NOBODY, None)
    return ScheduleSpec(
        name=request.name,
        cron=request.cron,
        timezone=zone_name,
        job=msgspec.structs.replace(job, id=None, env={}, client_env={}, parent=None),
        created_at=time.time(),
        missed=request.missed,
        overlap=request.overlap,
        env_set=made.spec.env_set,
        client_set=made.spec.client_set,
    )


def maker(services: Services) -> Callable[[Dispatch, Dependencies | None], JobRecord]:
    """What makes the record of a scheduled job, checked as if it was dispatched now; it raises Refused."""

    def make(request: Dispatch, after: Dependencies | None) -> JobRecord:
        check_room(services, 1)
        return new_record(services, request, NOBODY, after)

    return make


def schedule_list(services: Services, request: wire.ScheduleList, call: Call) -> None:
    """All schedules, when what is said of them is on disk."""
    shown = wire.ScheduleListResult([schedule_view(services, entry, 1) for entry in services.schedules.all()])
    services.journal.after_commit(AnsweredAnyway(call, lambda: shown))


def schedule_show(services: Services, request: wire.ScheduleShow, call: Call) -> None:
    """One schedule with its next runs, when what is said of it is on disk."""
    if not 0 <= request.runs <= wire.MAX_RUNS_SHOWN:
        raise Refused(ErrorCode.BAD_REQUEST, f"`runs` is from 0 to {wire.MAX_RUNS_SHOWN}")
    shown = _scheduled(services, request.name, request.runs)
    services.journal.after_commit(AnsweredAnyway(call, lambda: shown))


def schedule_pause(services: Services, request: wire.SchedulePause, call: Call) -> None:
    """Let nothing of it be dispatched."""
    _pause(services, request.name, call, paused=True)


def schedule_resume(services: Services, request: wire.ScheduleResume, call: Call) -> None:
    """Let it be dispatched again."""
    _pause(services, request.name, call, paused=False)


def schedule_remove(services: Services, request: wire.ScheduleRemove, call: Call) -> None:
    """Forget it; answer, with what it was, when that is on disk."""
    entry = services.schedules.find(request.name)
    must_be_writable(services)
    was = wire.ScheduleResult(schedule_view(services, entry, 0))
    services.schedules.remove(entry)
    services.journal.after_commit(AnsweredAnyway(call, lambda: was))


def schedule_run(services: Services, request: wire.ScheduleRun, call: Call) -> None:
    """Dispatch its job now."""
    entry = services.schedules.find(request.name)
    asked = Asked(call, lambda: replies.DispatchResult(job.id, job_name(job.project, job.id), job.project))
    job = services.schedules.run(entry, asked)


def _pause(services: Services, name: str, call: Call, *, paused: bool) -> None:
    entry = services.schedules.find(name)
    must_be_writable(services)
    services.schedules.pause(entry, paused=paused)
    changed = _scheduled(services, name)
    services.journal.after_commit(AnsweredAnyway(call, lambda: changed))


def _scheduled(services: Services, name: str, runs: int = wire.NEXT_RUNS) -> wire.ScheduleResult:
    return wire.ScheduleResult(schedule_view(services, services.schedules.find(name), runs))
