"""A full screen as a program: it draws rows, reads keys, and runs work in the background until it ends."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from enum import Flag
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.completion import Completer
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import CompletionsMenu, Float, FloatContainer, HSplit, Layout, Window
from prompt_toolkit.styles import Style

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.tui.fullscreen.bindings import add_bindings
from luzia_client.tui.fullscreen.input_line import InputLine, ignore
from luzia_client.tui.fullscreen.keys import KeyTable
from luzia_client.tui.fullscreen.row_control import RowsControl
from luzia_client.tui.fullscreen.state import ScreenState

FRAME_GAP_S = 0.05
"""The least time between two frames: a burst of events is drawn once."""
MENU_ROWS = 12
"""The most candidates that the menu of the input line shows at once."""
ESCAPE_S = 0.1
"""The time after which an Esc is not the start of another key, also over a slow connection."""


class FullScreen:
    """The screen. drawn: called after each frame. colours: the styles of its own classes, and changed ones."""

    def __init__(
        self, state: ScreenState, control: RowsControl, colours: Mapping[str, str], drawn: Callable[[], None]
    ) -> None:
        self._state = state
        self._status = exit_codes.OK
        self._tasks: set[asyncio.Task[None]] = set()
        self._line = InputLine()
        self._keys = KeyBindings()
        self._main = Window(control, always_hide_cursor=True)
        menu = Float(CompletionsMenu(max_height=MENU_ROWS), xcursor=True, ycursor=True)
        self._app: Application[None] = Application(
            layout=Layout(FloatContainer(HSplit([self._main, self._line.container]), [menu])),
            key_bindings=self._keys,
            style=Style.from_dict(dict(colours)),
            full_screen=True,
            mouse_support=True,
            min_redraw_interval=FRAME_GAP_S,
            enable_page_navigation_bindings=False,
            terminal_size_polling_interval=None,
            after_render=lambda _: drawn(),
        )
        self._app.ttimeoutlen = self._app.timeoutlen = ESCAPE_S

    def bind(self, keys: KeyTable[Any], has_keys: Callable[[Flag], bool], effects: Sequence[object]) -> None:
        """Bind all keys of a table.

        has_keys: whether one of these places has the keys now. effects: an action is the method of that name of the
        first of them, or of this screen, that has it.
        """

        def find(action: str) -> Callable[[], None]:
            found: Callable[[], None] = next(
                getattr(each, action) for each in (*effects, self) if hasattr(each, action)
            )
            return found

        add_bindings(self._keys, self._state, keys, has_keys, find, self._line, self._typed)

    async def run(self, *background: Awaitable[None]) -> int:
        """Show the screen until the user quits; returns the exit status. background: runs as long as the screen."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end, 128 + number)
        for work in background:
            self.start(work)
        try:
            with contextlib.suppress(EOFError):  # the terminal is gone
                await self._app.run_async(set_exception_handler=False)
        finally:
            for task in self._tasks:
                task.cancel()
        return self._status

    def start(self, work: Awaitable[None]) -> None:
        """Run something in the background; if it fails, the screen ends with its error."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None and self._app.is_running and not self._app.is_done:
            self._app.exit(exception=_first(failure))

    def redraw_soon(self) -> None:
        """Draw what has changed, FRAME_GAP_S after the last frame at the earliest."""
        self._app.invalidate()

    def redraw(self) -> None:
        """Draw the whole screen again."""
        self._app.renderer.clear()

    def write(self, sequence: str) -> None:
        """Write an escape sequence to the terminal."""
        self._app.output.write_raw(sequence)
        self._app.output.flush()

    def suspend(self) -> None:
        """Stop the program, as Ctrl-Z does elsewhere."""
        self._app.suspend_to_background()

    def edit(
        self,
        label: str,
        entered: Callable[[str], None],
        typed: Callable[[str], None] = ignore,
        *,
        text: str = "",
        completer: Completer | None = None,
    ) -> None:
        """Open the input line with a label and a text. See InputLine.open."""
        self._state.typing = True
        self._line.open(label, entered, typed, text=text, completer=completer)
        self._app.layout.focus(self._line.window)

    def _typed(self, entered: bool) -> None:
        self._app.layout.focus(self._main)
        self._state.typing = False
        self._line.end(entered)

    def quit(self, status: int = exit_codes.OK) -> None:
        """End the screen."""
        if self._app.is_running and not self._app.is_done:
            self._status = status
            self._app.exit()

    def _end(self, status: int) -> None:
        """End at once, also when a program has the terminal: it is ended too."""
        for task in self._tasks:
            task.cancel()
        self.quit(status)


def _first(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


def run_screen(projects: Sequence[str], run: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run a screen on this terminal, and return the exit status. projects: those that it will show; empty for all."""
    # Report a missing daemon or an unknown project before the screen is taken over.
    with Client() as client:
        client.list_jobs(projects, limit=1)

    # Messages on stderr would disturb the screen: print them at the end.
    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            return asyncio.run(run())
    finally:
        sys.stderr.write(messages.getvalue())
