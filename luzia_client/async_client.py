"""The client for asyncio programs: the methods of Client as coroutines and asynchronous iterators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, TypeVar, Unpack

from luzia_protocol import operating, paths, replies, requests
from luzia_protocol.events import Event
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.version import PROTOCOL_VERSION

from luzia_client import answers, streams
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
from luzia_client.async_connection import AsyncConnection
from luzia_client.caller import absolute
from luzia_client.connection import REQUEST_TIMEOUT_S, ConnectionLostError, DaemonUnreachableError

T = TypeVar("T")


class AsyncClient:
    """Talks to the daemon; the arguments and errors are those of Client."""

    def __init__(self, socket: str | None = None, autostart: bool = True, reconnect_s: float = 60.0) -> None:
        self.socket = socket or paths.socket_path()
        self._autostart = autostart
        self._reconnect_s = reconnect_s
        self._connection: AsyncConnection | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; the next request connects again."""
        self._drop()

    async def hello(self) -> replies.Hello:
        """Agree on the protocol's version. Raises Refused with `unsupported_version`."""
        request = requests.Hello(version=PROTOCOL_VERSION, client="luzia_client")
        return await self._ask(request, replies.Hello)

    async def dispatch(
        self, project: str, task: str | None = None, **options: Unpack[DispatchOptions]
    ) -> replies.Dispatched:
        """Have a job accepted; when this returns it is on disk. The fields are those of requests.Dispatch."""
        request = dispatch_request(project, task, options)
        return await self._ask(request, replies.Dispatched)

    async def edit(self, job: str, **changes: Unpack[Changes]) -> replies.Changed:
        """Change a queued job; what is not named stays, and an empty list takes away what it comes after."""
        return await self._ask(requests.Edit(job=job, **changes), replies.Changed)

    async def graph(self, jobs: Sequence[Mapping[str, Any]], key: str | None = None) -> replies.Graphed:
        """Have jobs accepted that come after one another, all or none.

        jobs: each with the fields of requests.Node: `name`, `project`, `task` or `argv`, `after`, and so on.
        """
        return await self._ask(graph_request(jobs, key), replies.Graphed)

    async def graph_show(self, job: str) -> replies.GraphShown:
        """The jobs that come before and after a job, however far."""
        return await self._ask(requests.GraphShow(job=job), replies.GraphShown)

    async def status(self, job: str) -> Job:
        """Everything about one job."""
        return (await self._ask(requests.Status(job=job), replies.Status)).job

    async def list(
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
        return await self._ask(request, replies.Listed)

    async def list_all(
        self,
        projects: Sequence[str] = (),
        states: Sequence[JobState] = (),
        page: int = 500,
        tags: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Job]:
        """All jobs, newest first, fetched `page` at a time."""
        cursor: int | None = None
        while True:
            listed = await self.list(projects, states, limit=page, cursor=cursor, tags=tags)
            for job in listed.jobs:
                yield job
            cursor = listed.next
            if cursor is None:
                return

    async def logs(
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
        return await self._ask(request, replies.Output)

    async def follow(
        self,
        job: str,
        attempt: int | None = None,
        stream: StreamName = "stdout",
        offset: int = 0,
        tail: int | None = None,
        encoding: Encoding = "text",
        render: Render = "none",
    ) -> AsyncIterator[replies.Output | replies.FollowEnd]:
        """An attempt's output as it comes, and at last a FollowEnd; goes on after a restart of the daemon."""
        request = requests.Follow(
            job=await self._fixed(job),
            attempt=attempt,
            stream=stream,
            offset=offset,
            tail=tail,
            encoding=encoding,
            render=render,
        )
        following: streams.Stream[replies.Output | replies.FollowEnd] = streams.Following(request)
        async with aclosing(self._stream(following)) as items:
            async for item in items:
                yield item

    async def wait(self, jobs: Sequence[str], timeout_s: float | None = None) -> replies.Waited:
        """Return when all jobs are final, or `timeout_s` is over; goes on after a restart of the daemon."""
        waiting = streams.Waiting([await self._fixed(job) for job in jobs], timeout_s)
        async with aclosing(self._stream(waiting)) as answer:
            return await anext(answer)

    async def subscribe(
        self,
        after: int | None = None,
        jobs: Sequence[str] = (),
        projects: Sequence[str] = (),
        kinds: Sequence[str] = (),
    ) -> AsyncIterator[Event]:
        """Events for ever, each once and in order; goes on after a restart of the daemon.

        after: the last seq that is known; None begins with what happens after the first item was asked for.
        """
        if after is None:
            after = (await self.list(limit=1)).seq
        request = requests.Subscribe(
            after=after, jobs=[await self._fixed(job) for job in jobs], projects=[*projects], kinds=[*kinds]
        )
        subscribing: streams.Stream[Event] = streams.Subscribing(request)
        async with aclosing(self._stream(subscribing)) as events:
            async for event in events:
                yield event

    async def cancel(self, job: str) -> replies.Changed:
        """End a job and its whole process tree; returns at once."""
        return await self._ask(requests.Cancel(job=job), replies.Changed)

    async def retry(self, job: str, fresh: bool = False) -> replies.Changed:
        """Queue a final job again, or let a queued one start now. fresh: without the agent's session."""
        return await self._ask(requests.Retry(job=job, fresh=fresh), replies.Changed)

    async def send(self, job: str, message: str) -> replies.Changed:
        """Say something more in the job's conversation, after its attempt."""
        return await self._ask(requests.Send(job=job, message=message), replies.Changed)

    async def import_jobs(self, jobs: Sequence[Job]) -> replies.Imported:
        """Take in jobs of another luzia, as its `status` shows them; what is there already stays as it is."""
        return await self._ask(requests.Import(jobs=list(jobs)), replies.Imported)

    async def pause(self, job: str) -> replies.Changed:
        """Let nothing of a running job run until it is resumed."""
        return await self._ask(requests.Pause(job=job), replies.Changed)

    async def resume(self, job: str) -> replies.Changed:
        """Let a paused job run on."""
        return await self._ask(requests.Resume(job=job), replies.Changed)

    async def hold(self, job: str) -> replies.Changed:
        """Keep a queued job from starting until it is released."""
        return await self._ask(operating.Hold(job=job), replies.Changed)

    async def release(self, job: str) -> replies.Changed:
        """Let a job start that was held."""
        return await self._ask(operating.Release(job=job), replies.Changed)

    async def remove(self, job: str) -> replies.Changed:
        """Forget a final job and delete its files."""
        return await self._ask(requests.Remove(job=job), replies.Changed, CLEAN_TIMEOUT_S)

    async def clean(self, job: str, dry_run: bool = False) -> replies.Cleaned:
        """Delete a final job's worktree and its branch, unless work would be lost; `dry_run` only looks."""
        return await self._ask(requests.Clean(job=job, dry_run=dry_run), replies.Cleaned, CLEAN_TIMEOUT_S)

    async def answer(self, job: str, words: Sequence[str], question: str | None = None) -> replies.Changed:
        """Answer what a job's agent asks; when this returns the agent has it."""
        return await self._ask(requests.Answer(job=job, words=[*words], question=question), replies.Changed)

    async def progress(
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
        return await self._ask(request, replies.Changed)

    async def projects(self) -> replies.Projects:
        """The configured projects."""
        return await self._ask(requests.Projects(), replies.Projects)

    async def project_add(self, name: str, path: str, agent: str | None = None) -> replies.Projects:
        """Write a project into the daemon's configuration file and apply it."""
        request = requests.ProjectAdd(name=name, path=absolute(path), agent=agent)
        return await self._ask(request, replies.Projects)

    async def project_remove(self, name: str) -> replies.Projects:
        """Take a project out of the daemon's configuration file."""
        return await self._ask(requests.ProjectRemove(name=name), replies.Projects)

    async def agents(self) -> replies.Agents:
        """The agents that the daemon knows."""
        return await self._ask(requests.Agents(), replies.Agents)

    async def reload(self) -> replies.Reloaded:
        """Have the daemon read its configuration again."""
        return await self._ask(requests.Reload(), replies.Reloaded)

    async def info(self) -> replies.Info:
        """What the daemon is and how it does."""
        return await self._ask(requests.Info(), replies.Info)

    async def shutdown(self) -> replies.Stopping:
        """End the daemon; running agents go on."""
        return await self._ask(requests.Shutdown(), replies.Stopping)

    async def _fixed(self, job: str) -> str:
        """The job's whole id: a part of one, or `@last`, may mean another job after a reconnection."""
        return job if is_whole_id(job) else (await self.status(job)).id

    async def _ask(self, request: requests.Request, kind: type[T], timeout_s: float = REQUEST_TIMEOUT_S) -> T:
        """Ask, and ask once more over a new connection where that is safe."""
        line = answers.encode(request)
        async with self._lock:
            try:
                return answers.answer(await self._exchange(line, timeout_s), kind)
            except ConnectionLostError:
                if not isinstance(request, RESENDABLE):
                    raise
            return answers.answer(await self._exchange(line, timeout_s), kind)

    async def _exchange(self, line: bytes, timeout_s: float) -> bytes:
        if self._connection is not None and not self._connection.is_alive():
            self._drop()
        if self._connection is None:
            self._connection = await AsyncConnection.open(self.socket, autostart=self._autostart)
        try:
            return await self._connection.ask(line, timeout_s)
        except BaseException:
            # What is still under way on this connection must never be taken for the next answer.
            self._drop()
            raise

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _stream(self, stream: streams.Stream[T]) -> AsyncGenerator[T, None]:
        """Drive a stream on a connection of its own, over as many connections as it takes."""
        connection: AsyncConnection | None = await AsyncConnection.open(self.socket, autostart=self._autostart)
        patience = streams.Patience(self._reconnect_s)
        while True:
            try:
                connection = connection or await AsyncConnection.open(
                    self.socket, autostart=self._autostart, resuming=True
                )
                await connection.send(answers.encode(stream.request()))
                while not stream.broken:
                    frame = streams.parse(await connection.receive())
                    patience.heard()
                    item = stream.take(frame)
                    if item is not None:
                        yield item
                    if stream.over:
                        return
            except DaemonUnreachableError as exc:
                await asyncio.sleep(patience.delay(exc))
            finally:
                if connection is not None:
                    connection.close()
                    connection = None
