"""The application `luzia top`: connects the state, the daemon, the keys and the screen."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from prompt_toolkit.application import Application
from prompt_toolkit.completion import Completer
from prompt_toolkit.layout import CompletionsMenu, Float, FloatContainer, HSplit, Layout, Window

from luzia_protocol.jobs import Job, JobState

from luzia_client.api import settings
from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.hosts.settings import Host
from luzia_client.tui.model import JobsModel
from luzia_client.tui.top.arranging import Arranging
from luzia_client.tui.top.bindings import BoundKey, bindings
from luzia_client.tui.top.clients import Clients
from luzia_client.tui.top.context import Context
from luzia_client.tui.top.control import Control
from luzia_client.tui.top.controls import STYLE, InputLine, ScreenControl, ignore
from luzia_client.tui.top.feed import Feed
from luzia_client.tui.top.keys import Where, iter_keys
from luzia_client.tui.top.moving import Moving
from luzia_client.tui.top.pages import Pages
from luzia_client.tui.top.preferences import load_preferences
from luzia_client.tui.top.programs import Programs
from luzia_client.tui.top.state import TopState
from luzia_client.tui.top.text_view import Fragments
from luzia_client.tui.top.transcript import RECONNECT_S, TranscriptFollower
from luzia_client.tui.top.views import compose_screen, next_redraw_s

FRAME_GAP_S = 0.05
"""The least time between two frames: a burst of events is drawn once."""
REASON_REFRESH_S = 5.0
"""The least time between two requests for the reasons of visible queued jobs, which contain times."""
MENU_ROWS = 12
"""The most candidates that the menu of the input line shows at once."""
ESCAPE_S = 0.1
"""The time after which an Esc is not the start of another key, also over a slow connection."""


class TopApp:
    """The application. projects: only their jobs; empty for all. hosts: others whose jobs are in the list, too."""

    def __init__(self, projects: Sequence[str], hosts: Mapping[str, Host]) -> None:
        self._screen = stdout_screen()
        self._interval_s = settings.monitor_interval_s()
        self._top = TopState(JobsModel(), hosts)
        self._status = exit_codes.OK
        self._reasons_refreshed_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._line = InputLine()
        context = self._context = Context(
            self._top, lambda: self._screen, self._redraw, self._start, self._edit, Clients(self._top)
        )
        programs = Programs(context, self._leave_now)
        self._effects = [Moving(context), Arranging(context), Pages(context), Control(context), programs, self]
        self._main = Window(ScreenControl(self._paint, self._top), always_hide_cursor=True)
        menu = Float(CompletionsMenu(max_height=MENU_ROWS), xcursor=True, ycursor=True)
        self._app: Application[None] = Application(
            layout=Layout(FloatContainer(HSplit([self._main, self._line.container]), [menu])),
            key_bindings=bindings(self._top, self._bound_keys(), self._find_effect, self._line, self._typed),
            style=STYLE,
            full_screen=True,
            mouse_support=True,
            min_redraw_interval=FRAME_GAP_S,
            enable_page_navigation_bindings=False,
            terminal_size_polling_interval=None,
            after_render=lambda _: self._drawn(),
        )
        self._app.ttimeoutlen = self._app.timeoutlen = ESCAPE_S
        self._feeds = [Feed(self._top, projects, self._redraw, self._visible, host) for host in (None, *hosts.values())]
        following = Clients(self._top, RECONNECT_S)
        self._follower = TranscriptFollower(self._top, self._screen.colour, self._redraw, following)

        preferences, self._top.message = load_preferences()
        self._top.columns = preferences.columns
        self._top.model.arrange(preferences.arrangement)

    def _bound_keys(self) -> list[BoundKey]:
        """The keys of the table, each where it has an effect."""
        return [BoundKey(key.keys, key.action, partial(self._has_keys, key.where)) for key in iter_keys()]

    def _has_keys(self, where: Where) -> bool:
        return self._top.where in where

    def _find_effect(self, action: str) -> Callable[[], None]:
        """The method of one of the effects that has the name of an action."""
        found: Callable[[], None] = next(getattr(each, action) for each in self._effects if hasattr(each, action))
        return found

    async def run(self) -> int:
        """Show the screen until the user quits; returns the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end, 128 + number)
        for feed in self._feeds:
            self._start(feed.run())
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

    # Drawing

    def _paint(self, width: int, height: int) -> list[Fragments]:
        self._screen = self._screen.resized(width, height)
        return compose_screen(self._top, datetime.now(UTC), self._screen)

    def _redraw(self) -> None:
        self._app.invalidate()

    def redraw(self) -> None:
        """Draw the whole screen again."""
        self._app.renderer.clear()

    def copy_id(self) -> None:
        """Put the ids of the jobs into the clipboard of the terminal (OSC 52), which works over ssh."""
        if not (names := [job.id for job in self._context.jobs()]):
            return
        self._app.output.write_raw(f"\x1b]52;c;{b64encode(' '.join(names).encode()).decode()}\x07")
        self._app.output.flush()
        what = names[0] if len(names) == 1 else f"the ids of {len(names)} jobs"
        self._top.message = f"copied {what}, if the terminal permits it (OSC 52)"

    def suspend(self) -> None:
        """Stop the program, as Ctrl-Z does elsewhere."""
        self._app.suspend_to_background()

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
        self._redraw()

    def _shown_jobs(self) -> list[Job]:
        """The visible jobs, and the selected one."""
        cursor = self._top.cursor
        shown = [] if self._top.zoomed else self._top.model.page(cursor.top, cursor.height)
        return shown if self._top.job is None else [*shown, self._top.job]

    def _visible(self) -> Collection[str]:
        """The ids of the visible jobs of the list."""
        cursor = self._top.cursor
        return {key.id for key in self._top.model.rows[cursor.top : cursor.top + cursor.height]}

    # The input line

    def filter(self) -> None:
        """Filter the list while the words are typed."""

        def typed(words: str) -> None:
            self._top.model.set_filter(words)
            for feed in self._feeds:
                feed.search()
            self._top.cursor.select_first()

        self._edit("Filter: ", ignore, typed, text=self._top.model.filter)

    def _edit(
        self,
        label: str,
        entered: Callable[[str], None],
        typed: Callable[[str], None] = ignore,
        *,
        text: str = "",
        completer: Completer | None = None,
    ) -> None:
        self._top.typing = True
        self._line.open(label, entered, typed, text=text, completer=completer)
        self._app.layout.focus(self._line.window)

    def _typed(self, entered: bool) -> None:
        self._app.layout.focus(self._main)
        self._top.typing = False
        self._line.end(entered)

    # Start and end

    def leave(self) -> None:
        """Close the page, or end."""
        if self._top.page is not None:
            self._top.page = None
        else:
            self._leave_now()

    def _end(self, status: int) -> None:
        """End at once, also when a command has the terminal: it is ended too."""
        for task in self._tasks:
            task.cancel()
        self._leave_now(status)

    def _leave_now(self, status: int = exit_codes.OK) -> None:
        if self._app.is_running and not self._app.is_done:
            self._status = status
            self._app.exit()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """End the application when a background task fails; its error is reported as the command's."""
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None and self._app.is_running and not self._app.is_done:
            self._app.exit(exception=_first(failure))


def _first(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


def run_top(projects: Sequence[str], hosts: Mapping[str, Host]) -> int:
    """Run `luzia top` on this terminal; returns the exit status. hosts: others whose jobs are in the list, too."""
    # Report a missing daemon or an unknown project before the screen is taken over.
    with Client() as client:
        client.list_jobs(() if hosts else projects, limit=1)
    app = TopApp(projects, hosts)
    # Messages on stderr would disturb the screen: print them at the end.
    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            return asyncio.run(app.run())
    finally:
        sys.stderr.write(messages.getvalue())
