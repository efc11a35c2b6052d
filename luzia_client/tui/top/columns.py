"""The columns of the list, for the width of the screen or as the user has chosen them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from luzia_protocol.jobs import Job

from luzia_client.cli.args.errors import UsageError, did_you_mean
from luzia_client.cli.show import columns as formats
from luzia_client.cli.show.activity import format_work
from luzia_client.cli.show.formatting import (
    format_agent,
    format_elapsed,
    format_state,
    format_status,
    format_task,
    shorten_slots,
)
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import one_line, pad, separate_emoji, width
from luzia_client.hosts.job_ids import host_of
from luzia_client.tui.fullscreen.text_view import Fragments, fit

GAP = " "
MARK = "*"
ID_WIDTH = 11
MIN_TASK_WIDTH = 4
MAX_COLUMN_WIDTH = 40
NAMES = [*formats.COLUMNS, "work"]
"""The columns that can be chosen: those of `luzia jobs --format`, and what the agent has done."""


class Listed(NamedTuple):
    """What a list of several hosts shows of a job. short_id: its id beside a column of hosts.

    is_away: whether its host cannot be reached.
    """

    short_id: Callable[[Job], str]
    is_away: Callable[[Job], bool]


class Column(NamedTuple):
    """columns: its width. cell: the text for a job at a time."""

    title: str
    columns: int
    cell: Callable[[Job, datetime], str]


def parse_names(text: str) -> list[str]:
    """The names of columns from `id status task`, separated by blanks or commas. Raises UsageError."""
    names = text.lower().replace(",", " ").split()
    for name in names:
        if name not in NAMES:
            raise UsageError(f"unknown column '{name}'", f"{did_you_mean(name, NAMES)}Columns: {', '.join(NAMES)}.")
    return names


def default_names(screen: Screen, *, several_hosts: bool = False) -> list[str]:
    """The columns that fit the screen."""
    least = {"id": 0, "host": 60, "project": 60, "agent": 100, "status": 0, "duration": 0, "work": 160, "task": 0}
    if not several_hosts:
        del least["host"]
    return [name for name, columns in least.items() if (screen.width or 80) >= columns]


def choose_columns(
    screen: Screen, names: Sequence[str], jobs: Sequence[Job], widths: dict[str, int], listed: Listed | None = None
) -> list[Column]:
    """The columns, as far as they fit; the task has the rest of the row, wherever it stands.

    names: empty for the default ones. jobs: those on the screen. widths: the widest cells so far, which are updated: a
    column never becomes narrower while the list is scrolled. listed: for a list of several hosts.
    """
    names = names or default_names(screen, several_hosts=listed is not None)
    if listed is not None and "host" not in names:
        listed = listed._replace(short_id=lambda job: job.id)
    room = screen.width or 80
    found: dict[str, Column] = {}
    for name in names:
        if name != "task" and (column := _column(name, screen, jobs, widths, listed)).columns + len(GAP) <= room:
            found[name] = column
            room -= column.columns + len(GAP)
    if "task" in names and room >= MIN_TASK_WIDTH:
        found["task"] = Column("TASK", room, lambda job, _: format_task(job))
    return [found[name] for name in dict.fromkeys(names) if name in found]


def _column(
    name: str, screen: Screen, jobs: Sequence[Job], widths: dict[str, int], listed: Listed | None = None
) -> Column:
    columns = screen.width or 80
    match name:
        case "id" | "host" | "status" if listed is not None:
            return _column_of_hosts(name, screen, jobs, widths, listed)
        case "id":
            return Column("ID", ID_WIDTH, lambda job, _: job.id)
        case "status":
            return Column("STATE", _state_width(columns), lambda job, now: _status(job, screen, now))
        case "duration":
            return Column("TIME", 6, format_elapsed)
        case "project":
            return Column("PROJECT", 10 if columns < 120 else 18, lambda job, _: one_line(job.project))
        case "agent":
            return Column("AGENT", 8, lambda job, _: format_agent(job.agent))
        case "work":
            return Column("WORK", 38, lambda job, _: format_work(job.activity))
    title = name.upper()

    def cell(job: Job, now: datetime) -> str:
        return formats.display(formats.COLUMNS[name], job, now)

    widest = max(len(title), widths.get(name, 0), *(width(cell(job, job.created_at)) for job in jobs), 0)
    widths[name] = min(widest, MAX_COLUMN_WIDTH)
    return Column(title, widths[name], cell)


def _column_of_hosts(name: str, screen: Screen, jobs: Sequence[Job], widths: dict[str, int], listed: Listed) -> Column:
    if name == "status":

        def status(job: Job, now: datetime) -> str:
            away = listed.is_away(job) and not job.state.is_final
            return format_away(job) if away else _status(job, screen, now)

        return Column("STATE", _state_width(screen.width or 80), status)

    def cell(job: Job) -> str:
        return listed.short_id(job) if name == "id" else host_of(job.id)

    least = ID_WIDTH if name == "id" else len(name)
    widths[name] = max(least, widths.get(name, 0), *(width(cell(job)) for job in jobs), 0)
    return Column(name.upper(), widths[name], lambda job, _: cell(job))


def format_away(job: Job) -> str:
    """The state of a job whose host cannot be reached: a final one stays, any other one is what it was."""
    state = format_state(job.state)
    return state if job.state.is_final else f"unreachable, was {state}"


def _status(job: Job, screen: Screen, now: datetime) -> str:
    status = format_status(job, screen, now)
    return status if width(status) <= _state_width(screen.width or 80) else shorten_slots(status)


def _state_width(width: int) -> int:
    if width < 60:
        return max(width - 20, 4) if width < 40 else 20
    return max(28, min(width * 2 // 5, 34)) if width < 100 else min(width * 3 // 10, 52)


def format_titles(columns: Sequence[Column], width: int) -> Fragments:
    """The titles of the columns."""
    return fit([("class:titles", GAP.join(pad(column.title, column.columns) for column in columns))], width)


def format_group(heading: str, count: int, width: int) -> Fragments:
    """The heading of a group."""
    return fit([("class:group", f"{one_line(heading)} ({count:,})")], width)


def format_job(
    job: Job,
    now: datetime,
    columns: Sequence[Column],
    width: int,
    *,
    selected: bool,
    marked: bool = False,
    away: bool = False,
) -> Fragments:
    """The row of a job, exactly `width` columns wide.

    selected: highlight it. marked: show a sign after its first cell. away: its host cannot be reached.
    """
    row: Fragments = []
    for style, text in _cells(job, now, columns, MARK if marked else GAP):
        plain = "class:dim" if away else style
        row.append(("class:selected" if selected else "class:marked" if marked else plain, text))
    return fit(row, width)


def _cells(job: Job, now: datetime, columns: Sequence[Column], sign: str) -> Iterator[tuple[str, str]]:
    for place, column in enumerate(columns):
        style = f"class:{job.state.value}" if column.title == "STATE" else ""
        gap = "" if place == 0 else sign if place == 1 else GAP
        yield style, gap + pad(separate_emoji(column.cell(job, now)), column.columns)
