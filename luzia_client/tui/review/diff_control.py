"""The colours of the diff, and what the mouse does."""

from __future__ import annotations

from luzia_client.tui.fullscreen.row_control import COLOURS as COMMON_COLOURS
from luzia_client.tui.review.state import ReviewState

COLOURS = {
    **COMMON_COLOURS,
    "alert": "bold ansiyellow",
    "failed": "ansired",
    "later": "dim",
    "file": "bold",
    "hunk": "ansicyan",
    "comment": "ansiyellow",
    "added": "ansigreen",
    "deleted": "ansired",
    "added-word": "ansigreen reverse",
    "deleted-word": "ansired reverse",
    "code-comment": "italic dim",
    "code-keyword": "ansimagenta",
    "code-string": "ansiyellow",
    "code-number": "ansicyan",
    "code-name": "ansiblue",
}


class ReviewMouse:
    """What the mouse does."""

    def __init__(self, state: ReviewState) -> None:
        self._state = state

    def scroll(self, row: int, rows: int) -> None:
        """Scroll the page or the changes."""
        if self._state.page is not None:
            self._state.page.text.scroll(rows)
        elif self._state.entry is not None:
            self._state.entry.view.scroll(rows)

    def click(self, row: int, column: int) -> None:
        """Select a line, or show a job."""
        state = self._state
        layout, entry = state.layout, state.entry
        if state.page is not None or state.prompt is not None or entry is None or row < layout.body:
            return
        if column < layout.side:
            entries = state.waiting.entries
            place = state.sidebar_first + row - layout.body
            if place < len(entries):
                state.waiting.select(entries[place].job.id)
        elif layout.diff <= row < layout.diff + layout.diff_rows:
            place = entry.view.top + row - layout.diff
            if place < len(entry.view.rows):
                entry.view.selected = place
