"""Loads the job table at the start: from the store and, after damage, from the jobs' directories."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Attempt, Job, LaunchOptions, Review

from luziad.errors import StoreDamagedError
from luziad.jobs.abridging import abridge, measure
from luziad.jobs.dependencies import Dependencies
from luziad.jobs.environments import LOST_VARIABLES, NO_VARIABLES, Environments
from luziad.jobs.family import Origin
from luziad.jobs.ids import JOB_ID
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.jobs.requirements import NO_REQUIREMENTS, Requirements
from luziad.jobs.schedule import ScheduleRecord
from luziad.jobs.search import fold_record
from luziad.jobs.session_totals import separate_attempts
from luziad.jobs.status_file import MAX_STATUS_BYTES, STATUS_NAME
from luziad.jobs.table import JobTable
from luziad.store.single_values import SingleValues
from luziad.store.sqlite import Store
from luziad.supervise.regular_files import read_regular

log = logging.getLogger("luziad.loading")


def load(store: Store) -> tuple[JobTable, Environments]:
    """Load all jobs and their variables from the store. Raises StoreDamagedError."""
    environments = Environments(read=SingleValues(store.path).variables)
    for number, variables in store.load_environments():
        environments.restore(number, variables)
    table = JobTable()
    decode_spec = msgspec.json.Decoder(JobSpec).decode
    decode_fate = msgspec.json.Decoder(JobStatus).decode
    specs: dict[str, str] = {}
    try:
        for n, job, spec_text, fate_text in store.load_jobs():
            spec = _shared(decode_spec(spec_text), specs)
            status = decode_fate(fate_text)
            separate_attempts(status.attempts, spec.agent)
            record = JobRecord(n, job, spec, status, durable=True)
            record.size = measure(record)
            abridge(record)
            fold_record(record)  # here it takes a twentieth of the time of the start; the first search need not
            table.add(record)
            environments.restore_use(spec.env_set)
            environments.restore_use(spec.client_set)
    except msgspec.DecodeError as exc:
        raise StoreDamagedError(f"{store.path}: a job cannot be read: {exc}") from exc
    table.sort_final()
    for schedule in load_schedules(store).values():
        environments.restore_use(schedule.spec.env_set)
        environments.restore_use(schedule.spec.client_set)
    return table, environments


def load_schedules(store: Store) -> dict[str, ScheduleRecord]:
    """Load all schedules by name. Raises StoreDamagedError."""
    decode = msgspec.json.Decoder(ScheduleRecord).decode
    try:
        return {name: decode(text) for name, text in store.load_schedules().items()}
    except msgspec.DecodeError as exc:
        raise StoreDamagedError(f"{store.path}: a schedule cannot be read: {exc}") from exc


def _shared(spec: JobSpec, texts: dict[str, str]) -> JobSpec:
    """The spec, with one copy in memory of the strings that many jobs share."""
    for text in (spec.project, spec.directory, spec.agent, spec.jobs_dir or ""):
        texts.setdefault(text, text)
    return msgspec.structs.replace(
        spec,
        project=texts[spec.project],
        directory=texts[spec.directory],
        agent=texts[spec.agent],
        jobs_dir=texts[spec.jobs_dir] if spec.jobs_dir else None,
    )


def find_newer_jobs(jobs_dirs: Iterable[str], table: JobTable) -> list[JobRecord]:
    """Find the jobs whose directory has a newer status than the table, or that are not in it, oldest first.

    jobs_dirs: where the directories of jobs are. Their variables are lost with the store, so a job that had any cannot
    run again.
    """
    found: list[tuple[Job, str]] = []
    for file in (file for jobs_dir in jobs_dirs for file in Path(jobs_dir).glob(f"*/{STATUS_NAME}")):
        if not JOB_ID.fullmatch(file.parent.name):
            continue
        try:
            job = msgspec.json.decode(read_regular(str(file), MAX_STATUS_BYTES), type=Job)
        except (OSError, msgspec.DecodeError) as exc:
            log.warning("status_file_not_read file=%s error=%s", file, exc)
            continue
        known = table.get(job.id)
        if job.id == file.parent.name and (known is None or known.status.seq < job.seq):
            found.append((job, str(file.parent.parent)))
    found.sort(key=lambda each: each[0].created_at)
    first = max((record.n for record in table.newest_first()), default=0) + 1
    records = [record_from_job(first + number, job) for number, (job, _) in enumerate(found)]
    for record, (_, jobs_dir) in zip(records, found, strict=True):
        record.spec = msgspec.structs.replace(record.spec, jobs_dir=jobs_dir)
    return records


def record_from_job(n: int, job: Job) -> JobRecord:
    """The record of a job, made from the protocol's Job; the values of its variables are not part of that."""
    return JobRecord(n, job.id, _spec(job), _status(job), durable=True)


def _spec(job: Job) -> JobSpec:
    return JobSpec(
        project=job.project,
        directory=job.project_directory or job.cwd,
        cwd=None if job.project_directory is None else job.cwd,
        agent=job.agent,
        created_at=job.created_at.timestamp(),
        task=job.task if job.argv is None else "",
        argv=job.argv,
        key=job.key,
        env_set=LOST_VARIABLES if job.env_names else NO_VARIABLES,
        timeout_s=job.timeout_s,
        terms=job.terms,
        origin=_origin(job),
        bounds=job.bounds,
        stall_timeout_s=job.stall_timeout_s,
        launch_options=job.launch or (None if job.worktree is None else LaunchOptions(worktree=True)),
        umask=job.umask,
        requirements=_requirements(job),
        review=job.review is not None and (job.race is None or job.race.check),  # each racer is reviewed
    )


def _requirements(job: Job) -> Requirements | None:
    requirements = Requirements(job.priority, job.needs, job.cpus, job.memory_bytes, job.executor, job.gpus)
    return None if requirements == NO_REQUIREMENTS else requirements


def _origin(job: Job) -> Origin | None:
    if not (job.node or job.tags or job.ancestors or job.run_of or job.race):
        return None
    ancestors = tuple(job.ancestors)
    return Origin(node=job.node or "", tags=job.tags, ancestors=ancestors, run_of=job.run_of, race=job.race)


def _status(job: Job) -> JobStatus:
    attempts = tuple(_attempt(each, job) for each in job.attempts)
    separate_attempts(attempts, job.agent)
    return JobStatus(
        state=job.state,
        attempts=attempts,
        progress=job.progress,
        outcome=job.outcome,
        reason=job.reason,
        ended_at=_epoch(job.ended_at),
        seq=job.seq,
        dependencies=_dependencies(job),
        worktree=job.worktree,
        discarded=job.discarded,
        held_at=_epoch(job.held_at),
        review=None if job.review is Review.WANTED else job.review,
        collisions=tuple(job.collisions),
    )


def _dependencies(job: Job) -> Dependencies | None:
    dependencies = Dependencies(completed=tuple(job.after), ended=tuple(job.after_any), failed=tuple(job.after_fail))
    return dependencies if dependencies.parents else None


def _attempt(attempt: Attempt, job: Job) -> AttemptRecord:
    return AttemptRecord(
        number=attempt.number,
        starting_at=_epoch(attempt.starting_at) or job.created_at.timestamp(),
        started_at=_epoch(attempt.started_at),
        ended_at=_epoch(attempt.ended_at),
        duration_s=attempt.duration_s,
        pid=attempt.pid,
        exit_code=attempt.exit_code,
        signal=attempt.signal,
        outcome=attempt.outcome,
        reason=attempt.reason,
        usage=attempt.usage,
        lost_bytes=attempt.lost_bytes,
        activity=_activity(attempt.activity, job.activity) if attempt.number == job.attempt else attempt.activity,
    )


def _activity(own: Activity | None, of_job: Activity | None) -> Activity | None:
    """The activity of the newest attempt, with the long parts that daemons once told of the job only."""
    if own is None or of_job is None:
        return own
    return msgspec.structs.replace(
        own,
        tools=own.tools or (of_job.tools if own.tool_calls else {}),
        files=own.files or (of_job.files if own.file_count else []),
        plan=own.plan or (of_job.plan if own.plan_total is not None else []),
        last_message=of_job.last_message if own.last_message is not None else None,
        asked=of_job.asked,
    )


def _epoch(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()
