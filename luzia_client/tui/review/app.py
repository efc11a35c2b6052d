"""The application `luzia review`: connects the state, the daemon, git, the keys and the screen."""

from __future__ import annotations

from collections.abc import Sequence

from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import format_quantity
from luzia_client.tui.fullscreen.app import FullScreen, run_screen
from luzia_client.tui.fullscreen.row_control import RowsControl
from luzia_client.tui.fullscreen.steps import Steps
from luzia_client.tui.fullscreen.text_view import Fragments
from luzia_client.tui.review.context import Context
from luzia_client.tui.review.deciding import Deciding
from luzia_client.tui.review.diff_control import COLOURS, ReviewMouse
from luzia_client.tui.review.diff_rows import DiffPainter
from luzia_client.tui.review.engine import ReviewEngine
from luzia_client.tui.review.feed import Feed
from luzia_client.tui.review.keys import KEYS
from luzia_client.tui.review.marking import Marking
from luzia_client.tui.review.moving import Moving
from luzia_client.tui.review.outside import Outside
from luzia_client.tui.review.pages import Pages
from luzia_client.tui.review.reading import Reading
from luzia_client.tui.review.state import ReviewState
from luzia_client.tui.review.views import compose_screen
from luzia_client.tui.review.waiting import Order


class ReviewApp:
    """The application. projects: only their jobs; empty for all. first: the id of the job to begin with."""

    def __init__(self, projects: Sequence[str], order: Order, first: str | None) -> None:
        self._screen = stdout_screen()
        self._painter = DiffPainter(self._screen.blocks)
        self._state = ReviewState()
        self._state.waiting.order = order
        if first is not None:
            self._state.waiting.select(first)
        engine = ReviewEngine()
        control = RowsControl(self._paint, ReviewMouse(self._state))
        self._terminal = FullScreen(self._state, control, COLOURS, self._drawn)
        context = self._context = Context(self._state, engine, self._terminal)
        self._reading = Reading(self._state, engine, context.changed, self._terminal.start)
        moving, again = Moving(context), self._reading.read_again
        effects = [Deciding(context, again), Marking(context), moving, Outside(context, again), Pages(context), self]
        steps = Steps(moving.move, moving.page_rows)
        self._terminal.bind(KEYS, lambda where: self._state.where in where, [steps, *effects])
        self._feed = Feed(self._state, engine, projects, context.changed)

    async def run(self) -> int:
        """Show the screen until the user quits; returns the exit status."""
        return await self._terminal.run(self._feed.run())

    def _paint(self, width: int, height: int) -> list[Fragments]:
        self._screen = self._screen.resized(width, height)
        return compose_screen(self._state, self._screen, self._painter)

    def _drawn(self) -> None:
        self._reading.read_shown()

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
            question = f"Quit when {what} {'has' if len(busy) == 1 else 'have'} been carried out?"
            self._context.confirm(question, self._terminal.quit)
        else:
            self._terminal.quit()


def run_review(projects: Sequence[str], order: Order, first: str | None) -> int:
    """Run `luzia review` on this terminal; returns the exit status."""
    return run_screen(projects, lambda: ReviewApp(projects, order, first).run())
