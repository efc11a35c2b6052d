"""The colours of the list, and what the mouse does."""

from __future__ import annotations

from luzia_client.cli.show.formatting import STATE_COLOURS
from luzia_client.tui.fullscreen.row_control import COLOURS as COMMON_COLOURS
from luzia_client.tui.top.state import TopState

COLOURS = {
    **COMMON_COLOURS,
    **{state: colour if colour == "dim" else f"ansi{colour}" for state, colour in STATE_COLOURS.items()},
    "titles": "dim",
    "group": "underline",
    "heading-focus": "underline bold",
    "filter": "bold",
}


class TopMouse:
    """What the mouse does."""

    def __init__(self, top: TopState) -> None:
        self._top = top

    def scroll(self, row: int, rows: int) -> None:
        """Scroll what is below the mouse."""
        top = self._top
        layout = top.layout(top.rows)
        if top.page is not None:
            top.page.text.scroll(rows)
        elif layout.list <= row < layout.pane:
            top.cursor.scroll(rows)
        elif layout.pane <= row < layout.bottom:
            top.transcript.scroll(rows)

    def click(self, row: int, column: int) -> None:
        """Select a job, or the transcript."""
        top = self._top
        layout = top.layout(top.rows)
        if top.page is not None or top.prompt is not None:
            return
        if layout.list <= row < layout.pane:
            top.transcript_focused = False
            clicked = top.shown_rows[row - layout.list] if row - layout.list < len(top.shown_rows) else None
            if clicked is not None:
                top.cursor.select_row(clicked)
        elif layout.pane <= row < layout.bottom:
            top.transcript_focused = True
