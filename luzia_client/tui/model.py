"""The ordered list of jobs of a screen, updated by pages and events. Pure.

Live jobs come first: waiting for an answer and active, the newest on top, then queued, the next to start on top. Then
come ended jobs, the last to end on top. A bounded number is kept; older ones are only counted.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from luzia_protocol import events
from luzia_protocol.events import Event
from luzia_protocol.jobs import LIST_TASK_CHARS, Job, JobState, job_name
from luzia_protocol.operations import Queues
from luzia_protocol.replies import JobPage

from luzia_client.cli.show.formatting import ACTIVE_STATES, FINAL_STATES, USAGE_LIMIT_REASON, format_state
from luzia_client.cli.watch.watched_jobs import apply_event

MAX_JOBS = 20_000
"""The number of jobs that are kept."""


_PARTIAL_EVENTS = (
    events.WorktreeChanged,
    events.QuestionAsked,
    events.QuestionAnswered,
    events.Ended,
    events.Requeued,
    events.Sent,
    events.Edited,
    events.Held,
    events.Released,
)
"""Events that do not have all changed fields of their job."""

_WAITING, _ACTIVE, _QUEUED, _FINAL = range(4)


class RowKey(NamedTuple):
    """The position of a job in the list: smaller keys come first."""

    group: int
    rank: float
    age: float
    id: str


class JobsModel:
    """All jobs in order, and those that match a filter.

    counts: jobs by state, as counted by the daemon. notices: the daemon's notices. queues: what an operator has
    suspended. seq: the newest applied event. stale: ids of jobs that must be requested again.
    """

    def __init__(self, most: int = MAX_JOBS) -> None:
        self.counts: Mapping[JobState, int] = {}
        self.notices: Sequence[str] = ()
        self.queues = Queues()
        self.seq = 0
        self.stale: set[str] = set()
        self.filter = ""
        self._max_jobs = most
        self._jobs: dict[str, Job] = {}
        self._all: list[RowKey] = []
        self._matching: list[RowKey] = []
        self._usage_limited: set[str] = set()
        self._found: set[str] = set()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def rows(self) -> Sequence[RowKey]:
        """The jobs that match the filter, in order."""
        return self._matching if self.filter else self._all

    def get(self, job_id: str) -> Job | None:
        """The job with this id, None if it is not kept."""
        return self._jobs.get(job_id)

    def page(self, start: int, count: int) -> list[Job]:
        """At most `count` of the matching jobs, starting at a row."""
        return [self._jobs[key.id] for key in self.rows[start : start + count]]

    def row_of(self, job_id: str) -> int | None:
        """The row of a job among the matching ones, None if it is not among them."""
        job = self._jobs.get(job_id)
        if job is None:
            return None
        return _find(self.rows, sort_key(job))

    @property
    def usage_limited_count(self) -> int:
        """The number of live jobs that a usage limit of their agent's account delays."""
        return len(self._usage_limited)

    @property
    def is_full(self) -> bool:
        """True when no more jobs can be added."""
        return len(self._all) >= self._max_jobs

    def unlisted_count(self) -> int:
        """The number of jobs that are only counted."""
        return max(sum(self.counts.values()) - len(self._all), 0)

    def set_filter(self, words: str) -> None:
        """Match only jobs that contain all of these words in id, project, agent, state, task, tags or last message."""
        self.filter = words.casefold().strip()
        self._found.clear()
        self._matching = [key for key in self._all if self._matches(self._jobs[key.id])] if self.filter else []

    def update_counts(self, page: JobPage) -> None:
        """Take the counts, notices and suspensions from a page."""
        self.counts, self.notices, self.queues = page.counts, page.notices, page.queues

    def put(self, job: Job) -> None:
        """Add or replace a job, unless the kept one is newer."""
        known = self._jobs.get(job.id)
        if known is not None and known.seq > job.seq:
            return
        self.stale.discard(job.id)
        self._place(drop_details(job))

    def put_all(self, jobs: Iterable[Job]) -> None:
        """Add or replace the jobs of a page."""
        for job in jobs:
            self.put(job)

    def put_found(self, words: str, jobs: Sequence[Job]) -> None:
        """Let jobs match that the daemon has found for a filter, unless there is another one by now.

        They stay as long as the filter, also beyond the number of jobs that are kept.
        """
        if words != self.filter:
            return
        self._found = {job.id for job in jobs}
        for job in jobs:
            known = self._jobs.get(job.id)
            self._place(drop_details(job) if known is None or known.seq <= job.seq else known)

    def apply(self, event: Event) -> None:
        """Update a job; adds it to `stale` if the event does not have all changed fields."""
        self.seq = max(self.seq, event.seq)
        job = self._jobs.get(event.job)
        if isinstance(event, events.Removed):
            self.remove(event.job)
            return
        if job is None:
            if isinstance(event, events.Dispatched):
                job = job_from_event(event)
                self._place(job)
            self.stale.add(event.job)
            return
        if event.seq <= job.seq:
            return
        job = apply_event(job, event)
        match event:
            case events.QuestionAsked():
                job = msgspec.structs.replace(job, question=event.question)
            case events.QuestionAnswered():
                job = msgspec.structs.replace(job, question=None)
            case events.Held():
                job = msgspec.structs.replace(job, held_at=event.at)
            case events.Released():
                job = msgspec.structs.replace(job, held_at=None)
            case _:
                pass
        if isinstance(event, _PARTIAL_EVENTS):
            self.stale.add(job.id)
        self._place(job)

    def remove(self, job_id: str) -> None:
        """Remove a job."""
        self.stale.discard(job_id)
        job = self._jobs.pop(job_id, None)
        self._usage_limited.discard(job_id)
        if job is not None:
            self._remove_row(sort_key(job))

    def clear(self) -> None:
        """Remove all jobs, before they are listed again."""
        self.stale.clear()
        self._jobs.clear()
        self._usage_limited.clear()
        self._all.clear()
        self._matching.clear()

    def _place(self, job: Job) -> None:
        known = self._jobs.get(job.id)
        if known is not None:
            self._remove_row(sort_key(known))
        self._jobs[job.id] = job
        (self._usage_limited.add if is_usage_limited(job) else self._usage_limited.discard)(job.id)
        insort(self._all, sort_key(job))
        if self.filter and self._matches(job):
            insort(self._matching, sort_key(job))
        while len(self._all) > self._max_jobs + len(self._found):
            self.remove(next(key.id for key in reversed(self._all) if key.id not in self._found))

    def _remove_row(self, key: RowKey) -> None:
        for rows in (self._all, self._matching):
            row = _find(rows, key)
            if row is not None:
                del rows[row]

    def _matches(self, job: Job) -> bool:
        tags = " ".join(f"{key}={value}" for key, value in job.tags.items())
        message = job.activity.last_message if job.activity is not None else None
        shown = (job.id, job.project, job.agent, format_state(job.state), job.task, tags, message or "")
        text = " ".join(shown).casefold()
        return job.id in self._found or all(word in text for word in self.filter.split())


def sort_key(job: Job) -> RowKey:
    """The position of a job."""
    if job.state.is_final:
        return RowKey(_FINAL, 0, -(job.ended_at or job.created_at).timestamp(), job.id)
    if job.state is JobState.QUEUED:
        return RowKey(_QUEUED, -job.priority, job.created_at.timestamp(), job.id)
    return RowKey(_live_group(job.state), 0, -job.created_at.timestamp(), job.id)


def _live_group(state: JobState) -> int:
    if state is JobState.WAITING:
        return _WAITING
    return _ACTIVE if state in ACTIVE_STATES else _QUEUED


def is_usage_limited(job: Job) -> bool:
    """True when a usage limit delays the job, in the queue or while its agent waits."""
    if job.state is JobState.QUEUED:
        return (job.reason or "").startswith(USAGE_LIMIT_REASON)
    return not job.state.is_final and job.activity is not None and job.activity.limit is not None


def drop_details(job: Job) -> Job:
    """The job without the fields that only a single job's details need, to save memory."""
    if not job.attempts and len(job.task) <= LIST_TASK_CHARS and not job.argv and not job.env_names:
        return job
    activity = job.activity
    if activity is not None:
        activity = msgspec.structs.replace(activity, tools={}, files=[], plan=[], asked=[])
    return msgspec.structs.replace(
        job, task=job.task[:LIST_TASK_CHARS], attempts=[], argv=None, env_names=[], activity=activity
    )


def job_from_event(event: events.Dispatched) -> Job:
    """The job that a dispatch event describes."""
    return Job(
        id=event.job,
        name=job_name(event.project, event.job),
        project=event.project,
        agent=event.agent,
        task=event.task,
        state=event.state,
        created_at=event.at,
        seq=event.seq,
    )


def describe_counts(counts: Mapping[JobState, int]) -> list[tuple[str, JobState]]:
    """`3 running`, `2 queued`, …, each with the state whose colour it has; without zeros."""
    running = counts.get(JobState.RUNNING, 0) + counts.get(JobState.STARTING, 0)
    figures = [
        (counts.get(JobState.WAITING, 0), "waiting for an answer", JobState.WAITING),
        (running, "running", JobState.RUNNING),
        (counts.get(JobState.PAUSED, 0), "paused", JobState.PAUSED),
        (counts.get(JobState.STOPPING, 0), "stopping", JobState.STOPPING),
        (counts.get(JobState.QUEUED, 0), "queued", JobState.QUEUED),
        *((counts.get(state, 0), format_state(state), state) for state in FINAL_STATES),
    ]
    return [(f"{count} {word}", state) for count, word, state in figures if count]


def _find(rows: Sequence[RowKey], key: RowKey) -> int | None:
    row = bisect_left(rows, key)
    return row if row < len(rows) and rows[row] == key else None
