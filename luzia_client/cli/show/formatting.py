"""Jobs, times and sizes as words, numbers, bars and colours, the same on every screen. Pure."""

from __future__ import annotations

from datetime import datetime

from luzia_protocol import state_names
from luzia_protocol.times import to_local

from luzia_client.cli.show.collisions import MARK
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import cut, harmless, one_line, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from luzia_protocol.jobs import Job
    from luzia_protocol.operations import Queues

MINUTE_S = 60.0
RELATIVE_UNITS = ((86400.0, "d"), (3600.0, "h"), (MINUTE_S, "min"))
"""The units of how long ago a time is, in seconds, the longest first."""
BAR_WIDTH = 10
MIN_BAR_WIDTH = 4
"""The width of a bar on the narrowest screen."""
MIN_SILENCE_S = 120.0
"""The time without output from which on it is shown beside the agent's activity."""
PLAN_LABEL = "plan"
"""The label of progress that is derived from the agent's own plan."""
COMMAND_AGENT = "argv"
"""The name, on the wire, of the agent of a job that runs a plain command."""
USAGE_LIMIT_REASON = "usage limit"
"""The start of the daemon's reason for a job that is queued because of a usage limit."""
NO_JOBS = 'No jobs yet. Dispatch one, for example: luzia . "fix the tests"'

STATE_COLOURS = {
    state_names.QUEUED: "cyan",
    state_names.STARTING: "blue",
    state_names.RUNNING: "blue",
    state_names.PAUSED: "yellow",
    state_names.WAITING: "magenta",
    state_names.STOPPING: "yellow",
    state_names.COMPLETED: "green",
    state_names.FAILED: "red",
    state_names.CANCELLED: "yellow",
    state_names.TIMED_OUT: "red",
    state_names.SKIPPED: "dim",
    state_names.LOST: "red",
}


def format_state(state: str) -> str:
    """The state as words."""
    return state.replace("_", " ")


def format_agent(agent: str) -> str:
    """The agent's name; `command` for a job that runs a plain command."""
    return "command" if agent == COMMAND_AGENT else one_line(agent)


def format_name(node: str | None) -> str:
    """The name that a job was given, by --name or in a graph; empty for none. A number is no name."""
    return "" if not node or node.isdigit() else one_line(node)


def format_task(job: Job) -> str:
    """The job's task on one line, after its name if it has one: `build: make it faster`.

    A mark is before the task of a job that changes the same files as another one.
    """
    name = format_name(job.node)
    text = one_line(f"{name}: {job.task}" if name else job.task)
    return f"{MARK} {text}" if job.collisions else text


def format_counts(counts: Mapping[Any, int], held: int = 0) -> str:
    """`Running: 3  Pending: 0  Completed: 12  …`; rare states only when they occur.

    held: how many of the queued jobs a user holds; they are counted apart from those that will start.
    """
    figures = {
        "Running": sum(counts.get(state, 0) for state in state_names.ACTIVE if state != state_names.WAITING),
        "Pending": counts.get(state_names.QUEUED, 0) - held,
        "Completed": counts.get(state_names.COMPLETED, 0),
        "Failed": counts.get(state_names.FAILED, 0),
        "Cancelled": counts.get(state_names.CANCELLED, 0),
    }
    if held:
        figures["Held"] = held
    for state in (state_names.WAITING, state_names.TIMED_OUT, state_names.SKIPPED, state_names.LOST):
        if counts.get(state, 0):
            figures[format_state(state).capitalize()] = counts[state]
    return "  ".join(f"{name}: {count}" for name, count in figures.items())


def format_duration(seconds: float) -> str:
    """A duration, as short as is useful: `4ms`, `0.4s`, `12s`, `3m05s`, `2h07m`, `3d04h`."""
    seconds = max(seconds, 0.0)
    if seconds < 0.095:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def elapsed_s(job: Job, now: datetime) -> float | None:
    """The seconds that the job has been running or queued, or ran; None when it ended without a start."""
    if job.state == state_names.QUEUED:
        return max((now - job.created_at).total_seconds(), 0.0)
    if job.state.is_final and job.duration_s is not None:
        return job.duration_s
    begin = job.started_at
    if begin is None:
        return None if job.state.is_final else max((now - job.created_at).total_seconds(), 0.0)
    return max(((job.ended_at or now) - begin).total_seconds(), 0.0)


def format_elapsed(job: Job, now: datetime) -> str:
    """`elapsed_s` as a duration, `-` for None."""
    seconds = elapsed_s(job, now)
    return "-" if seconds is None else format_duration(seconds)


def shown_percent(job: Job) -> int | None:
    """The percentage to show: None without a denominator, 100 only for a completed job."""
    if job.progress is None or job.progress.percent is None:
        return None
    top = 100 if job.state == state_names.COMPLETED else 99
    return min(max(job.progress.percent, 0), top)


def format_bar(value: int, width: int = BAR_WIDTH, blocks: bool = True) -> str:
    """`[██████░░░░]`; the last block appears at 100 only."""
    full = min(value, 100) * width // 100
    if blocks:
        return f"[{'█' * full}{'░' * (width - full)}]"
    return f"[{'#' * full}{'.' * (width - full)}]"


def format_current_activity(job: Job, now: datetime | None = None) -> str:
    """The job's label and phase; with `now`, also how long they last.

    What a completed job has of its agent's plan is not in the label: agents leave entries open that they have done.
    """
    progress = job.progress
    label = "" if progress is None else progress.label or ""
    if progress is not None and label == PLAN_LABEL and progress.total:
        label = f"{PLAN_LABEL} {progress.done or 0:g}/{progress.total:g}" if job.state != state_names.COMPLETED else ""
    words = [word for word in (label, format_phase(job, now), _format_silence(job, now)) if word]
    return one_line(" · ".join(words), 120)


def _format_silence(job: Job, now: datetime | None) -> str:
    """`no output for 12m00s`, from MIN_SILENCE_S on."""
    if now is None or job.activity is None or job.activity.last_sign_at is None:
        return ""
    silent_s = (now - job.activity.last_sign_at).total_seconds()
    return "" if silent_s < MIN_SILENCE_S else f"no output for {format_duration(silent_s)}"


def format_phase(job: Job, now: datetime | None = None) -> str:
    """`tool Bash`, with `now` as `tool Bash 40s`, or `usage limit until 15:45`; empty when unknown or over."""
    if job.state.is_final:
        return ""
    activity = job.activity
    reported = (job.progress.phase if job.progress else None) or ""
    if activity is None or (reported and reported != activity.phase):
        return reported
    if activity.limit is not None and activity.limit_resets_at is not None:
        return f"usage limit until {format_time(activity.limit_resets_at, now)}"
    phase = activity.phase or ""
    if not phase or now is None or activity.phase_at is None:
        return phase
    lasts_s = (now - activity.phase_at).total_seconds()
    return phase if lasts_s < 1 else f"{phase} {format_duration(int(lasts_s))}"


def format_time(time: datetime, now: datetime | None) -> str:
    """The local time of day, with the date unless it is today's."""
    here = to_local(time)
    today = now is not None and here.date() == now.astimezone().date()
    return here.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")


def format_relative(time: datetime, now: datetime) -> str:
    """`2 min ago`, `in 3 h`; `now` within a minute."""
    seconds = (now - time).total_seconds()
    whole = abs(seconds)
    if whole < MINUTE_S:
        return "now"
    count, unit = next((whole / size, name) for size, name in RELATIVE_UNITS if whole >= size)
    words = f"{int(count)} {unit}"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def format_when(job: Job, now: datetime) -> str:
    """When the job ended, or its attempt started, or it was dispatched: `2 min ago`."""
    return format_relative(job.ended_at or job.started_at or job.created_at, now)


def format_status(job: Job, screen: Screen, now: datetime | None = None, bar_width: int = BAR_WIDTH) -> str:
    """The state with its details: `running [██████░░░░] 60% tests`, `failed: exit code 1`, `queued for a slot`.

    The reason of a queued job is without the advice that `luzia jobs ID` gives. When a usage limit delays a job, the
    time of its reset comes first: lists cut the end of a long cell.
    now: show how long the current activity has lasted.
    """
    if job.state == state_names.QUEUED:
        why = _put_reset_first((job.reason or "").partition("; ")[0])
        if why.startswith("until "):
            return one_line(f"queued {why}", 120)
        return add_reason("queued", f"queued for {rest}" if (rest := why.removeprefix("waiting for ")) != why else why)
    if job.state == state_names.RUNNING and job.activity is not None and job.activity.limit_resets_at is not None:
        return f"usage limit until {without_year(format_time(job.activity.limit_resets_at, now))}"
    words = [format_state(job.state)]
    value = shown_percent(job)
    if job.state in state_names.ACTIVE:
        if value is not None:
            words.append(f"{format_bar(value, bar_width, screen.blocks)} {value:>2}%")
        words.append("" if job.question is not None else format_current_activity(job, now))
    text = " ".join(word for word in words if word)
    return text if job.state == state_names.COMPLETED else add_reason(text, job.reason)


def shorten_slots(status: str) -> str:
    """`queued: project slots 2/2` of `queued for a slot of project web (2 of 2 in use)`, for a narrow column.

    Any other status is returned as it is. The project and the agent have columns of their own.
    """
    what, _, used = status.rpartition(" (")
    count, found, _ = used.partition(" in use)")
    if not what.startswith("queued for a slot") or not found:
        return status
    owner = what.removeprefix("queued for a slot").removeprefix(" of ").partition(" ")[0]
    return f"queued: {f'{owner} slots' if owner else 'slots'} {count.replace(' of ', '/')}"


def _put_reset_first(why: str) -> str:
    """`usage limit of claude until 2026-12-01 15:45` as `until 12-01 15:45: usage limit of claude`."""
    what, until, when = why.removesuffix(", estimated").partition(" until ")
    if not until or not what.startswith(USAGE_LIMIT_REASON):
        return why
    return f"until {without_year(when)}: {what}"


def without_year(time: str) -> str:
    """`12-01 15:45` of `2026-12-01 15:45`."""
    year, dash, day = time.partition("-")
    return day if dash and year.isdigit() else time


def format_monitored_status(job: Job, screen: Screen, now: datetime | None = None) -> str:
    """The state on a line of its own, with a bar that fills the width of the screen; also of a job that has ended.

    A completed job has a full bar; any other job has one if its percentage is known.
    """
    value = 100 if job.state == state_names.COMPLETED else shown_percent(job)
    if value is None or job.state == state_names.QUEUED:
        text = format_status(job, screen, now)
        return text if screen.width is None else cut(text, screen.width)
    state, details = format_state(job.state), ""
    if not job.state.is_final:
        details = format_current_activity(job, now)
    elif job.state != state_names.COMPLETED:
        state = add_reason(state, job.reason)
    bar = BAR_WIDTH
    if screen.width is not None:
        state = cut(state, screen.width // 2)
        room = screen.width - width(f"{state} [] 100%")
        details = cut(details, min(screen.width // 3, room - MIN_BAR_WIDTH - 1))
        bar = max(room - width(f" {details}".rstrip()), MIN_BAR_WIDTH)
    text = f"{state} {format_bar(value, bar, screen.blocks)} {value:>2}% {details}".rstrip()
    return text if screen.width is None else cut(text, screen.width)


def add_reason(text: str, reason: str | None) -> str:
    """`failed: exit code 1`; a reason that starts with the text replaces it."""
    shown = one_line(reason or "", 120)
    if f"{shown} ".startswith(f"{text} "):
        return shown
    return f"{text}: {shown}" if shown else text


def format_exit(exit_code: int | None, signal: str | None) -> str:
    """`exit code 2`, `killed by SIGKILL`, or empty when neither is known."""
    if signal is not None:
        return f"killed by {harmless(signal)}"
    return "" if exit_code is None else f"exit code {exit_code}"


def format_size(count: float) -> str:
    """A number of bytes in a suitable unit: `512 B`, `1.2 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def describe_suspensions(queues: Queues, now: datetime) -> list[tuple[str, str]]:
    """What an operator has suspended, each with the command that resumes it."""
    found = []
    if queues.draining is not None:
        found.append((f"draining since {format_time(queues.draining, now)}", "luzia drain --end"))
    if queues.everything is not None:
        found.append((f"paused since {format_time(queues.everything, now)}", "luzia resume --all"))
    for project, paused_at in queues.projects.items():
        since, name = format_time(paused_at, now), harmless(project)
        found.append((f"project {name} paused since {since}", f"luzia resume --project {name}"))
    return found
