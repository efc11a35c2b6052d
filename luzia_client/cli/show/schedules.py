"""Schedules as text: a table of all, and the details of one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from luzia_protocol.schedules import MissedPolicy, OverlapPolicy, Run, Schedule

from luzia_client.cli.show.formatting import format_agent, format_duration, format_state
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import cut, harmless, one_line, pad, width

_TITLES = ("NAME", "CRON", "ZONE", "NEXT", "LAST", "PROJECT", "TASK")
_MIN_WIDE_SCREEN = 120
_WIDE_ONLY = ("ZONE", "PROJECT")
"""Columns that a narrower screen leaves out; `luzia schedule show` has them."""
_LABEL_WIDTH = 13
_MAX_TASK_CHARS = 200
_NO_SCHEDULES = (
    'No schedules. Add one: luzia schedule add nightly --cron "0 3 * * *" --project . "update the dependencies"'
)
_MISSED = {
    MissedPolicy.ONCE: "missed runs are coalesced into one",
    MissedPolicy.SKIP: "missed runs are skipped",
    MissedPolicy.ALL: "every missed run is made up for",
}
_OVERLAP = {
    OverlapPolicy.SKIP: "an overlapping run is skipped",
    OverlapPolicy.QUEUE: "an overlapping run is queued",
    OverlapPolicy.CANCEL: "the previous job is cancelled",
}


def describe_schedules(schedules: Sequence[Schedule], now: datetime, screen: Screen) -> list[str]:
    """Titles and one line per schedule, cut to the terminal."""
    if not schedules:
        return [_NO_SCHEDULES]
    narrow = screen.width is not None and screen.width < _MIN_WIDE_SCREEN
    rows = [_TITLES, *(_format_row(schedule, now, narrow) for schedule in schedules)]
    shown_columns = [column for column in range(len(_TITLES)) if not (narrow and _TITLES[column] in _WIDE_ONLY)]
    widths = {column: max(width(row[column]) for row in rows) for column in shown_columns}
    lines = []
    for number, row in enumerate(rows):
        line = "  ".join(pad(row[column], columns) for column, columns in widths.items()).rstrip()
        shown = line if screen.width is None else cut(line, screen.width)
        lines.append(screen.paint(shown, "dim" if number == 0 else _style(schedules[number - 1])))
    return lines


def _format_row(schedule: Schedule, now: datetime, narrow: bool) -> tuple[str, ...]:
    last = "-" if schedule.last is None else format_run(schedule.last, now, narrow)
    return (
        harmless(schedule.name),
        harmless(schedule.cron),
        harmless(schedule.timezone),
        _format_next(schedule, now),
        one_line(last, 60),
        one_line(schedule.job.project, 40),
        one_line(_task(schedule), _MAX_TASK_CHARS),
    )


def _format_next(schedule: Schedule, now: datetime) -> str:
    if schedule.problem:
        return "never"
    if schedule.paused:
        return "paused"
    return format_run_time(schedule.next[0], now) if schedule.next else "-"


def _style(schedule: Schedule) -> str:
    if schedule.problem or (schedule.last is not None and schedule.last.note.startswith("failed")):
        return "red"
    return "yellow" if schedule.paused else ""


def describe_schedule(schedule: Schedule, now: datetime, screen: Screen) -> list[str]:
    """The details of one schedule."""
    job = schedule.job
    next_runs = describe_next_runs(schedule, now)
    rows = [
        ("Cron", f"{schedule.cron}, time zone {schedule.timezone}"),
        ("Problem", schedule.problem),
        *(("" if number else "Next", words) for number, words in enumerate(next_runs)),
        ("Last", format_run(schedule.last, now) if schedule.last else "none yet"),
        ("Live jobs", ", ".join(schedule.live)),
        ("Missed runs", _MISSED[schedule.missed]),
        ("Overlap", _OVERLAP[schedule.overlap]),
        ("Project", job.project),
        ("Agent", format_agent(job.agent) if job.agent else ""),
        ("Options", _format_options(schedule)),
        ("Environment", ", ".join(schedule.env_names)),
        ("Added", _format_long_time(schedule.created_at)),
    ]
    heading = f"{screen.paint(f'Schedule {harmless(schedule.name)}', 'bold')}{'  paused' if schedule.paused else ''}"
    lines = [heading]
    lines += [f"  {label + ':' if label else '':<{_LABEL_WIDTH}}{harmless(value)}" for label, value in rows if value]
    return [*lines, "", *(f"  {harmless(line)}" for line in _task(schedule)[:2000].splitlines()[:20])]


def describe_next_runs(schedule: Schedule, now: datetime) -> list[str]:
    """The next runs, one per line, or why there are none."""
    if schedule.paused:
        return ["none: the schedule is paused; resume it with `luzia schedule resume`"]
    runs = schedule.next
    return [f"{_format_long_time(time)}, in {format_duration((time - now).total_seconds())}" for time in runs]


def format_run(run: Run, now: datetime, narrow: bool = False) -> str:
    """`completed 113754-a2f5 (Mon 03:00)`, or why there was no job; narrow: only `completed` or `skipped`."""
    at = format_run_time(run.at, now)
    if run.job is None:
        return run.note.partition(":")[0] if narrow else f"{run.note} ({at})"
    state = "removed" if run.state is None else format_state(run.state)
    return state if narrow else f"{state} {run.job} ({at})"


def format_run_time(time: datetime, now: datetime) -> str:
    """`Mon 03:00` within a week, otherwise with the date, in the schedule's time zone."""
    near = abs((time - now).total_seconds()) < 6 * 86400
    seconds = ":%S" if time.second else ""
    return time.strftime(f"%a %H:%M{seconds}" if near else f"%Y-%m-%d %H:%M{seconds}")


def _format_long_time(time: datetime) -> str:
    return time.strftime("%a %Y-%m-%d %H:%M:%S %z")


def _task(schedule: Schedule) -> str:
    return schedule.job.task or " ".join(schedule.job.argv or [])


def _format_options(schedule: Schedule) -> str:
    """The other options of its jobs, named as in the protocol."""
    fields = msgspec.to_builtins(schedule.job)
    shown = {name: value for name, value in fields.items() if name not in ("op", "project", "task", "argv", "agent")}
    return ", ".join(f"{name}={_format_value(value)}" for name, value in shown.items())


def _format_value(value: object) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else str(value)
