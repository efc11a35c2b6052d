"""The table of jobs, fitted to the terminal; on a pipe the columns never change and only long tasks are cut. Pure."""

from __future__ import annotations

from luzia_protocol import state_names

from luzia_client.cli.show.activity import format_work
from luzia_client.cli.show.formatting import (
    BAR_WIDTH,
    STATE_COLOURS,
    format_agent,
    format_elapsed,
    format_status,
    format_task,
    format_when,
    shorten_slots,
    shown_percent,
)
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import cut, one_line, pad, separate_emoji, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from luzia_protocol.jobs import Job

GAP = "  "
MAX_NAME_WIDTH = 20
MAX_NARROW_NAME_WIDTH = 12
"""The most width of PROJECT on a screen without AGENT."""
MAX_PIPE_TASK_CHARS = 200
MIN_STATE_WIDTH = 27
"""The width that STATE gets before TASK gets any: a state, a bar and a percentage."""
MIN_SCREEN_FOR_PROJECT = 60
MIN_SCREEN_FOR_AGENT = 100
"""The same for WHEN. At 80 columns the room is for TASK."""
MIN_SCREEN_FOR_WORK = 140
"""The least screen width with a WORK column: turns, tools, tokens and cost."""
LIVE_WORK_WIDTH = 40
"""The least width of WORK on a live screen: a column that grows at every step would move the others."""
LIVE_STATE_WIDTH = 40
"""The least width of STATE on a live screen, where the current activity matters more than the task."""
NARROW_LIVE_STATE_WIDTH = 34
"""The same without AGENT: a state, a bar, a percentage, the steps of a plan, and `…`."""


class Column:
    """A title, its cells, their width, and their style. right: align the cells on the right."""

    def __init__(self, title: str, cells: list[str], columns: int) -> None:
        self.title = title
        self.cells = cells
        self.columns = columns
        self.right = False
        self.styles: list[str] | None = None


def format_jobs_table(jobs: Sequence[Job], now: datetime, screen: Screen, live: bool = False) -> list[str]:
    """The titles and one line per job, coloured by state. Which columns there are follows from the width alone.

    live: the table will be redrawn; leave more room for the current activity.
    """
    if screen.width is None:
        return _format_plain_table(jobs, now)
    wide = screen.width >= MIN_SCREEN_FOR_AGENT
    # The current activity of an agent matters more than its task.
    live = live or any(job.activity is not None and job.state in state_names.ACTIVE for job in jobs)
    before = [make_column("ID", [job.id for job in jobs])]
    if screen.width >= MIN_SCREEN_FOR_PROJECT:
        limit = MAX_NAME_WIDTH if wide else MAX_NARROW_NAME_WIDTH
        before.append(make_column("PROJECT", [separate_emoji(one_line(job.project)) for job in jobs], limit))
    if wide:
        before.append(make_column("AGENT", [format_agent(job.agent) for job in jobs], MAX_NAME_WIDTH))
    bar_width = max(BAR_WIDTH, screen.width // 8) if live and wide else BAR_WIDTH
    states = [separate_emoji(format_status(job, screen, now, bar_width)) for job in jobs]
    state = make_column("STATE", states if wide else [shorten_slots(each) for each in states])
    time = make_column("TIME", [format_elapsed(job, now) for job in jobs])
    when = make_column("WHEN", [format_when(job, now) for job in jobs])
    task = make_column("TASK", [separate_emoji(format_task(job)) for job in jobs])
    live_width = LIVE_STATE_WIDTH if wide else NARROW_LIVE_STATE_WIDTH
    least = live_width if live else MIN_STATE_WIDTH
    if live:
        state.columns = max(state.columns, least)
    if screen.width >= MIN_SCREEN_FOR_WORK:
        work = make_column("WORK", [format_work(job.activity) for job in jobs])
        work.columns = max(work.columns, LIVE_WORK_WIDTH) if live else work.columns
        before.append(work)
    after = [time, when] if wide else [time]
    room = screen.width - sum(column.columns + len(GAP) for column in [*before, *after]) - len(GAP)
    if screen.width < MIN_SCREEN_FOR_PROJECT:
        room, task.columns = room + len(GAP), 0
    for_state, for_task = divide_width(state.columns, task.columns, room, least)
    state.columns, state.styles = for_state, [STATE_COLOURS[job.state] for job in jobs]
    time.right = when.right = True
    task.columns = for_task
    columns = [*before, state, *after, task]
    lines = [screen.paint(cut(_format_row(columns, None, screen), screen.width), "dim")]
    lines += [_format_row(columns, row, screen) for row in range(len(jobs))]
    return lines


def make_column(title: str, cells: list[str], limit: int = 1000) -> Column:
    """A column as wide as its widest cell, at most `limit`."""
    widest = max(len(title), *(width(cell) for cell in cells)) if cells else len(title)
    return Column(title, cells, min(widest, limit))


def divide_width(state: int, task: int, room: int, least: int) -> tuple[int, int]:
    """Divide a width between STATE and TASK; returns the width of each.

    state, task: their preferred widths. STATE gets the most of: what TASK leaves, `least`, four tenths of the room.
    """
    room = max(room, 0)
    for_state = min(state, max(room - task, least, room * 4 // 10), room)
    return for_state, min(task, room - for_state)


def _format_row(columns: Sequence[Column], row: int | None, screen: Screen) -> str:
    """One row of cells, or the titles when `row` is None."""
    shown: list[str] = []
    for column in columns:
        if column.columns == 0:
            continue
        cell = column.title if row is None else column.cells[row]
        text = pad(cell, column.columns)
        if column.right:
            text = " " * (len(text) - len(text.rstrip())) + text.rstrip()
        if row is not None and column.styles is not None:
            bare = text.rstrip()
            text = screen.paint(bare, column.styles[row]) + text[len(bare) :]
        shown.append(text)
    return GAP.join(shown).rstrip()


def _format_plain_table(jobs: Sequence[Job], now: datetime) -> list[str]:
    """For programs and files: no bars, only tasks are cut, no empty cells, and spaces in the last cell only."""
    columns = [
        make_column("ID", [job.id for job in jobs]),
        make_column("PROJECT", [_format_word(job.project) for job in jobs]),
        make_column("AGENT", [_format_word(format_agent(job.agent)) for job in jobs]),
        make_column("STATE", [str(job.state) for job in jobs]),
        make_column("PROGRESS", [_format_percent(job) for job in jobs]),
        make_column("TIME", [format_elapsed(job, now) for job in jobs]),
        make_column("TASK", [one_line(job.task, MAX_PIPE_TASK_CHARS) for job in jobs]),
    ]
    plain = Screen()
    return [_format_row(columns, row, plain) for row in (None, *range(len(jobs)))]


def _format_word(text: str) -> str:
    return "_".join(one_line(text).split()) or "-"


def _format_percent(job: Job) -> str:
    value = shown_percent(job)
    return "-" if value is None else f"{value}%"
