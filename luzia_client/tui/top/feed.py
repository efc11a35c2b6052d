"""Keeps the list up to date with a daemon, over its restarts too: pages first, then events, and never a poll."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing

from luzia_protocol import events
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luzia_client.api.async_client import AsyncClient
from luzia_client.cli.show.formatting import ACTIVE_STATES, FINAL_STATES
from luzia_client.transport.connection import open_socket
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.tui.top.state import Top

PAGE = 500
REFRESH_GAP_S = 0.2
"""Between two looks at what events do not tell: counts, why jobs wait. A burst of events causes one."""
AT_ONCE = 200
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 2.0

_STILL = (events.Progressed, events.WorktreeChanged, events.Sent)
"""Events after which every job waits for what it waited for before."""


class Feed:
    """Reads jobs into `top.model`.

    projects: only theirs; empty for all. changed: called when something is to be drawn anew.
    visible: the ids of the jobs that are on the screen.
    """

    def __init__(
        self,
        top: Top,
        projects: Sequence[str],
        changed: Callable[[], None],
        visible: Callable[[], Collection[str]],
    ) -> None:
        self._top = top
        self._model = top.model
        self._projects = list(projects)
        self._changed = changed
        self._visible = visible
        self._client = AsyncClient(autostart=False, reconnect_s=0.0)
        self._due = asyncio.Event()
        self._moved = False

    async def run(self) -> None:
        """Go on for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._refresh())

    def look(self) -> None:
        """Other jobs are on the screen: ask for those of them of which there is more to know."""
        if not self._model.stale.isdisjoint(self._visible()):
            self._due.set()

    def look_again(self) -> None:
        """Ask why the queued jobs on the screen wait: the reason says how long, and time has passed."""
        self._moved = True
        self._due.set()

    async def _follow(self) -> None:
        delay_s = FIRST_DELAY_S
        while True:
            try:
                await self._connect()
                delay_s = FIRST_DELAY_S
                await self._take_events()
            except Refused as refused:
                if refused.code is ErrorCode.EVENTS_EXPIRED:
                    self._top.loading = True
                    continue
                self._say_away(refused.message)
            except (DaemonUnreachableError, UnexpectedAnswerError) as exc:
                self._say_away(exc.message)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)

    def _say_away(self, why: str) -> None:
        self._top.away = f"{why} – trying again"
        self._changed()

    async def _connect(self) -> None:
        """Find the daemon, which is started again when it crashed, and list the jobs unless events go on from here."""
        (await asyncio.to_thread(open_socket, self._client.socket, autostart=True, resuming=True)).close()
        newest = await self._client.list_jobs(projects=self._projects, limit=1)
        self._model.count(newest)
        if self._top.loading or newest.seq < self._model.seq:
            await self._load(newest.seq)
        self._top.away = ""
        self._moved = True
        self._due.set()
        self._changed()

    async def _load(self, seq: int) -> None:
        """List all jobs, live ones first, as many as may be known."""
        model = self._model
        model.clear()
        model.seq = seq
        self._top.loading = True
        for states in (list(ACTIVE_STATES), [JobState.QUEUED], FINAL_STATES):
            cursor: int | None = None
            while not model.is_full:
                page = await self._client.list_jobs(self._projects, states, limit=PAGE, cursor=cursor)
                model.put_all(page.jobs)
                self._changed()
                cursor = page.next
                if cursor is None:
                    break
        self._top.loading = False

    async def _take_events(self) -> None:
        following = self._client.subscribe(after=self._model.seq, projects=self._projects)
        async with aclosing(following) as news:  # type: ignore[type-var]
            async for event in news:
                self._model.apply(event)
                if not isinstance(event, _STILL):
                    self._moved = True
                    self._due.set()
                self._changed()

    async def _refresh(self) -> None:
        """Ask for what events do not tell, when they have told that there is something."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._ask()
            except (DaemonUnreachableError, UnexpectedAnswerError, Refused):
                # Whoever follows the events says so, and has everything asked for again.
                await asyncio.sleep(REFRESH_GAP_S)
                continue
            self._changed()
            await asyncio.sleep(REFRESH_GAP_S)

    async def _ask(self) -> None:
        visible = self._visible()
        if self._moved:
            self._moved = False
            self._model.count(await self._client.list_jobs(projects=self._projects, limit=1))
            self._model.stale |= {name for name in visible if self._is_queued(name)}
        wanted = sorted(self._model.stale, key=lambda name: (name not in visible, name))[:AT_ONCE]
        if wanted:
            await self._ask_for(wanted)
        if self._model.stale:
            self._due.set()

    def _is_queued(self, name: str) -> bool:
        job = self._model.get(name)
        return job is not None and job.state is JobState.QUEUED

    async def _ask_for(self, names: Sequence[str]) -> None:
        """Ask for jobs by one request, which answers at once; one by one when some of them are no more."""
        try:
            self._model.put_all((await self._client.wait(names, timeout_s=0.0)).jobs)
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            for name in names:
                await self._ask_for_one(name)
        self._model.stale.difference_update(names)

    async def _ask_for_one(self, name: str) -> None:
        try:
            self._model.put((await self._client.wait([name], timeout_s=0.0)).jobs[0])
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            self._model.forget(name)
