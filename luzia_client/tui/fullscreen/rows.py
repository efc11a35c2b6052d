"""The rows that every full screen draws alike: a page of text, and the last row. Pure."""

from __future__ import annotations

from luzia_client.cli.show.text import cut, one_line, separate_emoji, width, wrap
from luzia_client.tui.fullscreen.state import ScreenState
from luzia_client.tui.fullscreen.text_view import Fragments, fit

EMPTY: Fragments = [("", "")]


def compose_page(state: ScreenState, columns: int, rows: int, keys: str, most_message_rows: int = 1) -> list[Fragments]:
    """The rows of the open page. keys: what the last row says, before whether more is below."""
    page = state.page
    assert page is not None
    bottom = message_rows(state, columns, most_message_rows)
    room = max(rows - 1 - max(len(bottom), 1), 0)
    shown = page.text.view(columns, room)
    more = "" if page.text.follows else "  (more below)"
    bottom = bottom or [fit([("class:keys", f"{keys}{more}")], columns)]
    heading = fit([("class:header", f" {page.title} ")], columns)
    return [heading] if rows < 3 else [heading, *shown, *[EMPTY] * (room - len(shown)), *bottom]


def message_rows(state: ScreenState, columns: int, most: int = 1) -> list[Fragments]:
    """The open prompt, or the result of the last key, in at most this number of rows; empty if there is neither."""
    style, text = ("class:message", state.message)
    if state.prompt is not None:
        style, text = ("class:choice", state.prompt.question)
    if not text:
        return []
    lines = wrap(one_line(text, 1000), columns) if most > 1 else [one_line(text, 1000)]
    shown = [*lines[: most - 1], " ".join(lines[most - 1 :])] if len(lines) > most else lines
    if state.prompt is not None:
        shown[-1] = _keep_answers(shown[-1], columns)
    return [fit([(style, line)], columns) for line in shown]


def _keep_answers(line: str, columns: int) -> str:
    """The line cut in its middle, so that its last word stays: which keys answer the question."""
    question, _, answers = separate_emoji(line).rpartition(" ")
    room = columns - width(answers) - 1
    return line if width(separate_emoji(line)) <= columns or room < 1 else f"{cut(question, room)} {answers}"
