"""The state of the screen besides the jobs: messages, prompts, pages, and how the diff is shown. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from luzia_client.tui.fullscreen.state import ConnectionState, ScreenState
from luzia_client.tui.review.entry import Entry
from luzia_client.tui.review.keys import Where
from luzia_client.tui.review.waiting import WaitingWork

SIDE_BY_SIDE_COLUMNS = 160
"""The least width of a screen that shows both sides of a diff beside each other."""
SIDEBAR_SCREEN_COLUMNS = 120
"""The least width of a screen that lists the jobs beside the diff."""
SIDEBAR_COLUMNS = 30


class Layout(NamedTuple):
    """body: the first row below the header. diff: the first row of the diff. side: the columns left of it.

    diff_rows: the number of rows of the diff.
    """

    body: int
    diff: int
    side: int
    diff_rows: int


class Undo(NamedTuple):
    """How to undo the last decision. what: the decision and its job, in words."""

    what: str
    run: Callable[[], None]


class ReviewState(ScreenState):
    """The state of the screen.

    connection: with the daemon. waiting: the jobs. sides: side by side, as the user has chosen; None: by the width.
    undo: the decisions that can be undone, the last one last. wanted: what was searched for. columns: the width of
    the screen. layout: where its parts were drawn. sidebar_first: the first job in the list beside the diff.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connection = ConnectionState()
        self.waiting = WaitingWork()
        self.sides: bool | None = None
        self.undo: list[Undo] = []
        self.wanted = ""
        self.columns = 80
        self.layout = Layout(0, 0, 0, 0)
        self.sidebar_first = 0

    @property
    def entry(self) -> Entry | None:
        """The job that is shown."""
        return self.waiting.current

    @property
    def where(self) -> Where:
        """What has the keys."""
        return Where.PAGE if self.page is not None else Where.DIFF

    @property
    def side_by_side(self) -> bool:
        """Whether both sides of the diff are shown beside each other."""
        return self.columns >= SIDE_BY_SIDE_COLUMNS if self.sides is None else self.sides

    @property
    def sidebar(self) -> int:
        """The columns of the list beside the diff; 0 without one."""
        return SIDEBAR_COLUMNS if self.columns >= SIDEBAR_SCREEN_COLUMNS else 0
