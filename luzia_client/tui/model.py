"""Jobs as a screen lists them, kept up to date by lists and events. Pure: nothing here asks a daemon or draws.

Live jobs come first: those that ask, those under way, those that are queued, each with the newest on top; then
those that have ended, the last to end on top. So many are known one by one; more are only counted.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from luzia_protocol import events
from luzia_protocol.events import Event
from luzia_protocol.jobs import LIST_TASK_CHARS, Job, JobState, job_name
from luzia_protocol.operating import Queues
from luzia_protocol.replies import JobPage

from luzia_client.cli.show.formatting import ACTIVE_STATES, FINAL_STATES, format_state
from luzia_client.cli.watch.board import changed

MAX_KNOWN = 20_000
"""Jobs that are known one by one."""

USAGE_LIMIT = "usage limit"
"""How the daemon's reason begins for a queued job that waits for the end of one."""

_NOT_ALL_TOLD = (
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
"""Events after which a job has more that is new than they tell."""

_ASKS, _UNDER_WAY, _QUEUED, _ENDED = range(4)


class Key(NamedTuple):
    """Where a job stands in the list: smaller ones come first."""

    group: int
    age: float
    id: str


class JobsModel:
    """All jobs, in order, and those of them that match a filter.

    counts: jobs by state, as the daemon counts them. notices: what the daemon wants to have known.
    queues: what an operator has stopped.
    seq: the newest event that has been taken in. stale: ids of jobs of which the daemon knows more than is known here.
    """

    def __init__(self, most: int = MAX_KNOWN) -> None:
        self.counts: Mapping[JobState, int] = {}
        self.notices: Sequence[str] = ()
        self.queues = Queues()
        self.seq = 0
        self.stale: set[str] = set()
        self.filter = ""
        self._most = most
        self._jobs: dict[str, Job] = {}
        self._all: list[Key] = []
        self._matching: list[Key] = []
        self._limited: set[str] = set()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def rows(self) -> Sequence[Key]:
        """The jobs that match the filter, in order."""
        return self._matching if self.filter else self._all

    def get(self, job_id: str) -> Job | None:
        """The job with this id, None when it is not known."""
        return self._jobs.get(job_id)

    def page(self, start: int, count: int) -> list[Job]:
        """So many of the jobs that match, from a row on."""
        return [self._jobs[key.id] for key in self.rows[start : start + count]]

    def row_of(self, job_id: str) -> int | None:
        """The row of a job among those that match, None when it is not there."""
        job = self._jobs.get(job_id)
        if job is None:
            return None
        return _found(self.rows, key_of(job))

    @property
    def limited(self) -> int:
        """How many of the known live jobs are held up by a usage limit of their agent's account."""
        return len(self._limited)

    @property
    def is_full(self) -> bool:
        """True when no more jobs can be known one by one."""
        return len(self._all) >= self._most

    def uncounted(self) -> int:
        """How many jobs there are of which nothing but their state is known."""
        return max(sum(self.counts.values()) - len(self._all), 0)

    def narrow(self, words: str) -> None:
        """Keep only jobs that have all of these words somewhere: id, project, agent, state, task, tags."""
        self.filter = words.casefold().strip()
        self._matching = [key for key in self._all if self._matches(self._jobs[key.id])] if self.filter else []

    def count(self, page: JobPage) -> None:
        """Take in what a page says of all jobs."""
        self.counts, self.notices, self.queues = page.counts, page.notices, page.queues

    def put(self, job: Job) -> None:
        """Take in a job as the daemon shows it, unless what is known is newer."""
        known = self._jobs.get(job.id)
        if known is not None and known.seq > job.seq:
            return
        self.stale.discard(job.id)
        self._place(slim(job))

    def put_all(self, jobs: Iterable[Job]) -> None:
        """Take in a page."""
        for job in jobs:
            self.put(job)

    def apply(self, event: Event) -> None:
        """Bring a job up to date, as far as the event tells; notes whom to ask for."""
        self.seq = max(self.seq, event.seq)
        job = self._jobs.get(event.job)
        if isinstance(event, events.Removed):
            self.forget(event.job)
            return
        if job is None:
            if isinstance(event, events.Dispatched):
                job = new_job(event)
                self._place(job)
            self.stale.add(event.job)
            return
        if event.seq <= job.seq:
            return
        job = changed(job, event)
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
        if isinstance(event, _NOT_ALL_TOLD):
            self.stale.add(job.id)
        self._place(job)

    def forget(self, job_id: str) -> None:
        """The job is no more."""
        self.stale.discard(job_id)
        job = self._jobs.pop(job_id, None)
        self._limited.discard(job_id)
        if job is not None:
            self._take_out(key_of(job))

    def clear(self) -> None:
        """Forget all jobs, before they are listed anew."""
        self.stale.clear()
        self._jobs.clear()
        self._limited.clear()
        self._all.clear()
        self._matching.clear()

    def _place(self, job: Job) -> None:
        known = self._jobs.get(job.id)
        before = None if known is None else key_of(known)
        after = key_of(job)
        self._jobs[job.id] = job
        (self._limited.add if is_limited(job) else self._limited.discard)(job.id)
        if before != after:
            if before is not None:
                self._take_out(before)
            insort(self._all, after)
            if self.filter and self._matches(job):
                insort(self._matching, after)
        elif self.filter and self._matches(job) != (_found(self._matching, after) is not None):
            self._matching = [key for key in self._matching if key != after]
            if self._matches(job):
                insort(self._matching, after)
        while len(self._all) > self._most:
            self.forget(self._all[-1].id)

    def _take_out(self, key: Key) -> None:
        for rows in (self._all, self._matching):
            row = _found(rows, key)
            if row is not None:
                del rows[row]

    def _matches(self, job: Job) -> bool:
        tags = " ".join(f"{key}={value}" for key, value in job.tags.items())
        text = f"{job.id} {job.project} {job.agent} {format_state(job.state)} {job.task} {tags}".casefold()
        return all(word in text for word in self.filter.split())


def key_of(job: Job) -> Key:
    """Where a job stands."""
    if job.state.is_final:
        return Key(_ENDED, -(job.ended_at or job.created_at).timestamp(), job.id)
    return Key(_live_group(job.state), -job.created_at.timestamp(), job.id)


def _live_group(state: JobState) -> int:
    if state is JobState.WAITING:
        return _ASKS
    return _UNDER_WAY if state in ACTIVE_STATES else _QUEUED


def is_limited(job: Job) -> bool:
    """True when a usage limit holds the job up: in the queue, or while its agent waits for the limit's end."""
    if job.state is JobState.QUEUED:
        return (job.reason or "").startswith(USAGE_LIMIT)
    return not job.state.is_final and job.activity is not None and job.activity.limit is not None


def slim(job: Job) -> Job:
    """The job as a list has it: what only one of them is asked for takes no room for all of them."""
    if not job.attempts and len(job.task) <= LIST_TASK_CHARS and not job.argv and not job.env_names:
        return job
    activity = job.activity
    if activity is not None:
        activity = msgspec.structs.replace(activity, tools={}, files=[], plan=[], asked=[])
    return msgspec.structs.replace(
        job, task=job.task[:LIST_TASK_CHARS], attempts=[], argv=None, env_names=[], activity=activity
    )


def new_job(event: events.Dispatched) -> Job:
    """A job as its dispatch tells of it."""
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


def count_words(counts: Mapping[JobState, int]) -> list[tuple[str, JobState]]:
    """`3 running`, `2 queued` and so on with the state that gives each its colour; only what there is."""
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


def _found(rows: Sequence[Key], key: Key) -> int | None:
    row = bisect_left(rows, key)
    return row if row < len(rows) and rows[row] == key else None
