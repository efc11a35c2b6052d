"""The rows of the whole screen, for a state, a time and a size. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from luzia_protocol.jobs import Job, JobState

from luzia_client.cli.show.activity import format_work
from luzia_client.cli.show.formatting import (
    NO_JOBS,
    describe_suspensions,
    elapsed_s,
    format_agent,
    format_elapsed,
    format_state,
    format_status,
    format_task,
)
from luzia_client.cli.show.questions import describe_question
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import one_line, pad, separate_emoji
from luzia_client.tui.model import describe_counts
from luzia_client.tui.top.keys import FOOTER, TEXT_FOOTER
from luzia_client.tui.top.state import Layout, TopState
from luzia_client.tui.top.text_view import Fragments, fit

GAP = " "
MIN_TASK_WIDTH = 4
MAX_QUESTION_ROWS = 6
HOUR_S = 3600.0
MINUTE_S = 60.0


def compose_screen(top: TopState, now: datetime, screen: Screen) -> list[Fragments]:
    """All rows of the screen."""
    width, height = screen.width or 80, screen.height
    if top.page is not None:
        return _page(top, width, height)
    layout = top.layout(height)
    shown = [_header(top, now, width)]
    if layout.list > 1:  # the titles have a row
        shown.append(format_titles(choose_columns(screen), width))
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
    more = "" if page.text.follows else "  (more below)"
    bottom: Fragments = [("class:keys", f"Esc close  / search  ↑↓ PgUp PgDn Home End move{more}")]
    heading = fit([("class:header", f" {page.title} ")], width)
    if height < 3:
        return [heading]
    return [heading, *filled, _message_row(top, width) or fit(bottom, width)]


def _header(top: TopState, now: datetime, width: int) -> Fragments:
    """The counts, suspensions, notices, and connection errors."""
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
        row.append(("class:header", " loading … "))
    return fit([*row, ("class:header", "")], width)


def _list(top: TopState, now: datetime, screen: Screen, layout: Layout) -> list[Fragments]:
    width, room = screen.width or 80, layout.list_rows
    if room <= 0:
        return []
    model = top.model
    top.cursor.fit_to_height(room)
    columns = choose_columns(screen)
    selected = top.cursor.row
    shown = [
        format_job(job, now, columns, width, number == selected)
        for number, job in enumerate(model.page(top.cursor.top, room), top.cursor.top)
    ]
    if not shown:
        shown.append([("class:dim", one_line(_empty_list_text(top)))])
    elif len(shown) < room and model.unlisted_count() and not model.filter and not top.loading:
        shown.append([("class:dim", f"… and {model.unlisted_count()} older")])
    return [*shown, *[[("", "")]] * (room - len(shown))]


class Column(NamedTuple):
    """columns: its width. cell: the text for a job at a time."""

    title: str
    columns: int
    cell: Callable[[Job, datetime], str]


def choose_columns(screen: Screen) -> list[Column]:
    """The columns that fit the screen."""
    width = screen.width or 80
    columns = [
        Column("ID", 11, lambda job, _: job.id),
        Column("STATE", _state_width(width), lambda job, now: format_status(job, screen, now)),
        Column("TIME", 6, format_elapsed),
    ]
    if width >= 60:
        columns.insert(1, Column("PROJECT", 10 if width < 120 else 18, lambda job, _: one_line(job.project)))
    if width >= 100:
        columns.insert(2, Column("AGENT", 8, lambda job, _: format_agent(job.agent)))
    if width >= 160:
        columns.append(Column("WORK", 38, lambda job, _: format_work(job.activity)))
    left = width - sum(column.columns + len(GAP) for column in columns)
    if left >= MIN_TASK_WIDTH:
        columns.append(Column("TASK", left, lambda job, _: format_task(job)))
    return columns


def _state_width(width: int) -> int:
    if width < 60:
        return max(width - 20, 4) if width < 40 else 20
    return 28 if width < 100 else min(width * 3 // 10, 52)


def format_titles(columns: list[Column], width: int) -> Fragments:
    """The titles of the columns."""
    return fit([("class:titles", GAP.join(pad(column.title, column.columns) for column in columns))], width)


def format_job(job: Job, now: datetime, columns: list[Column], width: int, selected: bool) -> Fragments:
    """The row of a job, exactly `width` columns wide. selected: highlight it."""
    row: Fragments = []
    for column in columns:
        style = f"class:{job.state.value}" if column.title == "STATE" else ""
        gap = GAP if row else ""
        row.append(
            ("class:selected" if selected else style, gap + pad(separate_emoji(column.cell(job, now)), column.columns))
        )
    return fit(row, width)


def _empty_list_text(top: TopState) -> str:
    if top.model.filter:
        return "No jobs match the filter."
    return "" if top.loading or top.connection_error else NO_JOBS


def _pane(top: TopState, now: datetime, screen: Screen, room: int) -> list[Fragments]:
    """The selected job: a heading, its task, its question or reason, and its transcript."""
    width = screen.width or 80
    if room <= 0:
        return []
    job = top.job
    heading = _heading(top, job, now, screen)
    details = [] if job is None else _describe_job(job, width)[: max(room - 1, 0)]
    left = room - 1 - len(details)
    output = top.transcript.view(width, left) if job is not None and left > 0 else []
    return [heading, *details, *output, *[[("", "")]] * (left - len(output))]


def _heading(top: TopState, job: Job | None, now: datetime, screen: Screen) -> Fragments:
    style = "class:heading-focus" if top.transcript_focused or top.zoomed else "class:heading"
    if job is None:
        return fit([(style, "")], screen.width or 80)
    words = [
        job.id,
        one_line(job.project),
        format_agent(job.agent),
        f"attempt {job.attempt}" if job.attempt > 1 else "",
        format_state(job.state),
        format_elapsed(job, now),
        format_work(job.activity),
    ]
    position = "" if top.transcript.follows else " (scrolled up; End follows the output)"
    return fit([(style, " " + " · ".join(word for word in words if word) + position)], screen.width or 80)


def _describe_job(job: Job, width: int) -> list[Fragments]:
    """The task, and the question or the reason."""
    details: list[Fragments] = [fit([("bold", one_line(job.task, 1000))], width)]
    if job.question is not None:
        question = [row for _, row in describe_question(job)][:MAX_QUESTION_ROWS]
        details += [fit([("class:waiting", one_line(row, 1000))], width) for row in question]
        details.append(fit([("class:keys", "press a to answer")], width))
    elif job.reason and job.state is not JobState.COMPLETED:
        details.append(fit([(f"class:{job.state.value}", one_line(job.reason, 1000))], width))
    return details


def _footer(top: TopState, width: int) -> Fragments:
    message = _message_row(top, width)
    if message is not None:
        return message
    model = top.model
    keys = FOOTER if top.text is None else TEXT_FOOTER
    if not model.filter:
        return fit([("class:keys", keys)], width)
    filtered = f"filter: {model.filter}, {len(model.rows)} of {len(model)} "
    return fit([("class:filter", one_line(filtered)), ("class:keys", " Esc clear  " + keys)], width)


def _message_row(top: TopState, width: int) -> Fragments | None:
    """The open prompt, or the result of the last key."""
    if top.prompt is not None:
        return fit([("class:choice", one_line(top.prompt.question, 1000))], width)
    return fit([("class:message", one_line(top.message, 1000))], width) if top.message else None


def next_redraw_s(jobs: Iterable[Job], now: datetime, interval_s: float) -> float | None:
    """Seconds until an elapsed time of these jobs changes; None if none does.

    interval_s: how often times with seconds change. From an hour on, times have only minutes.
    """
    delays: list[float] = []
    for job in jobs:
        if not job.state.is_final:
            shown_s = elapsed_s(job, now) or 0.0
            has_seconds = shown_s < HOUR_S or job.activity is not None
            delays.append(interval_s if has_seconds else MINUTE_S - shown_s % MINUTE_S + 0.01)
    return min(delays, default=None)
