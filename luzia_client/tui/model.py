"""The ordered list of jobs of a screen, updated by pages and events. Pure.

Its arrangement says how the jobs are sorted and grouped. A bounded number is kept, live jobs first; older ones are only
counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from luzia_protocol import events
from luzia_protocol.events import Event
from luzia_protocol.jobs import LIST_TASK_CHARS, Job, JobState, job_name
from luzia_protocol.operations import Queues
from luzia_protocol.replies import JobPage

from luzia_client.cli.show.formatting import USAGE_LIMIT_REASON, format_state
from luzia_client.cli.watch.watched_jobs import apply_event
from luzia_client.hosts import job_ids
from luzia_client.hosts.settings import LOCAL
from luzia_client.tui.ordering import BY_TURN, ArrangedRows, Arrangement, RowKey, find_row

_MICRO = 1_000_000

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
    events.Collided,
)
"""Events that do not have all changed fields of their job."""


class JobsModel:
    """All jobs in order, and those that match a filter.

    counts: jobs by state, as counted by the daemons. notices: the notices of each. queues: what an operator has
    suspended, by host. arrangement: how the list is sorted and grouped. host: only the jobs of this one; empty for all.
    stale: ids of jobs that must be requested again.

    Jobs of another host have ids such as NAME/113754-a2f5.
    """

    def __init__(self, most: int = MAX_JOBS) -> None:
        self.counts: Mapping[JobState, int] = {}
        self.held = 0
        self.notices: Sequence[str] = ()
        self.queues: dict[str, Queues] = {}
        self.stale: set[str] = set()
        self.filter = ""
        self.host = ""
        self.arrangement = Arrangement()
        self._pages: dict[str, JobPage] = {}
        self._max_jobs = most
        self._jobs: dict[str, Job] = {}
        self._all: list[RowKey] = []
        self._arranged = ArrangedRows(self.arrangement)
        self._texts: dict[str, str] = {}
        self._spent: Counter[date | None] = Counter()
        self._usage_limited: set[str] = set()
        self._found: set[str] = set()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def rows(self) -> Sequence[RowKey]:
        """The jobs that are shown, in order."""
        return self._arranged if self._is_arranged else self._all

    @property
    def _is_arranged(self) -> bool:
        return bool(self.filter or self.host) or self.arrangement != BY_TURN

    def get(self, job_id: str) -> Job | None:
        """The job with this id, None if it is not kept."""
        return self._jobs.get(job_id)

    def get_all(self, job_ids: Iterable[str]) -> list[Job]:
        """Those of these jobs that are kept."""
        return list(filter(None, map(self._jobs.get, job_ids)))

    def page(self, start: int, count: int) -> list[Job]:
        """At most `count` of the jobs that are shown, starting at a row."""
        return [self._jobs[key.id] for key in self.rows[start : start + count]]

    def row_of(self, job_id: str) -> int | None:
        """The row of a job, None if it is not shown."""
        job = self._jobs.get(job_id)
        if job is None:
            return None
        return find_row(self.rows, self.arrangement.key(job))

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
        self._arrange()

    def set_host(self, host: str) -> None:
        """Show only the jobs of this host; empty for all."""
        self.host = host
        self._arrange()

    def arrange(self, arrangement: Arrangement) -> None:
        """Sort and group the list in another way."""
        self.arrangement = arrangement
        self._arrange()

    def _arrange(self) -> None:
        """Find the rows again; by turn, they are some of those that are sorted already."""
        names = [key.id for key in self._all] if self._is_arranged else []
        if self.host:
            names = [name for name in names if job_ids.host_of(name) == self.host]
        texts, found = self._texts, self._found
        for word in self.filter.split():
            names = [name for name in names if word in texts[name] or name in found]
        jobs = list(map(self._jobs.__getitem__, names))
        if self.arrangement.hide_finished:
            jobs = [job for job in jobs if not job.state.is_final]
        self._arranged = ArrangedRows(self.arrangement, self.arrangement.sort_jobs(jobs))

    def group_size(self, row: int) -> int:
        """The number of jobs in the group of a row."""
        rows, group = self.rows, self.rows[row][:2]
        return bisect_right(rows, group, key=_group_of) - bisect_left(rows, group, key=_group_of)

    def cost_usd(self, day: date) -> float:
        """What the listed jobs that ended on a local day have cost, and those that are live."""
        return (self._spent[day] + self._spent[None]) / _MICRO

    def update_counts(self, page: JobPage, host: str = LOCAL) -> None:
        """Take the counts, notices and suspensions from a page of a host."""
        self._pages[host] = page
        self.queues[host] = page.queues
        self.counts = sum((Counter(each.counts) for each in self._pages.values()), Counter())
        self.held = sum(each.held for each in self._pages.values())
        self.notices = [
            notice if name == LOCAL else f"{name}: {notice}"
            for name, each in self._pages.items()
            for notice in each.notices
        ]

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

    def put_found(self, words: str, jobs: Sequence[Job], host: str = LOCAL) -> bool:
        """Let jobs match that the daemon of a host has found for a filter, unless there is another one by now.

        They stay as long as the filter, also beyond the number of jobs that are kept. Returns whether the list has
        changed.
        """
        if words != self.filter:
            return False
        changed = False
        found_before = self._found
        self._found = {name for name in found_before if job_ids.host_of(name) != host} | {job.id for job in jobs}
        for job in jobs:
            known = self._jobs.get(job.id)
            if known is None or known.seq < job.seq:
                self._place(drop_details(job))
                changed = True
            elif job.id not in found_before and not self._has_words(job.id) and self._is_chosen(known):
                self._arranged.add(known)
                changed = True
        return changed

    def apply(self, event: Event) -> None:
        """Update a job; adds it to `stale` if the event does not have all changed fields."""
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
            case _:
                pass
        if isinstance(event, _PARTIAL_EVENTS):
            self.stale.add(job.id)
        if isinstance(event, events.Collided) and event.collision.job in self._jobs:
            self.stale.add(event.collision.job)
        self._place(job)

    def remove(self, job_id: str) -> None:
        """Remove a job."""
        self.stale.discard(job_id)
        job = self._jobs.pop(job_id, None)
        self._usage_limited.discard(job_id)
        if job is not None:
            self._remove_rows(job)

    def clear(self, host: str = LOCAL) -> None:
        """Remove all jobs of a host, before they are listed again."""
        others = [name for name in self._jobs if job_ids.host_of(name) != host]
        if others:
            for name in self._jobs.keys() - others:
                self.remove(name)
            return
        self.stale.clear()
        self._jobs.clear()
        self._usage_limited.clear()
        self._all.clear()
        self._arranged = ArrangedRows(self.arrangement)
        self._texts.clear()
        self._spent.clear()

    def _place(self, job: Job) -> None:
        known = self._jobs.get(job.id)
        if known is not None:
            self._remove_rows(known)
        self._jobs[job.id] = job
        self._texts[job.id] = _searched_text(job)
        (self._usage_limited.add if is_usage_limited(job) else self._usage_limited.discard)(job.id)
        self._spent[_day_of(job)] += _cost(job)
        insort(self._all, BY_TURN.key(job))
        if self._is_arranged and self._shows(job):
            self._arranged.add(job)
        while len(self._all) > self._max_jobs + len(self._found):
            self.remove(next(key.id for key in reversed(self._all) if key.id not in self._found))

    def _remove_rows(self, job: Job) -> None:
        del self._texts[job.id]
        self._spent[_day_of(job)] -= _cost(job)
        self._arranged.discard(job)
        if (row := find_row(self._all, BY_TURN.key(job))) is not None:
            del self._all[row]

    def _shows(self, job: Job) -> bool:
        """Whether the job is in the list: it is not hidden, and has all words of the filter."""
        if not self._is_chosen(job):
            return False
        return job.id in self._found or self._has_words(job.id)

    def _has_words(self, job_id: str) -> bool:
        text = self._texts[job_id]
        return all(word in text for word in self.filter.split())

    def _is_chosen(self, job: Job) -> bool:
        """Whether the job is of the host that is shown, and not hidden."""
        return (not self.host or job_ids.host_of(job.id) == self.host) and self.arrangement.shows(job)


def _searched_text(job: Job) -> str:
    tags = " ".join(f"{key}={value}" for key, value in job.tags.items())
    message = job.activity.last_message if job.activity is not None else None
    return " ".join((job.id, job.project, job.agent, format_state(job.state), job.task, tags, message or "")).casefold()


def _day_of(job: Job) -> date | None:
    """The local day on which the job ended; None while it is live."""
    return job.ended_at.astimezone().date() if job.state.is_final and job.ended_at is not None else None


def _cost(job: Job) -> int:
    """The job's cost in millionths of a US dollar: sums of these do not depend on the order."""
    return 0 if job.activity is None else round((job.activity.cost_usd or 0.0) * _MICRO)


def _group_of(key: RowKey) -> tuple[float, str]:
    return key[:2]


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
        *((counts.get(state, 0), format_state(state), state) for state in JobState if state.is_final),
    ]
    return [(f"{count} {word}", state) for count, word, state in figures if count]
