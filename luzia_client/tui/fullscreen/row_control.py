"""The rows of a screen for prompt_toolkit, with the mouse, and the colours that all screens have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.controls import UIContent, UIControl
from prompt_toolkit.mouse_events import MouseButton, MouseEvent, MouseEventType

from luzia_client.tui.fullscreen.text_view import Fragments

if TYPE_CHECKING:
    from prompt_toolkit.key_binding.key_bindings import NotImplementedOrNone

WHEEL_ROWS = 3
COLOURS = {
    "header": "reverse bold",
    "heading": "underline",
    "selected": "reverse",
    "marked": "bold ansiyellow",
    "keys": "dim",
    "dim": "dim",
    "message": "bold",
    "choice": "bold ansiyellow",
}
"""Only the colours of the terminal's own theme, which suit light and dark ones."""

Paint = Callable[[int, int], Sequence[Fragments]]


class Mouse(Protocol):
    """What the mouse does. row and column: those of the screen, from 0. rows: down, or up if negative."""

    def click(self, row: int, column: int) -> None: ...  # pragma: no cover

    def scroll(self, row: int, rows: int) -> None: ...  # pragma: no cover


class RowsControl(UIControl):
    """Shows the rows that `paint` returns for a width and a height."""

    def __init__(self, paint: Paint, mouse: Mouse) -> None:
        self._paint = paint
        self._mouse = mouse

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
                self._mouse.scroll(row, -WHEEL_ROWS)
            case MouseEventType.SCROLL_DOWN:
                self._mouse.scroll(row, WHEEL_ROWS)
            case MouseEventType.MOUSE_UP if mouse_event.button is MouseButton.LEFT:
                self._mouse.click(row, column)
            case _:
                return NotImplemented
        return None
