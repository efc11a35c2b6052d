"""What the effects of keys use of every screen: messages, pages, confirmations, and work in the background."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from prompt_toolkit.application import in_terminal
from prompt_toolkit.completion import Completer

from luzia_protocol.errors import LuziaError, Refused

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.text import harmless
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.trees import WorktreeError
from luzia_client.tui.fullscreen.input_line import ignore
from luzia_client.tui.fullscreen.state import KeyPrompt, Page, ScreenState
from luzia_client.tui.fullscreen.text_view import TextView
from luzia_client.tui.shell.command_runner import CommandFailedError

MAX_PAGE_LINES = 100_000
ERRORS = (Refused, DaemonUnreachableError, UnexpectedAnswerError, WorktreeError, UsageError, CommandFailedError)
"""What goes wrong without being a defect of the screen."""


class Terminal(Protocol):
    """The screen as a program. See FullScreen."""

    def redraw_soon(self) -> None: ...  # pragma: no cover

    def start(self, work: Awaitable[None]) -> None: ...  # pragma: no cover

    def edit(
        self,
        label: str,
        entered: Callable[[str], None],
        typed: Callable[[str], None] = ignore,
        *,
        text: str = "",
        completer: Completer | None = None,
    ) -> None: ...  # pragma: no cover


class ScreenContext:
    """edit: opens the input line. changed: draws the screen again soon."""

    def __init__(self, state: ScreenState, terminal: Terminal) -> None:
        self._state = state
        self._terminal = terminal
        self.edit = terminal.edit
        self.changed = terminal.redraw_soon

    def say(self, message: str) -> None:
        """Show a message in the last line."""
        self._state.message = message
        self.changed()

    def open(self, title: str, text: str) -> None:
        """Show a text on the full screen."""
        lines = TextView(text, MAX_PAGE_LINES, by_words=True)
        lines.to_top()
        self._state.page = Page(harmless(title), lines)
        self.changed()

    def ask(self, question: str, keys: dict[str, Callable[[], None]]) -> None:
        """Ask a question that one key answers; any other key aborts."""
        self._state.prompt = KeyPrompt(question, keys)
        self.changed()

    def confirm(self, question: str, effect: Callable[[], None]) -> None:
        """Ask for a confirmation."""
        self.ask(f"{question} y/N", {"y": effect})

    def run(self, work: Awaitable[None]) -> None:
        """Run something in the background; an error becomes the message."""
        self._terminal.start(self._report_errors(work))

    async def _report_errors(self, work: Awaitable[None]) -> None:
        try:
            await work
        except ERRORS as exc:
            self.say(describe(exc))

    @asynccontextmanager
    async def terminal_given_away(self) -> AsyncIterator[None]:
        """Leave the terminal to other programs, with Ctrl-C, which the screen would take for its own."""
        async with in_terminal():
            self._state.away = True
            try:
                yield
            finally:
                self._state.away = False


def describe(exc: LuziaError | UsageError) -> str:
    """The message and the remedy of an error."""
    return f"{exc.message}. {exc.hint}" if exc.hint else exc.message
