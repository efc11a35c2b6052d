"""What the effects of keys have in common: the shown job, messages, confirmations, and work in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from luzia_protocol.errors import Refused

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.text import harmless
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.trees import WorktreeError
from luzia_client.tui.review.engine import ReviewEngine
from luzia_client.tui.review.entry import Entry
from luzia_client.tui.review.state import ReviewState
from luzia_client.tui.top.context import describe
from luzia_client.tui.top.state import KeyPrompt, Page
from luzia_client.tui.top.text_view import TextView

MAX_PAGE_LINES = 100_000
ERRORS = (Refused, DaemonUnreachableError, UnexpectedAnswerError, WorktreeError, UsageError)
"""What goes wrong without being a defect of the screen."""


class EditLine(Protocol):
    """Opens the input line with a label and a text; `entered` receives what the user enters."""

    def __call__(self, label: str, entered: Callable[[str], None], *, text: str = "") -> None: ...  # pragma: no cover


class Context:
    """The screen, as far as the effects of keys use it.

    changed: called to redraw the screen. start: runs a coroutine in the background. edit: opens the input line.
    """

    def __init__(
        self,
        state: ReviewState,
        engine: ReviewEngine,
        changed: Callable[[], None],
        start: Callable[[Awaitable[None]], None],
        edit: EditLine,
    ) -> None:
        self.state = state
        self.engine = engine
        self.changed = changed
        self.edit = edit
        self._start = start

    def entry(self) -> Entry | None:
        """The job that is shown; says so if there is none."""
        entry = self.state.entry
        if entry is None:
            self.say("no job is shown")
        return entry

    def changed_entry(self) -> Entry | None:
        """The job that is shown, if its changes are known; says so if not."""
        entry = self.entry()
        if entry is None:
            return None
        if entry.work is None:
            self.say(entry.problem or "its changes are still being read")
            return None
        return entry

    def say(self, message: str) -> None:
        """Show a message in the last line."""
        self.state.message = message
        self.changed()

    def open(self, title: str, text: str) -> None:
        """Show a text on the full screen."""
        lines = TextView(text, MAX_PAGE_LINES)
        lines.to_top()
        self.state.page = Page(harmless(title), lines)
        self.changed()

    def confirm(self, question: str, effect: Callable[[], None]) -> None:
        """Ask for a confirmation; any key but y aborts."""
        self.state.prompt = KeyPrompt(f"{question} y/N", {"y": effect})
        self.changed()

    def run(self, work: Awaitable[None]) -> None:
        """Run something in the background; an error becomes the message."""
        self._start(self._report_errors(work))

    async def _report_errors(self, work: Awaitable[None]) -> None:
        try:
            await work
        except ERRORS as exc:
            self.say(describe(exc))
