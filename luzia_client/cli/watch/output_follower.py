"""Follows the output of many jobs at once: every attempt of each job, until all jobs have ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from luzia_protocol import events, requests
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Event
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.output import Output
from luzia_protocol.states import LIVE_STATES

from luzia_client.api import streams
from luzia_client.api.client import Client
from luzia_client.api.requests import Encoding, Render, StreamName
from luzia_client.api.stream_group import StreamGroup
from luzia_client.cli import exit_codes
from luzia_client.cli.show.formatting import format_name
from luzia_client.cli.watch.attention import ATTENTION_KINDS, AttentionReporter
from luzia_client.cli.watch.output_printers import JobEnd, JsonPrinter, LogPrinter, PrefixedPrinter
from luzia_client.transport.endpoint import DaemonUnreachableError

T = TypeVar("T")

MAX_FOLLOWED = 60
"""Attempts that are followed at once, on a connection of at most 64 streams; others wait: their output is in files."""
RECONNECT_S = 60.0
KINDS = ["dispatched", "starting", "ended", "removed", *ATTENTION_KINDS]


class Place(NamedTuple):
    """How far the output of a job is printed: the attempt, and the offset of the next byte."""

    attempt: int
    offset: int


class FollowOptions(NamedTuple):
    """Which jobs to follow, and what to print.

    ids: these jobs; empty for all live and all new jobs of the projects and with the tags. forever: continue when no
    job is live. tail: the number of lines to print of existing output; None for all. attempt: only this one of each
    job; None for the newest and all later ones. place: where to continue with the output of one job.
    """

    ids: Sequence[str] = ()
    projects: Sequence[str] = ()
    tags: Mapping[str, str] = {}
    forever: bool = False
    tail: int | None = None
    attempt: int | None = None
    stream: StreamName = "stdout"
    render: Render = "none"
    encoding: Encoding = "base64"
    place: Place | None = None


class _FollowedJob:
    """One job. newest: its newest known attempt. attempts: those still to follow, each with its `tail`. stream: the
    number of the open stream. end: how the job ended."""

    def __init__(self, job: str) -> None:
        self.id = job
        self.newest = 0
        self.attempts: deque[tuple[int, int | None]] = deque()
        self.stream: int | None = None
        self.end: JobEnd | None = None


class OutputFollower:
    """Follows jobs and passes their output to a printer."""

    def __init__(
        self, client: Client, options: FollowOptions, printer: PrefixedPrinter | JsonPrinter | LogPrinter
    ) -> None:
        self._client = client
        self._options = options
        self._printer = printer
        self._streams = StreamGroup(client.socket, RECONNECT_S)
        self._attention = AttentionReporter(self._streams)
        self._jobs: dict[str, _FollowedJob] = {}
        self._by_stream: dict[int, _FollowedJob] = {}
        self._waiting: deque[_FollowedJob] = deque()
        self._events = 0
        self._ends: set[tuple[str, str | None]] = set()

    def run(self) -> int:
        """Follow until all jobs have ended; returns the exit status for their ends."""
        try:
            self._open()
            self._client.disconnect()
            if self._jobs or self._options.forever:
                for number, item in self._streams.items():
                    self._handle(number, item)
                    if not self._jobs and not self._options.forever:
                        break
        finally:
            self._streams.close()
        return exit_codes.worst_status(list(self._ends))

    @property
    def empty(self) -> bool:
        """True if there was no job to follow."""
        return not self._ends and not self._jobs

    def _open(self) -> None:
        """Start with the current jobs, and subscribe to their events. Raises Refused for an unknown id."""
        options = self._options
        seq = self._client.list_jobs(limit=1).seq
        if options.ids:
            jobs = list({job.id: job for job in map(self._client.get_job, options.ids)}.values())
        else:
            jobs = self._live()
        for job in jobs:
            self._add(job.id, job.project, job.node)
        for job in jobs:
            self._attention.report(job)
            first = options.place.attempt if options.place else options.attempt
            self._update(job, job.attempt if first is None else first, options.tail)
        self._subscribe(seq, [job.id for job in jobs] if options.ids else [])

    def _live(self) -> list[Job]:
        """The selected live jobs, oldest first."""
        listed = self._client.iter_jobs(self._options.projects, LIVE_STATES, tags=self._options.tags)
        return sorted(listed, key=lambda job: (job.created_at, job.id))

    def _subscribe(self, seq: int, jobs: list[str]) -> None:
        request = requests.Subscribe(after=seq, jobs=jobs, projects=[*self._options.projects], kinds=KINDS)
        self._events = self._streams.add(streams.EventStream(request))

    # Incoming items

    def _handle(self, number: int, item: Any) -> None:
        if number == self._events:
            if isinstance(item, Refused):
                self._catch_up(item)
            else:
                self._handle_event(item)
            return
        if self._attention.handle_item(number, item):
            return
        followed = self._by_stream[number]
        if isinstance(item, Output):
            self._printer.print_output(followed.id, item)
            return
        del self._by_stream[number]
        if isinstance(item, Refused):
            if item.code is not ErrorCode.UNKNOWN_JOB:
                self._printer.report_error(followed.id, item)
        else:
            self._printer.end_attempt(followed.id, item)
            if self._options.attempt is not None:
                followed.end = followed.end or JobEnd(item.state)
        followed.stream = None
        self._next_attempt(followed)
        self._open_streams()

    def _handle_event(self, event: Event) -> None:
        followed = self._jobs.get(event.job)
        if followed is None:
            if not isinstance(event, events.Dispatched | events.Starting) or not self._is_selected(event):
                return
            followed = self._add(event.job, event.project, event.node if isinstance(event, events.Dispatched) else None)
        self._attention.handle_event(event)
        match event:
            case events.Starting() if self._options.attempt is None:
                if event.attempt > followed.newest:
                    followed.end = None  # it runs again
                self._add_attempt(followed, event.attempt, None)
                self._next_attempt(followed)
            case events.Ended():
                followed.end = JobEnd(event.state, event.outcome, event.reason)
                self._next_attempt(followed)
            case events.Removed():
                followed.end = followed.end or JobEnd(event.state)
                self._next_attempt(followed)

    def _is_selected(self, event: Event) -> bool:
        """True for a new job that matches the selection; a list of ids selects no new jobs."""
        if self._options.ids or not self._options.tags:
            return not self._options.ids
        job = self._status(event.job)
        self._client.disconnect()
        return job is not None and self._options.tags.items() <= job.tags.items()

    def _status(self, job: str) -> Job | None:
        """The job, or None if it has been removed."""
        try:
            return self._retry(lambda: self._client.get_job(job))
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            return None

    def _retry(self, request: Callable[[], T]) -> T:
        """Repeat a request until a daemon answers, for as long as a stream would wait for one."""
        delays = streams.ReconnectDelays(RECONNECT_S)
        while True:
            try:
                return request()
            except DaemonUnreachableError as exc:
                time.sleep(delays.next_s(exc))

    def _catch_up(self, refused: Refused) -> None:
        """Events were missed: request every job that may have changed."""
        if refused.code is not ErrorCode.EVENTS_EXPIRED:
            raise refused
        seq = self._retry(lambda: self._client.list_jobs(limit=1).seq)
        for followed in list(self._jobs.values()):
            job = self._status(followed.id)
            if job is None:
                followed.end = followed.end or JobEnd(JobState.LOST)
                self._next_attempt(followed)
            else:
                self._attention.report(job)
                self._update(job, followed.newest + 1, None)
        for job in [] if self._options.ids else self._retry(self._live):
            if job.id not in self._jobs:
                self._add(job.id, job.project, job.node)
                self._attention.report(job)
                self._update(job, 1, None)
        self._client.disconnect()
        self._subscribe(seq, list(self._jobs) if self._options.ids else [])

    # One job

    def _add(self, job: str, project: str, node: str | None) -> _FollowedJob:
        self._printer.start_job(job, project, format_name(node))
        self._jobs[job] = followed = _FollowedJob(job)
        return followed

    def _update(self, job: Job, first: int, tail: int | None) -> None:
        """Update a job. first: the first attempt to follow."""
        followed = self._jobs[job.id]
        if job.state.is_final:
            followed.end = JobEnd(job.state, job.outcome, job.reason)
        last = job.attempt if self._options.attempt is None else self._options.attempt
        for number in range(max(first, 1), last + 1):
            self._add_attempt(followed, number, tail)
        self._next_attempt(followed)

    def _add_attempt(self, followed: _FollowedJob, number: int, tail: int | None) -> None:
        if number > followed.newest:
            followed.newest = number
            followed.attempts.append((number, tail))

    def _next_attempt(self, followed: _FollowedJob) -> None:
        """Follow the job's next attempt, or finish the job."""
        if followed.stream is not None or followed in self._waiting:
            return
        if followed.attempts:
            self._waiting.append(followed)
            self._open_streams()
        elif followed.end is not None and followed.id in self._jobs:
            self._printer.end_job(followed.id, followed.end)
            if followed.end.state.is_final:
                self._ends.add((followed.end.state.value, followed.end.outcome))
            del self._jobs[followed.id]

    def _open_streams(self) -> None:
        """Follow waiting attempts, up to MAX_FOLLOWED."""
        while self._waiting and len(self._by_stream) < MAX_FOLLOWED:
            followed = self._waiting.popleft()
            number, tail = followed.attempts.popleft()
            self._printer.start_attempt(followed.id, number)
            place = self._options.place
            request = requests.Follow(
                job=followed.id,
                attempt=number,
                stream=self._options.stream,
                offset=place.offset if place is not None and place.attempt == number else 0,
                tail=tail,
                encoding=self._options.encoding,
                render=self._options.render,
            )
            followed.stream = self._streams.add(streams.FollowStream(request))
            self._by_stream[followed.stream] = followed
