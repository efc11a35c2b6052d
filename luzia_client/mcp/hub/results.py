"""What the tools return: a struct a tool, from which clients get the schema of its result.

It is bounded, whatever a job did.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from luzia_protocol.activity import Question
from luzia_protocol.jobs import Job, JobState, Review
from luzia_protocol.searching import Hit

from luzia_client.cli.show.formatting import format_current_activity, format_name, shown_percent

MAX_MESSAGE_CHARS = 4000
MAX_TASK_CHARS = 200
MAX_PATCH_BYTES = 16 * 1024
MAX_LOG_BYTES = 16 * 1024
MAX_FILES = 100


class JobReport(msgspec.Struct, omit_defaults=True):
    """A job. `next` says what to do about it.

    state: queued, starting, running, paused, waiting (for an answer), stopping; or, at its end, completed, failed,
    cancelled, timed_out, skipped, lost. reason: why it is queued, or how it failed. percent: only where it is known.
    name: what it was called at its dispatch, accepted wherever a job is named. question: what its agent asks.
    last_message: what its agent said last, the result of a completed job.
    budget_left_usd: what the job and its sub-jobs may still cost.
    """

    job: str
    project: str
    agent: str
    state: JobState
    next: str
    name: str | None = None
    outcome: str | None = None
    reason: str | None = None
    progress: str | None = None
    percent: int | None = None
    question: Question | None = None
    last_message: str | None = None
    exit_code: int | None = None
    branch: str | None = None
    files_changed: int | None = None
    duration_s: float | None = None
    cost_usd: float | None = None
    budget_left_usd: float | None = None
    parent: str | None = None
    sub_jobs: dict[str, int] = {}


class DispatchReport(msgspec.Struct, omit_defaults=True):
    """A job that was accepted. created: false if the key had been used before.

    your_budget_left_usd: what is left of the budget of the job in which you run, for you and your sub-jobs.
    """

    job: str
    project: str
    created: bool
    next: str
    your_budget_left_usd: float | None = None


class WaitReport(msgspec.Struct):
    """Jobs as they are now. ended: whether all have ended."""

    ended: bool
    jobs: list[JobReport]
    next: str


class JobRow(msgspec.Struct, omit_defaults=True):
    """A job in a list; `task` is its beginning."""

    job: str
    project: str
    agent: str
    state: JobState
    task: str
    name: str | None = None
    reason: str | None = None
    progress: str | None = None
    parent: str | None = None
    created_at: datetime | None = None


class ListReport(msgspec.Struct, omit_defaults=True):
    """Jobs, the newest first. counts: how many there are in each state. next: the cursor of the next page."""

    jobs: list[JobRow]
    counts: dict[str, int]
    next: int | None = None


class FoundRow(msgspec.Struct):
    """A job that was found: where, in which attempt, and a part of that text with the words between asterisks."""

    job: str
    project: str
    agent: str
    state: JobState
    task: str
    where: str
    attempt: int
    excerpt: str


class SearchReport(msgspec.Struct, omit_defaults=True):
    """What was found, the newest first. next: the cursor of the next page. note: what the search could not see."""

    found: list[FoundRow]
    next: int | None = None
    note: str | None = None


class LogReport(msgspec.Struct):
    """The end of an attempt's output. truncated: there is more before it, in `resource`. ended: no more will come."""

    job: str
    attempt: int
    text: str
    truncated: bool
    ended: bool
    resource: str


class ChangedFile(msgspec.Struct):
    """A changed file; lines are null for a binary one."""

    path: str
    added: int | None
    deleted: int | None


class DiffReport(msgspec.Struct):
    """What a job changed in its worktree. truncated: files or patch are longer; all is in `resource`."""

    job: str
    branch: str
    files: list[ChangedFile]
    patch: str
    truncated: bool
    resource: str


class ChangeReport(msgspec.Struct):
    """A job after a change."""

    job: str
    state: JobState
    next: str


class MergeReport(msgspec.Struct):
    """A merge. commits: how many `onto` has gained."""

    job: str
    branch: str
    onto: str
    commit: str
    commits: int


def job_uri(job: str, part: str = "") -> str:
    """The resource of a job, or of its `log` or `diff`."""
    return f"luzia://jobs/{job}/{part}" if part else f"luzia://jobs/{job}"


def report_job(job: Job) -> JobReport:
    """All that an agent needs to know of a job."""
    activity = job.activity
    return JobReport(
        job=job.id,
        project=job.project,
        agent=job.agent,
        state=job.state,
        next=next_step(job),
        name=format_name(job.node) or None,
        outcome=job.outcome.value if job.outcome is not None else None,
        reason=job.reason,
        progress=describe_progress(job),
        percent=shown_percent(job),
        question=job.question,
        last_message=_cut(activity.last_message, MAX_MESSAGE_CHARS) if activity and activity.last_message else None,
        exit_code=job.exit_code,
        branch=job.worktree.branch if job.worktree is not None else None,
        files_changed=activity.file_count if activity is not None else None,
        duration_s=round(job.duration_s, 1) if job.duration_s is not None else None,
        cost_usd=activity.cost_usd if activity is not None else None,
        budget_left_usd=job.budget.cost_left_usd if job.budget is not None else None,
        parent=job.parent,
        sub_jobs={state.value: count for state, count in job.children.items()},
    )


def report_row(job: Job) -> JobRow:
    """A job in a list."""
    return JobRow(
        job=job.id,
        project=job.project,
        agent=job.agent,
        state=job.state,
        task=_cut(job.task, MAX_TASK_CHARS),
        name=format_name(job.node) or None,
        reason=job.reason,
        progress=describe_progress(job),
        parent=job.parent,
        created_at=job.created_at,
    )


def report_hit(hit: Hit) -> FoundRow:
    """A job that was found."""
    excerpt = "".join(f"*{piece.text}*" if piece.found else piece.text for piece in hit.excerpt)
    task = _cut(hit.task, MAX_TASK_CHARS)
    return FoundRow(hit.job, hit.project, hit.agent, hit.state, task, hit.where, hit.attempt, excerpt)


def describe_progress(job: Job) -> str | None:
    """What the agent is doing, in words; None when it does nothing now."""
    if job.state.is_final or job.state is JobState.QUEUED:
        return None
    return format_current_activity(job, datetime.now(UTC)) or None


def next_step(job: Job) -> str:
    """What to do about a job now."""
    match job.state:
        case JobState.COMPLETED if job.review is Review.WANTED:
            return "It has completed. A person has to accept its work before the jobs that depend on it start."
        case JobState.COMPLETED if job.worktree is not None:
            return f"It has completed. Review its changes with `diff`; they are on branch {job.worktree.branch}."
        case JobState.COMPLETED:
            return "It has completed. `logs` shows what it did."
        case JobState.WAITING:
            return "Its agent waits for an answer: use `answer`, or ask the user."
        case state if state.is_final:
            return "It has ended without success: `reason` says why, and `logs` shows its output."
        case JobState.PAUSED:
            return "A person has paused it. Do something else, or tell the user."
        case _:
            return "It is in progress. Call `wait` to be told when it ends, or do something else meanwhile."


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
