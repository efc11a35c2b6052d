"""The application `luzia top`: connects the state, the daemon, the keys and the screen."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from luzia_protocol.jobs import Job, JobState

from luzia_client.api import settings
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.hosts.settings import Host
from luzia_client.tui.fullscreen.app import FullScreen, run_screen
from luzia_client.tui.fullscreen.input_line import ignore
from luzia_client.tui.fullscreen.row_control import RowsControl
from luzia_client.tui.fullscreen.steps import Steps
from luzia_client.tui.fullscreen.text_view import Fragments
from luzia_client.tui.model import JobsModel
from luzia_client.tui.top.arranging import Arranging
from luzia_client.tui.top.clients import Clients
from luzia_client.tui.top.context import Context
from luzia_client.tui.top.control import Control
from luzia_client.tui.top.feed import Feed
from luzia_client.tui.top.keys import KEYS
from luzia_client.tui.top.list_control import COLOURS, TopMouse
from luzia_client.tui.top.moving import Moving
from luzia_client.tui.top.pages import Pages
from luzia_client.tui.top.preferences import load_preferences
from luzia_client.tui.top.programs import Programs
from luzia_client.tui.top.state import TopState
from luzia_client.tui.top.transcript import RECONNECT_S, TranscriptFollower
from luzia_client.tui.top.views import compose_screen, next_redraw_s

REASON_REFRESH_S = 5.0
"""The least time between two requests for the reasons of visible queued jobs, which contain times."""


class TopApp:
    """The application. projects: only their jobs; empty for all. hosts: others whose jobs are in the list, too."""

    def __init__(self, projects: Sequence[str], hosts: Mapping[str, Host]) -> None:
        self._screen = stdout_screen()
        self._interval_s = settings.monitor_interval_s()
        self._top = TopState(JobsModel(), hosts)
        self._reasons_refreshed_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        control = RowsControl(self._paint, TopMouse(self._top))
        self._terminal = FullScreen(self._top, control, COLOURS, self._drawn)
        context = self._context = Context(self._top, lambda: self._screen, self._terminal, Clients(self._top))
        moving = Moving(context)
        effects = [Steps(moving.move, moving.page_rows), moving, Arranging(context), Pages(context), Control(context)]
        programs = Programs(context, self._terminal.quit)
        self._terminal.bind(KEYS, lambda where: self._top.where in where, [*effects, programs, self])
        self._feeds = [
            Feed(self._top, projects, context.changed, self._visible, host) for host in (None, *hosts.values())
        ]
        following = Clients(self._top, RECONNECT_S)
        self._follower = TranscriptFollower(self._top, self._screen.colour, context.changed, following)

        preferences, self._top.message = load_preferences()
        self._top.columns = preferences.columns
        self._top.model.arrange(preferences.arrangement)

    async def run(self) -> int:
        """Show the screen until the user quits; returns the exit status."""
        try:
            return await self._terminal.run(*(feed.run() for feed in self._feeds), self._follower.run())
        finally:
            if self._timer is not None:
                self._timer.cancel()

    # Drawing

    def _paint(self, width: int, height: int) -> list[Fragments]:
        self._screen = self._screen.resized(width, height)
        return compose_screen(self._top, datetime.now(UTC), self._screen)

    def copy_id(self) -> None:
        """Put the ids of the jobs into the clipboard of the terminal (OSC 52), which works over ssh."""
        if not (names := [job.id for job in self._context.jobs()]):
            return
        self._terminal.write(f"\x1b]52;c;{b64encode(' '.join(names).encode()).decode()}\x07")
        what = names[0] if len(names) == 1 else f"the ids of {len(names)} jobs"
        self._top.message = f"copied {what}, if the terminal permits it (OSC 52)"

    def _drawn(self) -> None:
        """Follow the selected job, request visible stale jobs, and schedule the next redraw for elapsed times."""
        self._follower.check_selection()
        for feed in self._feeds:
            feed.refresh_visible()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._top.page is None:
            delay_s = next_redraw_s(self._shown_jobs(), datetime.now(UTC), self._interval_s)
            if delay_s is not None:
                self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        queued = any(job.state is JobState.QUEUED for job in self._shown_jobs())
        if queued and now - self._reasons_refreshed_at >= REASON_REFRESH_S:
            self._reasons_refreshed_at = now
            for feed in self._feeds:
                feed.refresh_reasons()
        self._context.changed()

    def _shown_jobs(self) -> list[Job]:
        """The visible jobs, and the selected one."""
        cursor = self._top.cursor
        shown = [] if self._top.zoomed else self._top.model.page(cursor.top, cursor.height)
        return shown if self._top.job is None else [*shown, self._top.job]

    def _visible(self) -> Collection[str]:
        """The ids of the visible jobs of the list."""
        cursor = self._top.cursor
        return {key.id for key in self._top.model.rows[cursor.top : cursor.top + cursor.height]}

    def filter(self) -> None:
        """Filter the list while the words are typed."""

        def typed(words: str) -> None:
            self._top.model.set_filter(words)
            for feed in self._feeds:
                feed.search()
            self._top.cursor.select_first()

        self._context.edit("Filter: ", ignore, typed, text=self._top.model.filter)

    def leave(self) -> None:
        """Close the page, or end."""
        if self._top.page is not None:
            self._top.page = None
        else:
            self._terminal.quit()


def run_top(projects: Sequence[str], hosts: Mapping[str, Host]) -> int:
    """Run `luzia top` on this terminal; returns the exit status. hosts: others whose jobs are in the list, too."""
    return run_screen(() if hosts else projects, lambda: TopApp(projects, hosts).run())
