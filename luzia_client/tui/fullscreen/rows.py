"""The rows that every full screen draws alike: a page of text, and the last row. Pure."""

from __future__ import annotations

from luzia_client.cli.show.text import one_line
from luzia_client.tui.fullscreen.state import ScreenState
from luzia_client.tui.fullscreen.text_view import Fragments, fit

EMPTY: Fragments = [("", "")]


def compose_page(state: ScreenState, columns: int, rows: int, keys: str) -> list[Fragments]:
    """The rows of the open page. keys: what the last row says, before whether more is below."""
    page = state.page
    assert page is not None
    room = max(rows - 2, 0)
    shown = page.text.view(columns, room)
    more = "" if page.text.follows else "  (more below)"
    last = message_row(state, columns) or fit([("class:keys", f"{keys}{more}")], columns)
    heading = fit([("class:header", f" {page.title} ")], columns)
    return [heading] if rows < 3 else [heading, *shown, *[EMPTY] * (room - len(shown)), last]


def message_row(state: ScreenState, columns: int) -> Fragments | None:
    """The open prompt, or the result of the last key; None if there is neither."""
    if state.prompt is not None:
        return fit([("class:choice", one_line(state.prompt.question, 1000))], columns)
    return fit([("class:message", one_line(state.message, 1000))], columns) if state.message else None
