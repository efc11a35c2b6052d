"""The columns of `luzia jobs --format`: aligned below titles on a terminal, raw and separated by tabs on a pipe."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from luzia_client.cli.args.errors import UsageError, did_you_mean
from luzia_client.cli.show.formatting import (
    format_agent,
    format_elapsed,
    format_phase,
    format_relative,
    format_status,
    shown_percent,
)
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import cut, harmless, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from luzia_protocol.jobs import Job

LOCAL = "local"
"""The name of this machine, as in luzia_client.hosts.settings, which takes longer to load."""
GAP = "  "
MAX_CELL_WIDTH = 60


class Column(NamedTuple):
    """help: what it contains. value: the raw value. display: the text on a terminal, if it differs from the value."""

    help: str
    value: Callable[[Job], Any]
    display: Callable[[Job, datetime], str] | None = None


def _activity_value(field: str) -> Callable[[Job], Any]:
    return lambda job: getattr(job.activity, field, None)


def _time_column(field: str, help: str) -> Column:
    def display(job: Job, now: datetime) -> str:
        at = getattr(job, field)
        return "-" if at is None else format_relative(at, now)

    return Column(help, lambda job: getattr(job, field), display)


def _format_tags(job: Job) -> str:
    return ",".join(f"{key}={value}" for key, value in (job.tags or {}).items())


def _host(job: Job) -> str:
    return getattr(job, "host", None) or os.environ.get("LUZIA_HOST") or LOCAL


COLUMNS = {
    "id": Column("job id", lambda job: job.id),
    "name": Column("full name, agent:PROJECT:ID", lambda job: job.name),
    "node": Column("name from --name or a graph", lambda job: job.node),
    "host": Column("host of the job, with --all-hosts", _host),
    "project": Column("project", lambda job: job.project),
    "agent": Column("agent", lambda job: job.agent, lambda job, now: format_agent(job.agent)),
    "state": Column("state", lambda job: str(job.state)),
    "status": Column(
        "state, with its progress or its reason",
        lambda job: format_status(job, Screen(blocks=False)),
        lambda job, now: format_status(job, Screen(), now),
    ),
    "reason": Column("why the job is queued, or how it failed", lambda job: job.reason),
    "task": Column("task", lambda job: job.task),
    "tags": Column("tags, KEY=VALUE,…", _format_tags),
    "created": _time_column("created_at", "time of the dispatch"),
    "started": _time_column("started_at", "start of the newest attempt"),
    "ended": _time_column("ended_at", "end of the job"),
    "duration": Column("running time of the newest attempt", lambda job: job.duration_s, format_elapsed),
    "attempt": Column("number of the newest attempt", lambda job: job.attempt),
    "exit": Column("exit code", lambda job: job.exit_code),
    "signal": Column("signal that terminated it", lambda job: job.signal),
    "outcome": Column("how it ended, in more detail than the state", lambda job: job.outcome),
    "percent": Column("progress in percent", shown_percent),
    "phase": Column("current activity of the agent", format_phase, format_phase),
    "model": Column("model that the agent uses", _activity_value("model")),
    "turns": Column("number of turns", _activity_value("turns")),
    "tokens-in": Column("input tokens", _activity_value("tokens_in")),
    "tokens-out": Column("output tokens", _activity_value("tokens_out")),
    "cost": Column("cost in US dollars, estimated by the agent", _activity_value("cost_usd")),
    "priority": Column("priority", lambda job: job.priority),
    "parent": Column("job that dispatched it", lambda job: job.parent),
    "pid": Column("process id of the agent", lambda job: job.pid),
    "cwd": Column("working directory", lambda job: job.cwd),
    "collisions": Column(
        "jobs whose worktrees change the same files", lambda job: ",".join(each.job for each in job.collisions)
    ),
    "branch": Column("branch of its worktree", lambda job: job.worktree and job.worktree.branch),
}


def parse_columns(text: str) -> list[str]:
    """Column names from `id,state`. Raises UsageError, which suggests the nearest name."""
    names = [name.strip().lower().replace("_", "-") for name in text.split(",") if name.strip()]
    for name in names or [text]:
        if name not in COLUMNS:
            near = did_you_mean(name, COLUMNS)
            raise UsageError(f"--format: unknown column '{name}'", f"{near}Columns: {', '.join(COLUMNS)}.")
    return names


def format_jobs(jobs: Sequence[Job], names: Sequence[str], now: datetime, screen: Screen) -> list[str]:
    """Aligned columns below their titles on a terminal; on a pipe one line per job, with tabs between the columns."""
    columns = [COLUMNS[name] for name in names]
    if screen.width is None:
        return ["\t".join(_format_value(column.value(job)) for column in columns) for job in jobs]
    rows = [[name.upper() for name in names], *([display(column, job, now) for column in columns] for job in jobs)]
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


def display(column: Column, job: Job, now: datetime) -> str:
    """The text of a cell on a terminal."""
    return column.display(job, now) or "-" if column.display is not None else _format_value(column.value(job)) or "-"


def _format_value(value: Any) -> str:
    """A value on one line without tabs: times in RFC 3339, numbers not rounded, empty for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return harmless(" ".join(str(value).split()))
