"""The whole screen, row by row, from what is known: pure functions of the state, a moment and a size."""

from __future__ import annotations

from datetime import datetime

from luzia_protocol.jobs import Job, JobState

from luzia_client.cli.show.activity import format_work
from luzia_client.cli.show.formatting import describe_suspensions, format_elapsed, format_state
from luzia_client.cli.show.questions import describe_question
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import one_line
from luzia_client.tui.model import describe_counts
from luzia_client.tui.top import rows
from luzia_client.tui.top.keys import FOOTER
from luzia_client.tui.top.layout import Layout
from luzia_client.tui.top.state import TopState
from luzia_client.tui.top.text_view import Fragments, fit

MAX_QUESTION_ROWS = 6


def compose_screen(top: TopState, now: datetime, screen: Screen) -> list[Fragments]:
    """All rows of the screen."""
    width, height = screen.width or 80, screen.height
    if top.page is not None:
        return _page(top, width, height)
    layout = top.layout(height)
    shown = [_header(top, now, width)]
    if layout.list > layout.titles:
        shown.append(rows.format_titles(rows.choose_columns(screen), width))
    shown += _list(top, now, screen, layout)
    shown += _pane(top, now, screen, layout.pane_rows)
    if top.typing or height < 2:
        return shown[:height]
    return [*shown[: height - 1], _footer(top, width)]


def _page(top: TopState, width: int, height: int) -> list[Fragments]:
    page = top.page
    assert page is not None
    shown = page.text.view(width, max(height - 2, 0))
    filled = [*shown, *[[("", "")]] * (max(height - 2, 0) - len(shown))]
    more = "" if page.text.follows else "  (goes on below)"
    bottom: Fragments = [("class:keys", f"Esc back  ↑↓ PgUp PgDn Home End move{more}")]
    heading = fit([("class:header", f" {page.title} ")], width)
    if height < 3:
        return [heading]
    return [heading, *filled, _message_row(top, width) or fit(bottom, width)]


def _header(top: TopState, now: datetime, width: int) -> Fragments:
    """The counts, and what is to be known of the daemon."""
    row: Fragments = [("class:header", " luzia ")]
    if top.connection_error:
        row.append(("class:header class:away", f" {one_line(top.connection_error, 300)} "))
    for words, _ in describe_suspensions(top.model.queues, now):
        row.append(("class:header class:notice", f" {one_line(words)} "))
    for words, _ in describe_counts(top.model.counts):
        row.append(("class:header", f" {words} "))
    limited = top.model.usage_limited_count
    if limited:
        row.append(("class:header", f" {limited} at a usage limit "))
    for notice in top.model.notices:
        row.append(("class:header class:notice", f" ! {one_line(notice)} "))
    if top.loading and not top.connection_error:
        row.append(("class:header", " reading … "))
    return fit([*row, ("class:header", "")], width)


def _list(top: TopState, now: datetime, screen: Screen, layout: Layout) -> list[Fragments]:
    width, room = screen.width or 80, layout.list_rows
    if room <= 0:
        return []
    model = top.model
    top.cursor.fit_to_height(room)
    columns = rows.choose_columns(screen)
    selected = top.cursor.row
    shown = [
        rows.format_job(job, now, columns, width, number == selected)
        for number, job in enumerate(model.page(top.cursor.top, room), top.cursor.top)
    ]
    if not shown:
        shown.append([("class:dim", one_line(_empty_list_text(top)))])
    elif len(shown) < room and model.unlisted_count() and not model.filter and not top.loading:
        shown.append([("class:dim", f"… and {model.unlisted_count()} older ones")])
    return [*shown, *[[("", "")]] * (room - len(shown))]


def _empty_list_text(top: TopState) -> str:
    if top.model.filter:
        return "No job matches the filter."
    return "" if top.loading or top.connection_error else 'No jobs yet. The first one: luzia . "what is to be done"'


def _pane(top: TopState, now: datetime, screen: Screen, room: int) -> list[Fragments]:
    """What is told of the selected job: a heading, what it asks, what it writes."""
    width = screen.width or 80
    if room <= 0:
        return []
    job = top.job
    heading = _heading(top, job, now, screen)
    told = [] if job is None else _describe_job(job, width)[: max(room - 1, 0)]
    left = room - 1 - len(told)
    written = top.transcript.view(width, left) if job is not None and left > 0 else []
    return [heading, *told, *written, *[[("", "")]] * (left - len(written))]


def _heading(top: TopState, job: Job | None, now: datetime, screen: Screen) -> Fragments:
    style = "class:heading-focus" if top.transcript_focused or top.zoomed else "class:heading"
    if job is None:
        return fit([(style, "")], screen.width or 80)
    words = [
        job.id,
        one_line(job.project),
        one_line(job.agent),
        f"attempt {job.attempt}" if job.attempt > 1 else "",
        format_state(job.state),
        format_elapsed(job, now),
        format_work(job.activity),
    ]
    position = "" if top.transcript.follows else " (scrolled up; End follows again)"
    return fit([(style, " " + " · ".join(word for word in words if word) + position)], screen.width or 80)


def _describe_job(job: Job, width: int) -> list[Fragments]:
    """The task, why the job is in its state, and what it asks."""
    told: list[Fragments] = [fit([("bold", one_line(job.task, 1000))], width)]
    if job.question is not None:
        asks = [row for _, row in describe_question(job)][:MAX_QUESTION_ROWS]
        told += [fit([("class:waiting", one_line(row, 1000))], width) for row in asks]
        told.append(fit([("class:keys", "press a to answer")], width))
    elif job.reason and job.state is not JobState.COMPLETED:
        told.append(fit([(f"class:{job.state.value}", one_line(job.reason, 1000))], width))
    return told


def _footer(top: TopState, width: int) -> Fragments:
    said = _message_row(top, width)
    if said is not None:
        return said
    model = top.model
    if not model.filter:
        return fit([("class:keys", FOOTER)], width)
    filtered = f"filter: {model.filter}, {len(model.rows)} of {len(model)} "
    return fit([("class:filter", one_line(filtered)), ("class:keys", " Esc drops it  " + FOOTER)], width)


def _message_row(top: TopState, width: int) -> Fragments | None:
    """What is asked of the user, or what became of the last key."""
    if top.prompt is not None:
        return fit([("class:choice", one_line(top.prompt.question, 1000))], width)
    return fit([("class:message", one_line(top.message, 1000))], width) if top.message else None
