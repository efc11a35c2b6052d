"""The asynchronous client: the methods of Client as coroutines, and the streams as asynchronous iterators."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from luzia_protocol import requests
from luzia_protocol.events import Event, EventKind
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.output import FollowEnd, Output

from luzia_client.api import arguments
from luzia_client.api.arguments import Duration, JobLike, JobsLike, PathLike
from luzia_client.api.async_caller import AsyncCaller
from luzia_client.api.client import Client
from luzia_client.api.requests import Encoding, Render, StreamName

P = ParamSpec("P")
T = TypeVar("T")


def coroutine(
    blocking: Callable[Concatenate[Client, P], T],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """The form of a method of Client that awaits what its caller returns, here a coroutine of AsyncCaller."""

    @wraps(blocking)
    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        request = cast(Coroutine[Any, Any, T], blocking(cast(Client, self), *args, **kwargs))
        return await request

    method.__qualname__ = f"AsyncClient.{blocking.__name__}"
    return method


class AsyncClient:
    """A client for asyncio programs. Tasks of one event loop may share one; their requests are concurrent.

    socket: the path of the daemon's socket; the default is LUZIA_SOCKET, or `luzia.sock` in the runtime directory.
    autostart: start the daemon when none is listening, unless LUZIA_NO_AUTOSTART is set.
    reconnect_s: how long a stream or a wait continues without a daemon.

    The first request connects. `close`, or the end of a `with` block, closes the connection for good. When a connection
    breaks, a request that may safely be done twice is sent again; a dispatch is one of them.

    A verb alone acts on a job, such as `cancel` and `wait`; every other method names its object, such as `list_jobs`.
    Jobs, projects and schedules are accepted by name or as the object that another method returned; paths as str or
    os.PathLike; durations in seconds or as timedelta.

    Every error is a LuziaError with `code`, `message` and `hint`: Refused for an error reply, DaemonUnreachableError,
    ConnectionLostError when the connection broke before the reply, UnexpectedAnswerError when the process on the socket
    is not a compatible daemon, ArgumentError for an invalid argument (also a TypeError and a ValueError),
    ClientStateError for a closed client, and SettingsError for an invalid LUZIA_CACHE_TTL or LUZIA_SOCKET.
    """

    def __init__(self, socket: PathLike | None = None, autostart: bool = True, reconnect_s: Duration = 60.0) -> None:
        self._caller = AsyncCaller(
            arguments.socket_text(socket), autostart, arguments.seconds("reconnect_s", reconnect_s)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} socket='{self.socket}'{' closed' if self._caller.closed else ''}>"

    @property
    def socket(self) -> str:
        """The path of the daemon's socket."""
        return self._caller.socket

    async def close(self) -> None:
        """Close the connection; the client cannot be used again."""
        await self._caller.close()

    async def disconnect(self) -> None:
        """Close the connection until the next request, which opens another."""
        await self._caller.disconnect()

    # ------------------------------------------------------------------ dispatching

    dispatch = coroutine(Client.dispatch)
    again = coroutine(Client.again)
    graph = coroutine(Client.graph)
    edit = coroutine(Client.edit)
    import_jobs = coroutine(Client.import_jobs)

    # ------------------------------------------------------------------ reading

    get_job = coroutine(Client.get_job)
    list_jobs = coroutine(Client.list_jobs)

    async def iter_jobs(
        self,
        projects: str | Iterable[str] = (),
        states: JobState | Iterable[JobState] = (),
        page_size: int = 500,
        tags: Mapping[str, str] | None = None,
        parent: JobLike | None = None,
        search: str = "",
    ) -> AsyncIterator[Job]:
        """All jobs, newest first, fetched `page_size` at a time while the iterator is used.

        projects, states, tags, parent, search: as in `list_jobs`.
        """
        cursor: int | None = None
        while True:
            page = await self.list_jobs(
                projects, states, limit=page_size, cursor=cursor, tags=tags, parent=parent, search=search
            )
            for job in page.jobs:
                yield job
            cursor = page.next
            if cursor is None:
                return

    search_jobs = coroutine(Client.search_jobs)
    get_spending = coroutine(Client.get_spending)
    list_past_races = coroutine(Client.list_past_races)
    rebuild_search_index = coroutine(Client.rebuild_search_index)
    why = coroutine(Client.why)
    get_graph = coroutine(Client.get_graph)
    read_output = coroutine(Client.read_output)

    # ------------------------------------------------------------------ waiting and streams

    def follow(
        self,
        job: JobLike,
        attempt: int | None = None,
        stream: StreamName = "stdout",
        offset: int = 0,
        tail: int | None = None,
        encoding: Encoding = "text",
        render: Render = "none",
    ) -> AsyncIterator[Output | FollowEnd]:
        """An attempt's output as it is written, then a FollowEnd. It continues after a restart of the daemon, exactly.

        attempt: its number, from 1; None is the newest, or the first when none has started yet.
        stream, offset, tail, encoding, render: as in `read_output`.

        Raises Refused as `read_output` does, and DaemonUnreachableError after `reconnect_s` seconds without a daemon.
        """
        request = requests.Follow(
            job=arguments.job_id(job),
            attempt=attempt,
            stream=stream,
            offset=offset,
            tail=tail,
            encoding=encoding,
            render=render,
        )
        return self._caller.follow(request)

    wait = coroutine(Client.wait)

    def subscribe(
        self,
        after: int | None = None,
        jobs: JobsLike = (),
        projects: str | Iterable[str] = (),
        kinds: EventKind | Iterable[EventKind] = (),
    ) -> AsyncIterator[Event]:
        """Events without an end, each once and in order, also across restarts of the daemon.

        after: the `seq` of the last event that is already known; later ones that are stored come first. None starts
        with the next event: from this call in a blocking client, from the first iteration in an asynchronous one.
        jobs, projects, kinds: only events of these; empty is all.

        Raises Refused: `events_expired` when events after `after` are no longer stored, with the `oldest_seq` from
        which on all are: list the jobs again, or subscribe after the seq before it. Raises DaemonUnreachableError
        after `reconnect_s` seconds without a daemon.
        """
        request = requests.Subscribe(
            after=after,
            jobs=arguments.job_ids(jobs),
            projects=arguments.project_list(projects),
            kinds=arguments.event_kinds(kinds),
        )
        return self._caller.subscribe(request)

    # ------------------------------------------------------------------ controlling a job

    cancel = coroutine(Client.cancel)
    pause = coroutine(Client.pause)
    resume = coroutine(Client.resume)
    hold = coroutine(Client.hold)
    release = coroutine(Client.release)
    retry = coroutine(Client.retry)
    send_message = coroutine(Client.send_message)
    attach = coroutine(Client.attach)
    detach = coroutine(Client.detach)
    answer_question = coroutine(Client.answer_question)
    report_progress = coroutine(Client.report_progress)
    clean_worktree = coroutine(Client.clean_worktree)
    discard = coroutine(Client.discard)
    accept = coroutine(Client.accept)
    reject = coroutine(Client.reject)
    restore_work = coroutine(Client.restore_work)
    remove = coroutine(Client.remove)

    # ------------------------------------------------------------------ schedules

    add_schedule = coroutine(Client.add_schedule)
    list_schedules = coroutine(Client.list_schedules)
    get_schedule = coroutine(Client.get_schedule)
    pause_schedule = coroutine(Client.pause_schedule)
    resume_schedule = coroutine(Client.resume_schedule)
    remove_schedule = coroutine(Client.remove_schedule)
    run_schedule = coroutine(Client.run_schedule)

    # ------------------------------------------------------------------ queues, projects and the daemon

    pause_queue = coroutine(Client.pause_queue)
    resume_queue = coroutine(Client.resume_queue)
    resume_agent = coroutine(Client.resume_agent)
    drain_queue = coroutine(Client.drain_queue)
    list_projects = coroutine(Client.list_projects)
    add_project = coroutine(Client.add_project)
    remove_project = coroutine(Client.remove_project)
    list_agents = coroutine(Client.list_agents)
    hello = coroutine(Client.hello)
    get_info = coroutine(Client.get_info)
    reload_config = coroutine(Client.reload_config)
    stop_daemon = coroutine(Client.stop_daemon)
