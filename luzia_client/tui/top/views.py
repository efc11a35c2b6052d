"""The rows of the whole screen, for a state, a time and a size. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from luzia_protocol.jobs import Job, JobState

from luzia_client.cli.show.activity import format_work
from luzia_client.cli.show.formatting import (
    NO_JOBS,
    elapsed_s,
    format_agent,
    format_elapsed,
    format_state,
)
from luzia_client.cli.show.questions import describe_question
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import one_line
from luzia_client.tui.fullscreen.rows import compose_page, message_rows
from luzia_client.tui.fullscreen.text_view import Fragments, fit
from luzia_client.tui.model import JobsModel
from luzia_client.tui.ordering import BY_TURN
from luzia_client.tui.top.columns import Listed, choose_columns, format_away, format_group, format_job, format_titles
from luzia_client.tui.top.header import format_header
from luzia_client.tui.top.keys import KEYS, one_of_each_kind
from luzia_client.tui.top.state import Cursor, Layout, TopState

MAX_QUESTION_ROWS = 6
PAGE_KEYS = "Esc close  / search  ↑↓ PgUp PgDn Home End move"
HOUR_S = 3600.0
MINUTE_S = 60.0


def compose_screen(top: TopState, now: datetime, screen: Screen) -> list[Fragments]:
    """All rows of the screen."""
    width, height = screen.width or 80, screen.height
    top.rows = height
    if top.page is not None:
        return compose_page(top, width, height, PAGE_KEYS)
    layout = top.layout(height)
    shown = format_header(top, now, width, layout.header)
    shown += _list(top, now, screen, layout)
    shown += _pane(top, now, screen, layout.pane_rows)
    if top.typing or height < 2:
        return shown[:height]
    return [*shown[: height - 1], _footer(top, width)]


def _list(top: TopState, now: datetime, screen: Screen, layout: Layout) -> list[Fragments]:
    """The titles, if they have a row, and the rows of the list."""
    width, room = screen.width or 80, layout.list_rows
    model, cursor = top.model, top.cursor
    cursor.fit_to_height(max(room, 1))
    jobs = model.page(cursor.top, room)
    listed = Listed(top.short_id, top.is_away) if top.has_others else None
    columns = choose_columns(screen, top.columns, jobs, top.widths, listed)
    titles = [format_titles(columns, width)] if layout.has_titles else []
    if room <= 0:
        return titles
    top.shown_rows = _rows_with_headings(model, cursor, room)
    shown: list[Fragments] = []
    for place, row in enumerate(top.shown_rows):
        if row is None:
            below = next(row for row in top.shown_rows[place:] if row is not None)
            shown.append(format_group(model.rows[below].heading, model.group_size(below), width))
        else:
            job = jobs[row - cursor.top] if row - cursor.top < len(jobs) else model.page(row, 1)[0]
            selected, marked = row == cursor.row, job.id in top.marks
            away = top.is_away(job)
            shown.append(format_job(job, now, columns, width, selected=selected, marked=marked, away=away))
    if not shown:
        shown.append([("class:dim", one_line(_empty_list_text(top)))])
    elif len(shown) < room and model.unlisted_count() and not (model.filter or model.host or top.is_loading):
        shown.append([("class:dim", f"… and {model.unlisted_count()} older")])
    return [*titles, *shown, *[[("", "")]] * (room - len(shown))]


def _rows_with_headings(model: JobsModel, cursor: Cursor, room: int) -> list[int | None]:
    """The rows of the list that are shown, and None for each heading; scrolls on until the selected one is shown."""
    rows = model.rows
    while True:
        shown: list[int | None] = []
        for row in range(cursor.top, len(rows)):
            if rows[row].heading and (row == cursor.top or rows[row][:2] != rows[row - 1][:2]):
                shown.append(None)
            shown.append(row)
            if len(shown) >= room:
                break
        shown = shown[:room]
        if room < 2 or cursor.row in shown or cursor.top >= cursor.row:
            return shown if shown[-1:] != [None] else shown[:-1]
        cursor.top += 1


def _empty_list_text(top: TopState) -> str:
    if top.model.filter:
        return "No jobs match the filter."
    return "" if any(host.loading or host.connection_error for host in top.hosts.values()) else NO_JOBS


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
        format_away(job) if top.is_away(job) else format_state(job.state),
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
    """What the list shows of all jobs, and the keys that have an effect now."""
    if message := message_rows(top, width):
        return message[0]
    model = top.model
    marked = top.marked
    words = [f"{len(marked)} marked"] if marked else []
    if model.filter:
        words.append(f"filter: {model.filter}, {len(model.rows)} of {len(model)}")
    if words:
        words.append("Esc clear")
    if model.host:
        words.append(f"host {model.host}: h shows others")
    if (model.arrangement.sort, model.arrangement.reverse) != (BY_TURN.sort, False):
        words.append(f"by {model.arrangement.sort}{', reversed' if model.arrangement.reverse else ''}")
    if model.arrangement.hide_finished:
        words.append("finished hidden: f shows them")
    shown = one_line("  ".join(words))
    room = width - (len(shown) + 2 if shown else 0)
    row: Fragments = [("class:filter", f"{shown}  ")] if shown else []
    return fit([*row, ("class:keys", KEYS.format_footer(top.where, one_of_each_kind(marked or top.jobs), room))], width)


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
