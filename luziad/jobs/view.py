"""The job as clients see it, made from the daemon's record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from luzia_protocol import times
from luzia_protocol.activity import MAX_DETAIL_CHARS, Activity
from luzia_protocol.jobs import LIST_TASK_CHARS, Attachment, Attempt, Budget, Collision, Job, JobState, job_name

from luziad.jobs.abridging import text_size
from luziad.jobs.activity import job_activity, shorten
from luziad.jobs.questions import open_questions
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec
from luziad.jobs.requirements import NO_REQUIREMENTS
from luziad.jobs.start_time import next_start_at


def lost_bytes(attempt: AttemptRecord) -> int:
    """How much of its stdout the job has truncated: what the daemon or the shim has noticed."""
    return max(attempt.lost_bytes, attempt.activity.lost_bytes if attempt.activity is not None else 0)


def to_datetime(epoch_s: float | None) -> datetime | None:
    """Epoch seconds as an aware datetime in UTC, whatever a record has."""
    return None if epoch_s is None else times.to_datetime(epoch_s)


def summarize_job(record: JobRecord, reason: str | None, collisions: Sequence[Collision] = ()) -> Job:
    """The protocol's Job as lists show it. reason: the computed or recorded one. collisions: those that are known."""
    spec, fate, attempt = record.spec, record.status, record.attempt
    task = task_text(record)
    requirements = spec.requirements or NO_REQUIREMENTS
    waits = fate.state is JobState.QUEUED
    shown = None if waits else attempt
    return Job(
        id=record.id,
        name=job_name(record.project, record.id),
        project=record.project,
        agent=spec.agent,
        task=task[:LIST_TASK_CHARS],
        state=fate.state,
        created_at=times.to_datetime(spec.created_at),
        attempt=attempt.number if attempt else 0,
        reason=reason,
        started_at=to_datetime(shown.started_at) if shown else None,
        ended_at=to_datetime(fate.ended_at),
        duration_s=shown.duration_s if shown else None,
        exit_code=shown.exit_code if shown else None,
        signal=shown.signal if shown else None,
        outcome=fate.outcome,
        progress=fate.progress,
        usage=shown.usage if shown else None,
        pid=shown.pid if shown and not fate.state.is_final else None,
        task_bytes=text_size(task) if record.task_bytes is None else record.task_bytes,
        argv=spec.argv,
        cwd=spec.cwd or spec.directory,
        key=spec.key,
        timeout_s=spec.timeout_s,
        seq=fate.seq,
        stall_timeout_s=spec.stall_timeout_s,
        activity=shorten(job_activity(fate.attempts, waits=waits)),
        not_before=to_datetime(next_start_at(record)),
        terms=spec.terms,
        tags=spec.origin.tags if spec.origin else {},
        node=spec.origin.node or None if spec.origin else None,
        run_of=spec.origin.run_of if spec.origin else None,
        bounds=spec.bounds,
        after=[*fate.dependencies.completed] if fate.dependencies else [],
        after_any=[*fate.dependencies.ended] if fate.dependencies else [],
        after_fail=[*fate.dependencies.failed] if fate.dependencies else [],
        worktree=fate.worktree,
        discarded=fate.discarded,
        priority=requirements.priority,
        needs=requirements.needs,
        cpus=requirements.cpus,
        memory_bytes=requirements.memory_bytes,
        executor=requirements.executor,
        gpus=requirements.gpus,
        question=next(iter(open_questions(attempt)), None) if attempt and fate.state is JobState.WAITING else None,
        held_at=to_datetime(fate.held_at) if fate.state is JobState.QUEUED else None,
        parent=record.ancestors[-1] if record.ancestors else None,
        ancestors=[*record.ancestors],
        attached=_attachment(attempt) if attempt and not fate.state.is_final and not waits else None,
        review=record.review,
        race=record.race,
        collisions=[*collisions],
    )


def describe_job(
    record: JobRecord,
    reason: str | None,
    collisions: Sequence[Collision] = (),
    *,
    spec: JobSpec | None = None,
    env_names: list[str] | None = None,
    directory: str | None = None,
    children: Iterable[JobRecord] = (),
    budget: Budget | None = None,
    model: str | None = None,
    permission_mode: str | None = None,
    args: Sequence[str] = (),
) -> Job:
    """The protocol's Job with what lists leave out: the whole task, all attempts, the whole activity.

    spec: the job's, whole; None for the record's.
    """
    spec = spec or record.spec
    attempts = record.status.attempts
    return replace(
        summarize_job(record, reason, collisions),
        task=spec_text(spec),
        argv=spec.argv,
        attempts=[_attempt_view(*each) for each in zip(attempts, _activities(attempts), strict=True)],
        activity=job_activity(attempts, waits=record.status.state is JobState.QUEUED),
        env_names=env_names or [],
        directory=directory if attempts else None,
        children=dict(Counter(child.status.state for child in children if child.durable)),
        budget=budget,
        model=model,
        permission_mode=permission_mode,
        args=[*args],
        launch=record.spec.launch_options,
        umask=record.spec.umask,
        project_directory=None if record.spec.cwd is None else record.spec.directory,
    )


def unreadable_job(record: JobRecord) -> Job:
    """A job whose record has a value that cannot be shown."""
    return Job(
        id=record.id,
        name=job_name(record.project, record.id),
        project=record.project,
        agent=record.spec.agent,
        task=task_text(record)[:LIST_TASK_CHARS],
        state=record.status.state,
        created_at=times.to_datetime(record.spec.created_at),
        reason="its record has an invalid value, see the daemon's log; `luzia remove` removes the job",
    )


def task_text(record: JobRecord) -> str:
    """What the user typed, or the command of a `run` job."""
    return spec_text(record.spec)


def spec_text(spec: JobSpec) -> str:
    """The task of a spec, or its command as text."""
    return spec.task if spec.argv is None else " ".join(spec.argv)


def _activities(attempts: Sequence[AttemptRecord]) -> list[Activity | None]:
    """The activities of attempts, in their order: whole while there is room for them, the newest first."""
    shown: list[Activity | None] = []
    room = MAX_DETAIL_CHARS
    for attempt in reversed(attempts):
        activity, short = attempt.activity, shorten(attempt.activity)
        if activity is not None and short is not None:
            room -= sum(map(len, activity.tools)) + sum(map(len, activity.files))
            room -= sum(len(item.text) for item in activity.plan)
            if room >= 0:
                short = replace(short, tools=activity.tools, files=activity.files, plan=activity.plan)
            short = replace(short, totals=activity.totals)
        shown.append(short)
    return shown[::-1]


def _attachment(attempt: AttemptRecord) -> Attachment | None:
    attached = attempt.attached
    if attached is None:
        return None
    then = "continue" if attached.continues else "end"
    return Attachment(attached.user, attached.pid, times.to_datetime(attempt.starting_at), then)


def _attempt_view(attempt: AttemptRecord, activity: Activity | None) -> Attempt:
    return Attempt(
        number=attempt.number,
        starting_at=to_datetime(attempt.starting_at),
        started_at=to_datetime(attempt.started_at),
        ended_at=to_datetime(attempt.ended_at),
        pid=attempt.pid if attempt.ended_at is None else None,
        exit_code=attempt.exit_code,
        signal=attempt.signal,
        outcome=attempt.outcome,
        reason=attempt.reason,
        duration_s=attempt.duration_s,
        usage=attempt.usage,
        activity=activity,
        lost_bytes=lost_bytes(attempt),
        attached=_attachment(attempt),
        session=attempt.continuation.session if attempt.continuation else None,
        message=attempt.continuation.message[:LIST_TASK_CHARS]
        if attempt.continuation and attempt.continuation.message
        else None,
    )
