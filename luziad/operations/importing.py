"""Imports the jobs of another luzia: their records and attempts. An import never starts anything."""

from __future__ import annotations

import time
from datetime import datetime

import msgspec

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job, JobState, Outcome
from luzia_protocol.times import is_accepted

from luziad.jobs.attempt import MAX_AMOUNT
from luziad.jobs.ids import JOB_ID
from luziad.jobs.record import NO_USER, JobRecord
from luziad.journal.journal import NULL_LISTENER
from luziad.journal.loading import record_from_job
from luziad.scheduling.scheduler import Scheduler

MAX_RECORD_BYTES = 1024 * 1024
"""A job without its task: what a daemon records of attempts and their activity is less than this."""


def import_jobs(scheduler: Scheduler, jobs: list[Job], uid: int) -> list[replies.ImportedJob]:
    """Import the jobs that do not exist here, and return the result of each. uid: whose keys theirs become."""
    counts = scheduler.table.counts()
    room = scheduler.retention.max_jobs - sum(number for state, number in counts.items() if state.is_final)
    results = []
    for job in jobs:
        try:
            result = _import_job(scheduler, job, room, uid)
        except Refused as refused:
            result = replies.ImportedJob(job.id, error=replies.Error.of(refused))
        room -= result.created
        results.append(result)
    scheduler.table.sort_final()
    return results


def _import_job(scheduler: Scheduler, job: Job, room: int, uid: int) -> replies.ImportedJob:
    if not JOB_ID.fullmatch(job.id):
        raise Refused(ErrorCode.INVALID_JOB, f"invalid job id '{job.id}'")
    if job.id in scheduler.table:
        return replies.ImportedJob(job.id, note="already exists; left unchanged")
    if not job.project or job.created_at.tzinfo is None:
        raise Refused(ErrorCode.INVALID_JOB, f"job {job.id} has no project, or a time without an offset")
    if (field := _find_invalid(job, "")) is not None:
        raise Refused(ErrorCode.INVALID_JOB, f"job {job.id}: the value of `{field}` is out of range")
    if room <= 0:
        raise Refused(ErrorCode.JOBS_FULL, f"{scheduler.retention.max_jobs} finished jobs exist, which is the limit")
    size = len(msgspec.json.encode(msgspec.structs.replace(job, task="", argv=None)))
    if size > MAX_RECORD_BYTES:
        message = f"job {job.id} has {size} bytes besides its task; the limit is {MAX_RECORD_BYTES}"
        raise Refused(ErrorCode.INVALID_JOB, message)
    record, notes = _record(scheduler, job, uid)
    scheduler.admission.add(record, NULL_LISTENER)
    return replies.ImportedJob(job.id, created=True, note="; ".join(notes) or None)


def _find_invalid(value: object, name: str) -> str | None:
    """The name of a field, or of one inside of it, with a time or number that could not be shown; None without any."""
    match value:
        case datetime():
            return None if is_accepted(value) else name
        case int() | float():
            return None if abs(value) < MAX_AMOUNT else name
        case msgspec.Struct():
            parts = [(each, getattr(value, each)) for each in value.__struct_fields__]
        case dict():
            parts = [(str(key), each) for key, each in value.items()]
        case list():
            parts = [(name, each) for each in value]
        case _:
            return None
    return next((found for part, each in parts if (found := _find_invalid(each, part)) is not None), None)


def _record(scheduler: Scheduler, job: Job, uid: int) -> tuple[JobRecord, list[str]]:
    """The job's record and notes about it. Its worktree and dependencies, which are on another machine, are dropped."""
    notes = []
    owner = scheduler.table.by_key((uid, job.key)) if job.key is not None else None
    if owner is not None:
        notes.append(f"key '{job.key}' dropped: job {owner.id} has it")
        job = msgspec.structs.replace(job, key=None)
    if not job.state.is_final:
        notes.append(f"{job.state} when exported, now lost; run it with `luzia retry {job.id}`")
        reason = f"{job.state} when it was exported from another luzia"
        job = msgspec.structs.replace(
            job, state=JobState.LOST, outcome=Outcome.LOST, reason=reason, ended_at=None, not_before=None
        )
    job = msgspec.structs.replace(job, worktree=None, discarded=None, after=[], after_any=[], after_fail=[])
    record = record_from_job(scheduler.admission.next_n(), job)
    record.spec = msgspec.structs.replace(record.spec, uid=NO_USER, key_uid=None if job.key is None else uid)
    record.durable = False
    record.project = scheduler.names.name(record.spec.directory, record.spec.project)
    if record.status.ended_at is None:
        record.status.ended_at = time.time()
    return record, notes
