"""Keeps a screen connected to a daemon across its restarts, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from luzia_protocol.errors import ErrorCode, LuziaError, Refused
from luzia_protocol.replies import JobPage

from luzia_client.api.async_client import AsyncClient
from luzia_client.hosts import HostError
from luzia_client.hosts.background import open_link
from luzia_client.hosts.link_files import path_of
from luzia_client.hosts.settings import Host
from luzia_client.transport.connection import open_socket
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.tui.fullscreen.state import ConnectionState

FIRST_DELAY_S = 0.1
MAX_DELAY_S = 2.0
MAX_HOST_DELAY_S = 10.0
"""Each attempt to reach another host starts ssh."""
ERRORS = (Refused, DaemonUnreachableError, UnexpectedAnswerError, HostError)
"""What a request fails with."""


class Connection:
    """Connects whenever the connection is lost, and shows why it cannot.

    projects: only their jobs; empty for all. changed: called to redraw the screen. host: that of the daemon; None for
    this machine.
    """

    def __init__(
        self, state: ConnectionState, projects: Sequence[str], changed: Callable[[], None], host: Host | None = None
    ) -> None:
        self._host = host
        socket = None if host is None else path_of(host.name, "sock")
        self.client = AsyncClient(socket, autostart=False, reconnect_s=0.0)
        self.projects = list(projects)
        self._state = state
        self._changed = changed

    async def keep(
        self, begin: Callable[[JobPage], Awaitable[None]], apply_events: Callable[[], Awaitable[None]]
    ) -> None:
        """Run until cancelled.

        begin: called after each connection with a page of one job, which has the newest seq and the counts; lists the
        jobs if `loading` or if the seq is older than what has been applied. apply_events: called next; returns, or
        fails, when the connection is lost.
        """
        delay_s = FIRST_DELAY_S
        while True:
            try:
                await self._open()
                await begin(await self.client.list_jobs(projects=self.projects, limit=1))
                self._state.connection_error = ""
                self._changed()
                delay_s = FIRST_DELAY_S
                await apply_events()
            except ERRORS as exc:
                if isinstance(exc, Refused) and exc.code is ErrorCode.EVENTS_EXPIRED:
                    self._state.loading = True
                    continue
                self.report(exc)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, MAX_DELAY_S if self._host is None else MAX_HOST_DELAY_S)

    async def _open(self) -> None:
        """Restart a crashed daemon, or open the link to its host."""
        if self._host is None:
            (await asyncio.to_thread(open_socket, self.client.socket, autostart=True, resuming=True)).close()
        else:
            await open_link(self._host)

    def report(self, exc: LuziaError) -> None:
        """Show an error until a later request is answered."""
        self._state.connection_error = f"retrying: {exc.message}"
        self._changed()
