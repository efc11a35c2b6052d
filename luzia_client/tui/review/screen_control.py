"""The rows of the screen for prompt_toolkit, with the mouse, and their colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.controls import UIContent, UIControl
from prompt_toolkit.mouse_events import MouseButton, MouseEvent, MouseEventType
from prompt_toolkit.styles import Style

from luzia_client.tui.review.state import ReviewState
from luzia_client.tui.top.text_view import Fragments

if TYPE_CHECKING:
    from prompt_toolkit.key_binding.key_bindings import NotImplementedOrNone

WHEEL_ROWS = 3
STYLE = Style.from_dict(
    {
        "header": "reverse bold",
        "alert": "bold ansiyellow",
        "heading": "underline",
        "keys": "dim",
        "dim": "dim",
        "message": "bold",
        "choice": "bold ansiyellow",
        "failed": "ansired",
        "selected": "reverse",
        "later": "dim",
        "marked": "bold ansiyellow",
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
)
"""Only the colours of the terminal's own theme, which suit light and dark ones."""

Paint = Callable[[int, int], Sequence[Fragments]]


class ReviewControl(UIControl):
    """Shows the rows that `paint` returns for a width and a height."""

    def __init__(self, paint: Paint, state: ReviewState) -> None:
        self._paint = paint
        self._state = state

    def create_content(self, width: int, height: int) -> UIContent:
        """The rows."""
        rows = self._paint(width, height)

        def line(number: int) -> StyleAndTextTuples:
            return [*rows[number]]

        return UIContent(line, line_count=len(rows), show_cursor=False)

    def is_focusable(self) -> bool:
        """True: it has the keys while the input line is hidden."""
        return True

    def mouse_handler(self, mouse_event: MouseEvent) -> NotImplementedOrNone:
        """Select on a click, scroll with the wheel; ignore all other events without a redraw."""
        row, column = mouse_event.position.y, mouse_event.position.x
        match mouse_event.event_type:
            case MouseEventType.SCROLL_UP:
                self._scroll(-WHEEL_ROWS)
            case MouseEventType.SCROLL_DOWN:
                self._scroll(WHEEL_ROWS)
            case MouseEventType.MOUSE_UP if mouse_event.button is MouseButton.LEFT:
                self._click(row, column)
            case _:
                return NotImplemented
        return None

    def _scroll(self, rows: int) -> None:
        if self._state.page is not None:
            self._state.page.text.scroll(rows)
        elif self._state.entry is not None:
            self._state.entry.view.scroll(rows)

    def _click(self, row: int, column: int) -> None:
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
