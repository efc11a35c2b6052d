"""Keeps the list up to date with a daemon, across its restarts: pages first, then events, without polling."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing

from luzia_protocol import events
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.replies import JobPage
from luzia_protocol.states import ACTIVE_STATES, FINAL_STATES

from luzia_client.hosts.job_ids import event_of, host_of, id_there, job_of
from luzia_client.hosts.settings import LOCAL, Host
from luzia_client.tui.fullscreen.connection import ERRORS, Connection
from luzia_client.tui.top.state import TopState

PAGE = 500
REFRESH_GAP_S = 0.2
"""The least time between two refreshes of what events do not contain: counts, slots, limits and reasons."""
MAX_REFRESHED_JOBS = 200

_QUEUE_UNCHANGED = (events.Progressed, events.WorktreeChanged, events.Sent)
"""Events that change neither counts nor the reasons of queued jobs."""


class Feed:
    """Reads the jobs of a host into `top.model`, and the status of its daemon into its part of `top.hosts`.

    projects: only their jobs; empty for all. changed: called to redraw the screen. visible: the ids of the visible
    jobs. host: another host; None for this machine.
    """

    def __init__(
        self,
        top: TopState,
        projects: Sequence[str],
        changed: Callable[[], None],
        visible: Callable[[], Collection[str]],
        host: Host | None = None,
    ) -> None:
        self._host = host
        self._name = LOCAL if host is None else host.name
        self._view = top.hosts[self._name]
        self._seq = 0
        self._top = top
        self._model = top.model
        self._changed = changed
        self._visible = visible
        self._connection = Connection(self._view, projects, changed, host)
        self._client, self._projects = self._connection.client, self._connection.projects
        self._refresh_due = asyncio.Event()
        self._counts_changed = False
        self._search_due = asyncio.Event()

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._connection.keep(self._begin, self._apply_events))
            tasks.create_task(self._refresh())
            tasks.create_task(self._search())

    def refresh_visible(self) -> None:
        """Request visible jobs that are stale."""
        if any(host_of(name) == self._name for name in self._model.stale.intersection(self._visible())):
            self._refresh_due.set()

    def search(self) -> None:
        """Ask the daemon for jobs that match the filter: it knows older jobs, and the whole texts."""
        self._search_due.set()

    def refresh_reasons(self) -> None:
        """Request the reasons of visible queued jobs again: they contain times."""
        self._counts_changed = True
        self._refresh_due.set()

    async def _begin(self, newest: JobPage) -> None:
        """List the jobs unless events continue from the last one, and request what events do not contain."""
        self._model.update_counts(newest, self._name)
        if self._view.loading or newest.seq < self._seq:
            await self._load(newest.seq)
        self._counts_changed = True
        self._refresh_due.set()

    async def _load(self, seq: int) -> None:
        """List all jobs, live ones first, up to the limit of the model."""
        model = self._model
        model.clear(self._name)
        self._seq = seq
        self._view.loading = True
        for states in (list(ACTIVE_STATES), [JobState.QUEUED], list(FINAL_STATES)):
            cursor: int | None = None
            while not model.is_full or (cursor is None and self._host is not None):
                page = await self._client.list_jobs(self._projects, states, limit=PAGE, cursor=cursor)
                model.put_all(self._named(page.jobs))
                self._changed()
                cursor = page.next
                if cursor is None:
                    break
        self._view.loading = False
        gc.freeze()  # the jobs stay; while a list is sorted, the garbage collector would go through all of them

    async def _apply_events(self) -> None:
        subscription = self._client.subscribe(after=self._seq, projects=self._projects)
        async with aclosing(subscription) as stream:  # type: ignore[type-var]
            async for event in stream:
                self._seq = event.seq
                self._model.apply(event_of(self._name, event))
                if not isinstance(event, _QUEUE_UNCHANGED):
                    self._counts_changed = True
                    self._refresh_due.set()
                self._changed()

    async def _refresh(self) -> None:
        """Request what events do not contain, after events that change it, and after a connection."""
        failed = False
        while True:
            await self._refresh_due.wait()
            self._refresh_due.clear()
            if self._host is not None and self._view.connection_error:
                continue  # it is due again once the host is reached; until then its reason stands
            try:
                await self._refresh_once()
            except ERRORS as exc:
                failed = self._counts_changed = True
                self._connection.report(exc)
            else:
                if failed:
                    failed, self._view.connection_error = False, ""
                self._changed()
            await asyncio.sleep(REFRESH_GAP_S)

    async def _search(self) -> None:
        """Search for the newest filter; what was typed meanwhile is searched for next."""
        while True:
            await self._search_due.wait()
            self._search_due.clear()
            words = self._model.filter
            if not words or (self._host is not None and self._view.connection_error):
                continue
            try:
                page = await self._client.list_jobs(self._projects, search=words, limit=PAGE)
            except ERRORS as exc:
                self._top.message = exc.message
            else:
                if not self._model.put_found(words, self._named(page.jobs), self._name):
                    continue
            self._changed()

    async def _refresh_once(self) -> None:
        visible = self._visible()
        if self._counts_changed:
            self._counts_changed = False
            self._model.update_counts(await self._client.list_jobs(projects=self._projects, limit=1), self._name)
            self._view.daemon = await self._client.get_info()
            listed = filter(None, map(self._model.get, visible))
            self._model.stale |= {job.id for job in listed if job.state is JobState.QUEUED}
        stale = self._stale()
        if stale:
            await self._request(sorted(stale, key=lambda name: (name not in visible, name))[:MAX_REFRESHED_JOBS])
        if self._stale():
            self._refresh_due.set()

    def _stale(self) -> list[str]:
        """The stale jobs of this host, by their ids in the list."""
        return [name for name in self._model.stale if host_of(name) == self._name]

    def _named(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Jobs that the host has sent, with their ids in the list."""
        return jobs if self._host is None else [job_of(self._name, job) for job in jobs]

    async def _request(self, names: list[str]) -> None:
        """Request jobs with a single request that does not wait; one by one if some have been removed."""
        try:
            found = await self._client.wait([id_there(name) for name in names], timeout_s=0.0)
            self._model.put_all(self._named(found.jobs))
        except Refused as refused:
            if refused.code is not ErrorCode.UNKNOWN_JOB:
                raise
            if len(names) == 1:
                self._model.remove(names[0])
            else:
                for name in names:
                    await self._request([name])
        self._model.stale.difference_update(names)
