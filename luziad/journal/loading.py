"""Fills the job table at the start: from the store, and after a damage from the directories of the jobs."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import msgspec

from luzia_protocol.jobs import Attempt, Job

from luziad.errors import StoreDamagedError
from luziad.jobs.dependencies import After
from luziad.jobs.environments import LOST, NONE, Environments
from luziad.jobs.family import Place
from luziad.jobs.ids import JOB_ID
from luziad.jobs.launch_options import Manner
from luziad.jobs.record import AttemptRecord, JobFate, JobRecord, JobSpec
from luziad.jobs.requirements import NO_CLAIMS, Claims
from luziad.jobs.schedule import ScheduleRecord
from luziad.jobs.status_file import STATUS_NAME
from luziad.jobs.table import JobTable
from luziad.store.sqlite import Store

log = logging.getLogger("luziad.loading")


def load(store: Store) -> tuple[JobTable, Environments]:
    """All jobs and their variables as the store has them. Raises StoreDamagedError."""
    environments = Environments(store.load_environments())
    table = JobTable()
    decode_spec = msgspec.json.Decoder(JobSpec).decode
    decode_fate = msgspec.json.Decoder(JobFate).decode
    specs: dict[str, str] = {}
    try:
        for n, job, spec_text, fate_text in store.load_jobs():
            spec = _shared(decode_spec(spec_text), specs)
            table.add(JobRecord(n, job, spec, decode_fate(fate_text), durable=True))
            environments.use_again(spec.env_set)
            environments.use_again(spec.client_set)
    except msgspec.DecodeError as exc:
        raise StoreDamagedError(f"{store.path}: a job cannot be read: {exc}") from exc
    table.sort_final()
    for record in load_schedules(store).values():
        environments.use_again(record.spec.env_set)
        environments.use_again(record.spec.client_set)
    return table, environments


def load_schedules(store: Store) -> dict[str, ScheduleRecord]:
    """All schedules by name. Raises StoreDamagedError."""
    decode = msgspec.json.Decoder(ScheduleRecord).decode
    try:
        return {name: decode(text) for name, text in store.load_schedules().items()}
    except msgspec.DecodeError as exc:
        raise StoreDamagedError(f"{store.path}: a schedule cannot be read: {exc}") from exc


def _shared(spec: JobSpec, texts: dict[str, str]) -> JobSpec:
    """The spec with one copy of the texts that many jobs have in common."""
    for text in (spec.project, spec.directory, spec.agent):
        texts.setdefault(text, text)
    return msgspec.structs.replace(
        spec, project=texts[spec.project], directory=texts[spec.directory], agent=texts[spec.agent]
    )


def from_directories(jobs_dir: Path, table: JobTable) -> list[JobRecord]:
    """Jobs that have a directory and are newer there than in the table, or not in it, oldest first.

    The variables that were set for them are lost with the store, so those that had any cannot run again.
    """
    found: list[Job] = []
    for file in jobs_dir.glob(f"*/{STATUS_NAME}"):
        if not JOB_ID.fullmatch(file.parent.name):
            continue
        try:
            job = msgspec.json.decode(file.read_bytes(), type=Job)
        except (OSError, msgspec.DecodeError) as exc:
            log.warning("status_file_not_read file=%s error=%s", file, exc)
            continue
        known = table.get(job.id)
        if job.id == file.parent.name and (known is None or known.fate.seq < job.seq):
            found.append(job)
    found.sort(key=lambda each: each.created_at)
    first = max((record.n for record in table.newest_first()), default=0) + 1
    return [record_of(first + number, job) for number, job in enumerate(found)]


def record_of(n: int, job: Job) -> JobRecord:
    """The record that a job on the wire was made of, without the values of its variables."""
    return JobRecord(n, job.id, _spec(job), _fate(job), durable=True)


def _spec(job: Job) -> JobSpec:
    return JobSpec(
        project=job.project,
        directory=job.cwd,
        agent=job.agent,
        created_at=job.created_at.timestamp(),
        task=job.task if job.argv is None else "",
        argv=job.argv,
        key=job.key,
        env_set=LOST if job.env_names else NONE,
        timeout_s=job.timeout_s,
        terms=job.terms,
        place=_place(job),
        bounds=job.bounds,
        stall_timeout_s=job.stall_timeout_s,
        manner=None if job.worktree is None else Manner(worktree=True),
        claims=_claims(job),
    )


def _claims(job: Job) -> Claims | None:
    claims = Claims(job.priority, job.needs, job.cpus, job.memory_bytes)
    return None if claims == NO_CLAIMS else claims


def _place(job: Job) -> Place | None:
    if not (job.node or job.tags or job.ancestors or job.run_of):
        return None
    return Place(node=job.node or "", tags=job.tags, ancestors=tuple(job.ancestors), run_of=job.run_of)


def _fate(job: Job) -> JobFate:
    return JobFate(
        state=job.state,
        attempts=tuple(_attempt(each, job) for each in job.attempts),
        progress=job.progress,
        outcome=job.outcome,
        reason=job.reason,
        ended_at=_epoch(job.ended_at),
        seq=job.seq,
        after=_after(job),
        tree=job.worktree,
        held_at=_epoch(job.held_at),
    )


def _after(job: Job) -> After | None:
    after = After(completed=tuple(job.after), ended=tuple(job.after_any), failed=tuple(job.after_fail))
    return after if after.parents else None


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
        activity=(job.activity if attempt.number == job.attempt else None) or attempt.activity,
    )


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
