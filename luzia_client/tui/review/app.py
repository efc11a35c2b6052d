"""The application `luzia review`: connects the state, the daemon, git, the keys and the screen."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from prompt_toolkit.application import Application
from prompt_toolkit.layout import HSplit, Layout, Window

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import format_quantity
from luzia_client.tui.review.context import Context
from luzia_client.tui.review.deciding import Deciding
from luzia_client.tui.review.diff_rows import DiffPainter
from luzia_client.tui.review.engine import ReviewEngine
from luzia_client.tui.review.feed import Feed
from luzia_client.tui.review.keys import Where, iter_keys
from luzia_client.tui.review.marking import Marking
from luzia_client.tui.review.moving import Moving
from luzia_client.tui.review.outside import Outside
from luzia_client.tui.review.pages import Pages
from luzia_client.tui.review.reading import Reading
from luzia_client.tui.review.screen_control import STYLE, ReviewControl
from luzia_client.tui.review.state import ReviewState
from luzia_client.tui.review.views import compose_screen
from luzia_client.tui.review.waiting import Order
from luzia_client.tui.top.bindings import BoundKey, bindings
from luzia_client.tui.top.controls import InputLine, ignore
from luzia_client.tui.top.state import KeyPrompt
from luzia_client.tui.top.text_view import Fragments

FRAME_GAP_S = 0.05
"""The least time between two frames: a burst of events is drawn once."""
ESCAPE_S = 0.1
"""The time after which an Esc is not the start of another key, also over a slow connection."""


class ReviewApp:
    """The application. projects: only their jobs; empty for all. first: the id of the job to begin with."""

    def __init__(self, projects: Sequence[str], order: Order, first: str | None) -> None:
        self._screen = stdout_screen()
        self._painter = DiffPainter(self._screen.blocks)
        self._state = ReviewState()
        self._state.waiting.order = order
        if first is not None:
            self._state.waiting.select(first)
        self._status = exit_codes.OK
        self._tasks: set[asyncio.Task[None]] = set()
        self._line = InputLine()
        engine = ReviewEngine()
        context = Context(self._state, engine, self._redraw, self._start, self._edit)
        self._reading = Reading(self._state, engine, self._redraw, self._start)
        self._effects = [
            Deciding(context, self._reading.read_again),
            Marking(context),
            Moving(context),
            Outside(context, self._reading.read_again),
            Pages(context),
            self,
        ]
        self._main = Window(ReviewControl(self._paint, self._state), always_hide_cursor=True)
        self._app: Application[None] = Application(
            layout=Layout(HSplit([self._main, self._line.container])),
            key_bindings=bindings(self._state, self._bound_keys(), self._find_effect, self._line, self._typed),
            style=STYLE,
            full_screen=True,
            mouse_support=True,
            min_redraw_interval=FRAME_GAP_S,
            enable_page_navigation_bindings=False,
            terminal_size_polling_interval=None,
            after_render=lambda _: self._reading.read_shown(),
        )
        self._app.ttimeoutlen = self._app.timeoutlen = ESCAPE_S
        self._feed = Feed(self._state, engine, projects, self._redraw)

    def _bound_keys(self) -> list[BoundKey]:
        """The keys of the table, each where it has an effect."""
        return [BoundKey(key.keys, key.action, partial(self._has_keys, key.where)) for key in iter_keys()]

    def _has_keys(self, where: Where) -> bool:
        return self._state.where in where

    def _find_effect(self, action: str) -> Callable[[], None]:
        """The method of one of the effects that has the name of an action."""
        found: Callable[[], None] = next(getattr(each, action) for each in self._effects if hasattr(each, action))
        return found

    async def run(self) -> int:
        """Show the screen until the user quits; returns the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end, 128 + number)
        self._start(self._feed.run())
        try:
            with contextlib.suppress(EOFError):  # the terminal is gone
                await self._app.run_async(set_exception_handler=False)
        finally:
            for task in self._tasks:
                task.cancel()
        return self._status

    def _paint(self, width: int, height: int) -> list[Fragments]:
        self._screen = self._screen.resized(width, height)
        return compose_screen(self._state, self._screen, self._painter)

    def _redraw(self) -> None:
        self._app.invalidate()

    def redraw(self) -> None:
        """Draw the whole screen again."""
        self._app.renderer.clear()

    def suspend(self) -> None:
        """Stop the program, as Ctrl-Z does elsewhere."""
        self._app.suspend_to_background()

    def reload(self) -> None:
        """Read the changes of the job again."""
        if self._state.entry is not None:
            self._reading.read_again(self._state.entry)

    def leave(self) -> None:
        """Close the page, or end; asks while a decision is being carried out."""
        if self._state.page is not None:
            self._state.page = None
        elif busy := self._state.waiting.busy:
            what = format_quantity(len(busy), "decision")
            self._ask_leave(f"Quit when {what} {'has' if len(busy) == 1 else 'have'} been carried out?")
        else:
            self._leave_now()

    def _ask_leave(self, question: str) -> None:
        self._state.prompt = KeyPrompt(f"{question} y/N", {"y": self._leave_now})

    def _edit(self, label: str, entered: Callable[[str], None], *, text: str = "") -> None:
        self._state.typing = True
        self._line.open(label, entered, ignore, text=text)
        self._app.layout.focus(self._line.window)

    def _typed(self, entered: bool) -> None:
        self._app.layout.focus(self._main)
        self._state.typing = False
        self._line.end(entered)

    def _end(self, status: int) -> None:
        """End at once, also when a program has the terminal: it is ended too."""
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
            self._app.exit(exception=failure)


def run_review(projects: Sequence[str], order: Order, first: str | None) -> int:
    """Run `luzia review` on this terminal; returns the exit status."""
    # Report a missing daemon or an unknown project before the screen is taken over.
    with Client() as client:
        client.list_jobs(projects, limit=1)
    app = ReviewApp(projects, order, first)
    # Messages on stderr would disturb the screen: print them at the end.
    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            return asyncio.run(app.run())
    finally:
        sys.stderr.write(messages.getvalue())
