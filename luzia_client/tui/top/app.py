"""Puts `luzia top` together: the state, the daemon's news, the keys and the screen."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime

from prompt_toolkit.application import Application
from prompt_toolkit.layout import HSplit, Layout, Window

from luzia_protocol import environment
from luzia_protocol.jobs import Job, JobState

from luzia_client.api import settings
from luzia_client.cli import exit_codes
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.transport.connection import open_socket
from luzia_client.tui.model import JobsModel
from luzia_client.tui.top.actions import Actions
from luzia_client.tui.top.bindings import bindings
from luzia_client.tui.top.control import Painted
from luzia_client.tui.top.feed import Feed
from luzia_client.tui.top.follower import Follower
from luzia_client.tui.top.line import TypedLine
from luzia_client.tui.top.lines import Fragments
from luzia_client.tui.top.redraw_timer import next_tick_s
from luzia_client.tui.top.state import Top
from luzia_client.tui.top.style import STYLE
from luzia_client.tui.top.views import picture

FRAME_GAP_S = 0.05
"""Between two pictures: a burst of events is drawn as one, and a slow terminal is not flooded."""
REASON_S = 5.0
"""Between two looks at why the queued jobs on the screen wait, while their clocks tick anyway: reasons count down."""
ESCAPE_S = 0.1
"""After so long an Esc is no beginning of another key, over a slow line too."""


class TopApp:
    """One run. projects: only their jobs; empty for all."""

    def __init__(self, projects: Sequence[str]) -> None:
        self._screen = stdout_screen()
        self._interval_s = settings.monitor_interval_s()
        self._top = Top(JobsModel())
        self._status = exit_codes.OK
        self._looked_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._line = TypedLine()
        self._actions = Actions(self._top, lambda: self._screen, self._redraw, self._start, self._edit)
        self._main = Window(Painted(self._paint, self._actions), always_hide_cursor=True)
        own = {
            "filter": self._filter,
            "leave": self._leave,
            "redraw": self._clear,
            "suspend": self._suspend,
        }
        self._app: Application[None] = Application(
            layout=Layout(HSplit([self._main, self._line.container])),
            key_bindings=bindings(self._actions, own, lambda: self._line.is_open, self._typed),
            style=STYLE,
            full_screen=True,
            mouse_support=True,
            min_redraw_interval=FRAME_GAP_S,
            enable_page_navigation_bindings=False,
            terminal_size_polling_interval=None,
            after_render=lambda _: self._drawn(),
        )
        self._app.ttimeoutlen = self._app.timeoutlen = ESCAPE_S
        self._feed = Feed(self._top, projects, self._redraw, self._visible)
        self._follower = Follower(self._top, self._screen.colour, self._redraw)

    async def run(self) -> int:
        """Show the screen until somebody leaves it; returns the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._leave_now, 128 + number)
        self._start(self._feed.run())
        self._start(self._follower.run())
        try:
            with contextlib.suppress(EOFError):  # the terminal is gone
                await self._app.run_async(set_exception_handler=False)
        finally:
            for task in self._tasks:
                task.cancel()
            if self._timer is not None:
                self._timer.cancel()
        return self._status

    # The picture

    def _paint(self, width: int, height: int) -> list[Fragments]:
        self._screen = self._screen.sized(width, height)
        return picture(self._top, datetime.now(UTC), self._screen)

    def _redraw(self) -> None:
        self._app.invalidate()

    def _clear(self) -> None:
        self._app.renderer.clear()

    def _suspend(self) -> None:
        self._app.suspend_to_background()

    def _drawn(self) -> None:
        """Follow what is selected now, ask for what is on the screen now, and count times on if any are shown."""
        self._follower.look()
        self._feed.look()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._top.page is None:
            tick_s = next_tick_s(self._shown_jobs(), datetime.now(UTC), self._interval_s)
            if tick_s is not None:
                self._timer = asyncio.get_running_loop().call_later(tick_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        if now - self._looked_at >= REASON_S and any(job.state is JobState.QUEUED for job in self._shown_jobs()):
            self._looked_at = now
            self._feed.look_again()
        self._redraw()

    def _shown_jobs(self) -> list[Job]:
        """The jobs of which something is on the screen."""
        cursor = self._top.cursor
        shown = [] if self._top.zoomed else self._top.model.page(cursor.top, cursor.height)
        return shown if self._top.job is None else [*shown, self._top.job]

    def _visible(self) -> Collection[str]:
        """The ids of the jobs on the screen."""
        cursor = self._top.cursor
        return {key.id for key in self._top.model.rows[cursor.top : cursor.top + cursor.height]}

    # The line at the bottom

    def _filter(self) -> None:
        before = self._top.model.filter

        def typed(words: str) -> None:
            self._top.model.narrow(words)
            self._top.cursor.to(0)

        self._open("Filter: ", lambda _: None, typed, lambda: typed(before), before)

    def _edit(self, label: str, entered: Callable[[str], None]) -> None:
        self._open(label, entered, None, lambda: None, "")

    def _open(
        self,
        label: str,
        entered: Callable[[str], None],
        typed: Callable[[str], None] | None,
        dropped: Callable[[], None],
        text: str,
    ) -> None:
        self._top.typing = True
        self._line.open(label, entered, typed, dropped, text)
        self._app.layout.focus(self._line.window)

    def _typed(self, entered: bool) -> None:
        self._app.layout.focus(self._main)
        self._top.typing = False
        self._line.end(entered)

    # Beginning and end

    def _leave(self) -> None:
        if self._top.page is not None:
            self._top.page = None
        else:
            self._leave_now()

    def _leave_now(self, status: int = exit_codes.OK) -> None:
        if self._app.is_running and not self._app.is_done:
            self._status = status
            self._app.exit()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """What went wrong beside the screen ends it, and is told as every failure of a command."""
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None and self._app.is_running and not self._app.is_done:
            self._app.exit(exception=_first(failure))


def _first(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


def run_top(projects: Sequence[str]) -> int:
    """Show the screen on this terminal; returns the exit status."""
    open_socket(environment.socket_path(), autostart=True).close()  # without a daemon, say so on a screen that stays
    app = TopApp(projects)
    # Whatever is printed meanwhile would tear the picture.
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return asyncio.run(app.run())
    finally:
        sys.stderr.write(said.getvalue())
