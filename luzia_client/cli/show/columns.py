"""The columns of `luzia jobs --format`: below a heading and for people on a terminal, for programs on a pipe."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from luzia_client.cli.args.suggest import did_you_mean
from luzia_client.cli.args.usage_error import UsageError
from luzia_client.cli.show.formatting import format_elapsed, format_phase, format_status, format_time, shown_percent
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import cut, harmless, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from luzia_protocol.jobs import Job

GAP = "  "
MAX_CELL_WIDTH = 60


class Column(NamedTuple):
    """text: what it tells. value: of a job, for programs. shown: for people, where that differs."""

    text: str
    value: Callable[[Job], Any]
    shown: Callable[[Job, datetime], str] | None = None


def _activity_value(field: str) -> Callable[[Job], Any]:
    return lambda job: getattr(job.activity, field, None)


def _time_column(field: str, text: str) -> Column:
    def shown(job: Job, now: datetime) -> str:
        at = getattr(job, field)
        return "-" if at is None else format_time(at, now)

    return Column(text, lambda job: getattr(job, field), shown)


def _format_tags(job: Job) -> str:
    return ",".join(f"{key}={value}" for key, value in (job.tags or {}).items())


COLUMNS = {
    "id": Column("its id", lambda job: job.id),
    "name": Column("agent:PROJECT:ID", lambda job: job.name),
    "project": Column("its project", lambda job: job.project),
    "agent": Column("its agent", lambda job: job.agent),
    "state": Column("its state", lambda job: job.state.value),
    "status": Column(
        "its state, with what it does or why",
        lambda job: format_status(job, Screen(blocks=False)),
        lambda job, now: format_status(job, Screen(), now),
    ),
    "reason": Column("why it waits, how it failed", lambda job: job.reason),
    "task": Column("what it is to do", lambda job: job.task),
    "tags": Column("KEY=VALUE,…", _format_tags),
    "created": _time_column("created_at", "when it was dispatched"),
    "started": _time_column("started_at", "when its newest attempt started"),
    "ended": _time_column("ended_at", "when it ended"),
    "duration": Column("how long that attempt ran", lambda job: job.duration_s, format_elapsed),
    "attempt": Column("the number of that attempt", lambda job: job.attempt),
    "exit": Column("its exit code", lambda job: job.exit_code),
    "signal": Column("the signal that ended it", lambda job: job.signal),
    "outcome": Column("how it ended, finer than the state", lambda job: job.outcome),
    "percent": Column("how far it is", shown_percent),
    "phase": Column("what its agent does", format_phase, format_phase),
    "model": Column("the agent's model", _activity_value("model")),
    "turns": Column("turns of the model", _activity_value("turns")),
    "tokens-in": Column("tokens that the model read", _activity_value("tokens_in")),
    "tokens-out": Column("tokens that it wrote", _activity_value("tokens_out")),
    "cost": Column("US dollars, by the agent's own estimate", _activity_value("cost_usd")),
    "priority": Column("its priority", lambda job: job.priority),
    "parent": Column("the job that dispatched it", lambda job: job.parent),
    "pid": Column("the process of its agent", lambda job: job.pid),
    "cwd": Column("the directory that it runs in", lambda job: job.cwd),
    "branch": Column("the branch of its worktree", lambda job: job.worktree and job.worktree.branch),
}


def parse_columns(text: str) -> list[str]:
    """`id,state` as names of columns. Raises UsageError, which names the nearest one."""
    names = [name.strip().lower().replace("_", "-") for name in text.split(",") if name.strip()]
    for name in names or [text]:
        if name not in COLUMNS:
            near = did_you_mean(name, COLUMNS)
            raise UsageError(f"--format: no column {name!r}", f"{near}The columns are {', '.join(COLUMNS)}.")
    return names


def format_jobs(jobs: Sequence[Job], names: Sequence[str], now: datetime, screen: Screen) -> list[str]:
    """On a terminal a heading and cells below one another; on a pipe a line a job, and a TAB between two columns."""
    columns = [COLUMNS[name] for name in names]
    if screen.width is None:
        return ["\t".join(_format_value(column.value(job)) for column in columns) for job in jobs]
    rows = [[name.upper() for name in names], *([_display(column, job, now) for column in columns] for job in jobs)]
    widths = [min(max(width(row[place]) for row in rows), MAX_CELL_WIDTH) for place in range(len(names))]
    shown = []
    for number, row in enumerate(rows):
        *first, last = (
            cut(cell, columns_of) + " " * max(columns_of - width(cell), 0)
            for cell, columns_of in zip(row, [*widths[:-1], screen.width], strict=True)
        )
        line = cut(GAP.join([*first, last]).rstrip(), screen.width)
        shown.append(line if number else screen.paint(line, "dim"))
    return shown


def _display(column: Column, job: Job, now: datetime) -> str:
    return column.shown(job, now) or "-" if column.shown is not None else _format_value(column.value(job)) or "-"


def _format_value(value: Any) -> str:
    """A value on one line that holds no TAB: a moment in RFC 3339, a number without rounding, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return harmless(" ".join(str(value).split()))
