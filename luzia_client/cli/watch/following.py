"""Follows the output of many jobs at once: which they are, which attempt of each, and how they end."""

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

from luzia_client.api import streams
from luzia_client.api.client import Client
from luzia_client.api.requests import Encoding, Render, StreamName
from luzia_client.api.stream_group import StreamGroup
from luzia_client.cli import exit_codes
from luzia_client.cli.show.formatting import LIVE_STATES
from luzia_client.cli.watch.prefixed import End, JsonLines, Prefixed
from luzia_client.transport.endpoint import DaemonUnreachableError

T = TypeVar("T")

MAX_FOLLOWED = 60
"""Attempts that are followed at once, on a connection that may have 64 streams; the others wait, for what they print
is in files."""
RECONNECT_S = 60.0
KINDS = ["dispatched", "starting", "ended", "removed"]


class Wanted(NamedTuple):
    """Which jobs are followed, and what of them.

    ids: these; none are those that are live, and those that come, of the projects and with the tags.
    forever: go on when none is live. tail: the last lines that are printed of what there is already; None is all.
    """

    ids: Sequence[str] = ()
    projects: Sequence[str] = ()
    tags: Mapping[str, str] = {}
    forever: bool = False
    tail: int | None = None
    stream: StreamName = "stdout"
    render: Render = "none"
    encoding: Encoding = "base64"


class _Followed:
    """One job. newest: its newest attempt that is known. attempts: those that are still to be followed, with how many
    lines of each. stream: the number of the one that is. end: how it has ended."""

    def __init__(self, job: str) -> None:
        self.id = job
        self.newest = 0
        self.attempts: deque[tuple[int, int | None]] = deque()
        self.stream: int | None = None
        self.end: End | None = None


class Following:
    """The jobs that are followed, and what is printed of them."""

    def __init__(self, client: Client, wanted: Wanted, printer: Prefixed | JsonLines) -> None:
        self._client = client
        self._wanted = wanted
        self._printer = printer
        self._streams = StreamGroup(client.socket, RECONNECT_S)
        self._jobs: dict[str, _Followed] = {}
        self._by_stream: dict[int, _Followed] = {}
        self._waiting: deque[_Followed] = deque()
        self._events = 0
        self._ends: set[tuple[str, str | None]] = set()

    def run(self) -> int:
        """Follow until all jobs are final; returns the exit status that tells how they ended."""
        try:
            self._open()
            self._client.disconnect()
            if self._jobs or self._wanted.forever:
                for number, item in self._streams.items():
                    self._take(number, item)
                    if not self._jobs and not self._wanted.forever:
                        break
        finally:
            self._streams.close()
        return exit_codes.worst_status(list(self._ends))

    @property
    def empty(self) -> bool:
        """True when there was nothing to follow."""
        return not self._ends and not self._jobs

    def _open(self) -> None:
        """Begin with the jobs as they are, and hear what becomes of them. Raises Refused for an id that is none."""
        wanted = self._wanted
        seq = self._client.list_jobs(limit=1).seq
        if wanted.ids:
            jobs = list({job.id: job for job in map(self._client.get_job, wanted.ids)}.values())
        else:
            jobs = self._live()
        for job in jobs:
            self._begin(job.id, job.project)
        for job in jobs:
            self._known(job, job.attempt, wanted.tail)
        self._subscribe(seq, [job.id for job in jobs] if wanted.ids else [])

    def _live(self) -> list[Job]:
        """The live jobs of the selection, oldest first."""
        listed = self._client.iter_jobs(self._wanted.projects, LIVE_STATES, tags=self._wanted.tags)
        return sorted(listed, key=lambda job: (job.created_at, job.id))

    def _subscribe(self, seq: int, jobs: list[str]) -> None:
        request = requests.Subscribe(after=seq, jobs=jobs, projects=[*self._wanted.projects], kinds=KINDS)
        self._events = self._streams.add(streams.EventStream(request))

    # ------------------------------------------------------------------ what comes

    def _take(self, number: int, item: Any) -> None:
        if number == self._events:
            if isinstance(item, Refused):
                self._catch_up(item)
            else:
                self._hear(item)
            return
        followed = self._by_stream[number]
        if isinstance(item, Output):
            self._printer.output(followed.id, item)
            return
        del self._by_stream[number]
        if isinstance(item, Refused):
            if item.code is not ErrorCode.UNKNOWN_JOB:
                self._printer.trouble(followed.id, item)
        else:
            self._printer.attempt_ended(followed.id, item)
        followed.stream = None
        self._next_attempt(followed)
        self._use_room()

    def _hear(self, event: Event) -> None:
        followed = self._jobs.get(event.job)
        if followed is None:
            if not isinstance(event, events.Dispatched | events.Starting) or not self._is_wanted(event):
                return
            followed = self._begin(event.job, event.project)
        match event:
            case events.Starting():
                if event.attempt > followed.newest:
                    followed.end = None  # somebody has it run again
                self._add_attempt(followed, event.attempt, None)
                self._next_attempt(followed)
            case events.Ended():
                followed.end = End(event.state, event.outcome, event.reason)
                self._next_attempt(followed)
            case events.Removed():
                followed.end = followed.end or End(event.state)
                self._next_attempt(followed)

    def _is_wanted(self, event: Event) -> bool:
        """True for a job that belongs to the selection; a list of ids takes no others in."""
        if self._wanted.ids or not self._wanted.tags:
            return not self._wanted.ids
        job = self._status(event.job)
        self._client.disconnect()
        return job is not None and self._wanted.tags.items() <= job.tags.items()

    def _status(self, job: str) -> Job | None:
        """The job, or None when it has been removed meanwhile."""
        try:
            return self._insist(lambda: self._client.get_job(job))
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            return None

    def _insist(self, ask: Callable[[], T]) -> T:
        """Ask until a daemon answers, as long as a stream would go on without one."""
        delays = streams.ReconnectDelays(RECONNECT_S)
        while True:
            try:
                return ask()
            except DaemonUnreachableError as exc:
                time.sleep(delays.next_s(exc))

    def _catch_up(self, refused: Refused) -> None:
        """The events in between are gone: ask for every job that may have changed."""
        if refused.code is not ErrorCode.EVENTS_EXPIRED:
            raise refused
        seq = self._insist(lambda: self._client.list_jobs(limit=1).seq)
        for followed in list(self._jobs.values()):
            job = self._status(followed.id)
            if job is None:
                followed.end = followed.end or End(JobState.LOST)
                self._next_attempt(followed)
            else:
                self._known(job, followed.newest + 1, None)
        for job in [] if self._wanted.ids else self._insist(self._live):
            if job.id not in self._jobs:
                self._begin(job.id, job.project)
                self._known(job, 1, None)
        self._client.disconnect()
        self._subscribe(seq, list(self._jobs) if self._wanted.ids else [])

    # ------------------------------------------------------------------ one job

    def _begin(self, job: str, project: str) -> _Followed:
        self._printer.begin(job, project)
        self._jobs[job] = followed = _Followed(job)
        return followed

    def _known(self, job: Job, first: int, tail: int | None) -> None:
        """Take in a job as the daemon tells it. first: follow its attempts from this one."""
        followed = self._jobs[job.id]
        if job.state.is_final:
            followed.end = End(job.state, job.outcome, job.reason)
        for number in range(max(first, 1), job.attempt + 1):
            self._add_attempt(followed, number, tail)
        self._next_attempt(followed)

    def _add_attempt(self, followed: _Followed, number: int, tail: int | None) -> None:
        if number > followed.newest:
            followed.newest = number
            followed.attempts.append((number, tail))

    def _next_attempt(self, followed: _Followed) -> None:
        """Go on with the job's next attempt, or be done with it."""
        if followed.stream is not None or followed in self._waiting:
            return
        if followed.attempts:
            self._waiting.append(followed)
            self._use_room()
        elif followed.end is not None and followed.id in self._jobs:
            self._printer.finished(followed.id, followed.end)
            if followed.end.state.is_final:
                self._ends.add((followed.end.state.value, followed.end.outcome))
            del self._jobs[followed.id]

    def _use_room(self) -> None:
        """Follow the attempts that wait, as far as there may be more."""
        while self._waiting and len(self._by_stream) < MAX_FOLLOWED:
            followed = self._waiting.popleft()
            number, tail = followed.attempts.popleft()
            self._printer.attempt(followed.id, number)
            request = requests.Follow(
                job=followed.id,
                attempt=number,
                stream=self._wanted.stream,
                tail=tail,
                encoding=self._wanted.encoding,
                render=self._wanted.render,
            )
            followed.stream = self._streams.add(streams.FollowStream(request))
            self._by_stream[followed.stream] = followed
