"""The list: one row a job, in columns that stay where they are while jobs come and go. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from luzia_protocol.jobs import Job

from luzia_client.cli.show.activity import work_words
from luzia_client.cli.show.formatting import format_elapsed, format_status
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import one_line, pad
from luzia_client.tui.top.lines import Fragments, fitted

GAP = " "
TASK_LEAST = 4


class Column(NamedTuple):
    """title: its heading. columns: how wide it is. cell: what it says of a job at a moment."""

    title: str
    columns: int
    cell: Callable[[Job, datetime], str]


def columns_of(screen: Screen) -> list[Column]:
    """The columns that a screen has room for."""
    width = screen.width or 80
    found = [
        Column("ID", 11, lambda job, _: job.id),
        Column("STATE", _state_columns(width), lambda job, now: format_status(job, screen, now)),
        Column("TIME", 6, format_elapsed),
    ]
    if width >= 60:
        found.insert(1, Column("PROJECT", 10 if width < 120 else 18, lambda job, _: one_line(job.project)))
    if width >= 100:
        found.insert(2, Column("AGENT", 8, lambda job, _: one_line(job.agent)))
    if width >= 160:
        found.append(Column("WORK", 34, lambda job, _: work_words(job.activity)))
    left = width - sum(column.columns + len(GAP) for column in found)
    if left >= TASK_LEAST:
        found.append(Column("TASK", left, lambda job, _: one_line(job.task)))
    return found


def _state_columns(width: int) -> int:
    if width < 60:
        return max(width - 20, 4) if width < 40 else 20
    return 28 if width < 100 else min(width * 3 // 10, 52)


def titles(columns: list[Column], width: int) -> Fragments:
    """The headings."""
    return fitted([("class:titles", GAP.join(pad(column.title, column.columns) for column in columns))], width)


def job_row(job: Job, now: datetime, columns: list[Column], width: int, selected: bool) -> Fragments:
    """One job's row, exactly `width` columns wide; the selected one is marked whatever colours there are."""
    row: Fragments = []
    for column in columns:
        style = f"class:{job.state.value}" if column.title == "STATE" else ""
        gap = GAP if row else ""
        row.append(("class:selected" if selected else style, gap + pad(column.cell(job, now), column.columns)))
    return fitted(row, width)
