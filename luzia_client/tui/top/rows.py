"""The list: one row per job, in columns whose widths depend only on the screen. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from luzia_protocol.jobs import Job

from luzia_client.cli.show.activity import format_work
from luzia_client.cli.show.formatting import format_agent, format_elapsed, format_status
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import one_line, pad, separate_emoji
from luzia_client.tui.top.text_view import Fragments, fit

GAP = " "
MIN_TASK_WIDTH = 4


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
        columns.append(Column("TASK", left, lambda job, _: one_line(job.task)))
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
