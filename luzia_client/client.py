"""The blocking client: one method for each request. AsyncClient has the same methods as coroutines."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from luzia_protocol import operating, paths, replies, requests
from luzia_protocol.events import Event
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.version import PROTOCOL_VERSION

from luzia_client import answers, settings, streams
from luzia_client.asking import (
    CLEAN_TIMEOUT_S,
    RESENDABLE,
    Changes,
    DispatchOptions,
    Encoding,
    Render,
    StreamName,
    dispatch_request,
    graph_request,
    is_whole_id,
)
from luzia_client.caller import absolute
from luzia_client.connection import (
    REQUEST_TIMEOUT_S,
    Connection,
    ConnectionLostError,
    DaemonUnreachableError,
    connect,
)

if TYPE_CHECKING:
    from luzia_client.async_client import AsyncClient as AsyncClient

T = TypeVar("T")
_CACHED_JOBS = 1000


def __getattr__(name: str) -> object:
    """AsyncClient, which costs an import of asyncio, only for those who ask for it."""
    if name == "AsyncClient":
        from luzia_client.async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Client:
    """Talks to the daemon; each method blocks until the answer is there. Threads may share one.

    socket: None is where the environment says. autostart: start the daemon when none answers.
    reconnect_s: seconds that a stream or a wait goes on without a daemon before it gives up.

    Requests that are refused raise luzia_protocol.errors.Refused; without a daemon they raise
    DaemonUnreachableError.
    """

    def __init__(self, socket: str | None = None, autostart: bool = True, reconnect_s: float = 60.0) -> None:
        self.socket = socket or paths.socket_path()
        self._autostart = autostart
        self._reconnect_s = reconnect_s
        self._cache_ttl_s = settings.cache_ttl_s()
        self._cache: dict[str, tuple[float, Job]] = {}
        self._connection: Connection | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the next request connects again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def hello(self) -> replies.Hello:
        """Agree on the protocol's version. Raises Refused with `unsupported_version`."""
        return self._ask(requests.Hello(version=PROTOCOL_VERSION, client="luzia_client"), replies.Hello)

    def dispatch(self, project: str, task: str | None = None, **options: Unpack[DispatchOptions]) -> replies.Dispatched:
        """Have a job accepted; when this returns it is on disk. The fields are those of requests.Dispatch."""
        request = dispatch_request(project, task, options)
        return self._ask(request, replies.Dispatched)

    def edit(self, job: str, **changes: Unpack[Changes]) -> replies.Changed:
        """Change a queued job; what is not named stays, and an empty list takes away what it comes after."""
        return self._ask(requests.Edit(job=job, **changes), replies.Changed)

    def graph(self, jobs: Sequence[Mapping[str, Any]], key: str | None = None) -> replies.Graphed:
        """Have jobs accepted that come after one another, all or none.

        jobs: each with the fields of requests.Node: `name`, `project`, `task` or `argv`, `after`, and so on.
        """
        return self._ask(graph_request(jobs, key), replies.Graphed)

    def graph_show(self, job: str) -> replies.GraphShown:
        """The jobs that come before and after a job, however far."""
        return self._ask(requests.GraphShow(job=job), replies.GraphShown)

    def status(self, job: str, use_cache: bool = False) -> Job:
        """Everything about one job.

        use_cache: an answer from memory will do when it is younger than LUZIA_CACHE_TTL.
        """
        if use_cache and job in self._cache:
            at, known = self._cache[job]
            if time.monotonic() - at < self._cache_ttl_s:
                return known
        self._cache.pop(job, None)
        answer = self._ask(requests.Status(job=job), replies.Status).job
        if len(self._cache) >= _CACHED_JOBS:
            self._cache.clear()
        self._cache[job] = (time.monotonic(), answer)
        return answer

    def list(
        self,
        projects: Sequence[str] = (),
        states: Sequence[JobState] = (),
        limit: int = 50,
        cursor: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> replies.Listed:
        """A page of jobs, newest first."""
        request = requests.List(
            projects=[*projects], states=[*states], limit=limit, cursor=cursor, tags=dict(tags or {})
        )
        return self._ask(request, replies.Listed)

    def list_all(
        self,
        projects: Sequence[str] = (),
        states: Sequence[JobState] = (),
        page: int = 500,
        tags: Mapping[str, str] | None = None,
    ) -> Iterator[Job]:
        """All jobs, newest first, fetched `page` at a time."""
        cursor: int | None = None
        while True:
            listed = self.list(projects, states, limit=page, cursor=cursor, tags=tags)
            yield from listed.jobs
            cursor = listed.next
            if cursor is None:
                return

    def logs(
        self,
        job: str,
        attempt: int | None = None,
        stream: StreamName = "stdout",
        offset: int = 0,
        tail: int | None = None,
        max_bytes: int = 256 * 1024,
        encoding: Encoding = "text",
        render: Render = "none",
    ) -> replies.Output:
        """A piece of an attempt's output. The fields are those of requests.Logs."""
        request = requests.Logs(
            job=job,
            attempt=attempt,
            stream=stream,
            offset=offset,
            tail=tail,
            max_bytes=max_bytes,
            encoding=encoding,
            render=render,
        )
        return self._ask(request, replies.Output)

    def follow(
        self,
        job: str,
        attempt: int | None = None,
        stream: StreamName = "stdout",
        offset: int = 0,
        tail: int | None = None,
        encoding: Encoding = "text",
        render: Render = "none",
    ) -> Iterator[replies.Output | replies.FollowEnd]:
        """An attempt's output as it comes, and at last a FollowEnd; goes on after a restart of the daemon."""
        request = requests.Follow(
            job=self._fixed(job),
            attempt=attempt,
            stream=stream,
            offset=offset,
            tail=tail,
            encoding=encoding,
            render=render,
        )
        return self._stream(streams.Following(request))

    def wait(self, jobs: Sequence[str], timeout_s: float | None = None) -> replies.Waited:
        """Return when all jobs are final, or `timeout_s` is over; goes on after a restart of the daemon."""
        waiting = streams.Waiting([self._fixed(job) for job in jobs], timeout_s)
        with closing(self._stream(waiting)) as answer:
            return next(answer)

    def subscribe(
        self,
        after: int | None = None,
        jobs: Sequence[str] = (),
        projects: Sequence[str] = (),
        kinds: Sequence[str] = (),
    ) -> Iterator[Event]:
        """Events for ever, each once and in order; goes on after a restart of the daemon.

        after: the last seq that is known; None begins with what happens after this call.
        """
        if after is None:
            after = self.list(limit=1).seq
        request = requests.Subscribe(
            after=after, jobs=[self._fixed(job) for job in jobs], projects=[*projects], kinds=[*kinds]
        )
        return self._stream(streams.Subscribing(request))

    def cancel(self, job: str) -> replies.Changed:
        """End a job and its whole process tree; returns at once."""
        return self._ask(requests.Cancel(job=job), replies.Changed)

    def retry(self, job: str, fresh: bool = False) -> replies.Changed:
        """Queue a final job again, or let a queued one start now. fresh: without the agent's session."""
        return self._ask(requests.Retry(job=job, fresh=fresh), replies.Changed)

    def send(self, job: str, message: str) -> replies.Changed:
        """Say something more in the job's conversation, after its attempt."""
        return self._ask(requests.Send(job=job, message=message), replies.Changed)

    def import_jobs(self, jobs: Sequence[Job]) -> replies.Imported:
        """Take in jobs of another luzia, as its `status` shows them; what is there already stays as it is."""
        return self._ask(requests.Import(jobs=list(jobs)), replies.Imported)

    def pause(self, job: str) -> replies.Changed:
        """Let nothing of a running job run until it is resumed."""
        return self._ask(requests.Pause(job=job), replies.Changed)

    def resume(self, job: str) -> replies.Changed:
        """Let a paused job run on."""
        return self._ask(requests.Resume(job=job), replies.Changed)

    def hold(self, job: str) -> replies.Changed:
        """Keep a queued job from starting until it is released."""
        return self._ask(operating.Hold(job=job), replies.Changed)

    def release(self, job: str) -> replies.Changed:
        """Let a job start that was held."""
        return self._ask(operating.Release(job=job), replies.Changed)

    def remove(self, job: str) -> replies.Changed:
        """Forget a final job and delete its files."""
        return self._ask(requests.Remove(job=job), replies.Changed, CLEAN_TIMEOUT_S)

    def clean(self, job: str, dry_run: bool = False) -> replies.Cleaned:
        """Delete a final job's worktree and its branch, unless work would be lost; `dry_run` only looks."""
        return self._ask(requests.Clean(job=job, dry_run=dry_run), replies.Cleaned, CLEAN_TIMEOUT_S)

    def answer(self, job: str, words: Sequence[str], question: str | None = None) -> replies.Changed:
        """Answer what a job's agent asks; the agent has it then. The fields are those of requests.Answer."""
        return self._ask(requests.Answer(job=job, words=[*words], question=question), replies.Changed)

    def progress(
        self,
        job: str,
        percent: float | None = None,
        done: float | None = None,
        total: float | None = None,
        label: str | None = None,
        phase: str | None = None,
    ) -> replies.Changed:
        """Tell how far a running job is."""
        request = requests.ReportProgress(job=job, percent=percent, done=done, total=total, label=label, phase=phase)
        return self._ask(request, replies.Changed)

    def projects(self) -> replies.Projects:
        """The configured projects."""
        return self._ask(requests.Projects(), replies.Projects)

    def project_add(self, name: str, path: str, agent: str | None = None) -> replies.Projects:
        """Write a project into the daemon's configuration file and apply it."""
        request = requests.ProjectAdd(name=name, path=absolute(path), agent=agent)
        return self._ask(request, replies.Projects)

    def project_remove(self, name: str) -> replies.Projects:
        """Take a project out of the daemon's configuration file."""
        return self._ask(requests.ProjectRemove(name=name), replies.Projects)

    def agents(self) -> replies.Agents:
        """The agents that the daemon knows."""
        return self._ask(requests.Agents(), replies.Agents)

    def reload(self) -> replies.Reloaded:
        """Have the daemon read its configuration again."""
        return self._ask(requests.Reload(), replies.Reloaded)

    def info(self) -> replies.Info:
        """What the daemon is and how it does."""
        return self._ask(requests.Info(), replies.Info)

    def shutdown(self) -> replies.Stopping:
        """End the daemon; running agents go on."""
        return self._ask(requests.Shutdown(), replies.Stopping)

    def _fixed(self, job: str) -> str:
        """The job's whole id: a part of one, or `@last`, may mean another job after a reconnection."""
        return job if is_whole_id(job) else self.status(job).id

    def _ask(self, request: requests.Request, kind: type[T], timeout_s: float = REQUEST_TIMEOUT_S) -> T:
        """Ask, and ask once more over a new connection where that is safe."""
        line = answers.encode(request)
        with self._lock:
            try:
                return answers.answer(self._exchange(line, timeout_s), kind)
            except ConnectionLostError:
                if not isinstance(request, RESENDABLE):
                    raise
            return answers.answer(self._exchange(line, timeout_s), kind)

    def _exchange(self, line: bytes, timeout_s: float = REQUEST_TIMEOUT_S) -> bytes:
        if self._connection is not None and not self._connection.is_alive():
            self.close()
        if self._connection is None:
            self._connection = connect(self.socket, autostart=self._autostart)
        try:
            self._connection.send(line)
            return self._connection.receive(timeout_s)
        except BaseException:
            # What is still under way on this connection must never be taken for the next answer.
            self.close()
            raise

    def _stream(self, stream: streams.Stream[T]) -> Generator[T, None, None]:
        """Drive a stream on a connection of its own, over as many connections as it takes."""
        connection: Connection | None = connect(self.socket, autostart=self._autostart)
        patience = streams.Patience(self._reconnect_s)
        while True:
            try:
                connection = connection or connect(self.socket, autostart=self._autostart, resuming=True)
                connection.send(answers.encode(stream.request()))
                while not stream.broken:
                    frame = streams.parse(connection.receive())
                    patience.heard()
                    item = stream.take(frame)
                    if item is not None:
                        yield item
                    if stream.over:
                        return
            except DaemonUnreachableError as exc:
                time.sleep(patience.delay(exc))
            finally:
                if connection is not None:
                    connection.close()
                    connection = None
