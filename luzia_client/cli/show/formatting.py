"""Jobs as words, numbers, bars and colours: pure functions, shared by every screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from luzia_protocol.states import JobState

from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import harmless, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_protocol.jobs import Job

BAR_WIDTH = 10
MIN_SILENCE_S = 120.0
"""From when on the age of an agent's last sign of life is shown beside what it does."""
PLAN_LABEL = "plan"
"""The label of a progress that was counted in the agent's own plan."""

STATE_COLOURS = {
    JobState.QUEUED: "cyan",
    JobState.STARTING: "blue",
    JobState.RUNNING: "blue",
    JobState.PAUSED: "yellow",
    JobState.WAITING: "magenta",
    JobState.STOPPING: "yellow",
    JobState.COMPLETED: "green",
    JobState.FAILED: "red",
    JobState.CANCELLED: "yellow",
    JobState.TIMED_OUT: "red",
    JobState.SKIPPED: "dim",
    JobState.LOST: "red",
}

ACTIVE_STATES = frozenset({JobState.STARTING, JobState.RUNNING, JobState.PAUSED, JobState.WAITING, JobState.STOPPING})
LIVE_STATES = [state for state in JobState if not state.is_final]
FINAL_STATES = [state for state in JobState if state.is_final]
FAILED_STATES = frozenset({JobState.FAILED, JobState.TIMED_OUT, JobState.LOST})


def format_state(state: JobState) -> str:
    """The state as people read it."""
    return state.value.replace("_", " ")


def format_counts(counts: Mapping[JobState, int]) -> str:
    """`Running: 3  Pending: 0  Completed: 12  …`; unusual states only when there are any."""
    figures = {
        "Running": sum(counts.get(state, 0) for state in ACTIVE_STATES),
        "Pending": counts.get(JobState.QUEUED, 0),
        "Completed": counts.get(JobState.COMPLETED, 0),
        "Failed": counts.get(JobState.FAILED, 0),
        "Cancelled": counts.get(JobState.CANCELLED, 0),
    }
    for state in (JobState.TIMED_OUT, JobState.SKIPPED, JobState.LOST):
        if counts.get(state, 0):
            figures[format_state(state).capitalize()] = counts[state]
    return "  ".join(f"{name}: {count}" for name, count in figures.items())


def format_duration(seconds: float) -> str:
    """A span of time, as short as is useful: `4ms`, `0.4s`, `12s`, `3m05s`, `2h07m`, `3d04h`."""
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
    """Seconds that the job runs, ran, or has been waiting in the queue; None when it ended unstarted."""
    if job.state is JobState.QUEUED:
        return max((now - job.created_at).total_seconds(), 0.0)
    if job.state.is_final and job.duration_s is not None:
        return job.duration_s
    begin = job.started_at
    if begin is None:
        return None if job.state.is_final else max((now - job.created_at).total_seconds(), 0.0)
    return max(((job.ended_at or now) - begin).total_seconds(), 0.0)


def format_elapsed(job: Job, now: datetime) -> str:
    """elapsed_s in words, `-` for None."""
    seconds = elapsed_s(job, now)
    return "-" if seconds is None else format_duration(seconds)


def shown_percent(job: Job) -> int | None:
    """The percentage that may be shown: None without a denominator, 100 only for a completed job."""
    if job.progress is None or job.progress.percent is None:
        return None
    top = 100 if job.state is JobState.COMPLETED else 99
    return min(max(job.progress.percent, 0), top)


def format_bar(value: int, width: int = BAR_WIDTH, blocks: bool = True) -> str:
    """`[██████░░░░]`; the last block appears at 100 only."""
    full = min(value, 100) * width // 100
    if blocks:
        return f"[{'█' * full}{'░' * (width - full)}]"
    return f"[{'#' * full}{'.' * (width - full)}]"


def format_current_activity(job: Job, now: datetime | None = None) -> str:
    """What the job says it is doing: its label, then its phase, and with `now` for how long."""
    progress = job.progress
    label = "" if progress is None else progress.label or ""
    if progress is not None and label == PLAN_LABEL and progress.total:
        label = f"{PLAN_LABEL} {progress.done or 0:g}/{progress.total:g}"
    words = [word for word in (label, format_phase(job, now), _format_silence(job, now)) if word]
    return one_line(" · ".join(words), 120)


def _format_silence(job: Job, now: datetime | None) -> str:
    """`silent 12m00s`, when an agent's output has not grown for long enough to be worth a word."""
    if now is None or job.activity is None or job.activity.last_sign_at is None:
        return ""
    silent_s = (now - job.activity.last_sign_at).total_seconds()
    return "" if silent_s < MIN_SILENCE_S else f"silent {format_duration(silent_s)}"


def format_phase(job: Job, now: datetime | None = None) -> str:
    """`tool Bash`, with `now` as `tool Bash 40s`, or `limited until 15:45`; nothing when nobody knows."""
    activity = job.activity
    said = (job.progress.phase if job.progress else None) or ""
    if activity is None or (said and said != activity.phase):
        return said
    if activity.limit is not None and activity.limit_resets_at is not None:
        return f"limited until {format_time(activity.limit_resets_at, now)}"
    said = activity.phase or ""
    if not said or now is None or activity.phase_at is None:
        return said
    lasts_s = (now - activity.phase_at).total_seconds()
    return said if lasts_s < 1 else f"{said} {format_duration(int(lasts_s))}"


def format_time(moment: datetime, now: datetime | None) -> str:
    """The time of day here, with the date when it is not today's."""
    here = moment.astimezone()
    today = now is not None and here.date() == now.astimezone().date()
    return here.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")


def format_status(job: Job, screen: Screen, now: datetime | None = None) -> str:
    """State and what is known beside it: `running [██████░░░░] 60% tests`, `failed: exit code 1`.

    now: what the job does is shown with how long it has been doing it.
    """
    words = [format_state(job.state)]
    value = shown_percent(job)
    if job.state in ACTIVE_STATES:
        if value is not None:
            words.append(f"{format_bar(value, blocks=screen.blocks)} {value:>2}%")
        words.append("" if job.question is not None else format_current_activity(job, now))
    said = " ".join(word for word in words if word)
    if job.state is not JobState.COMPLETED and job.reason and job.reason != format_state(job.state):
        return f"{said}: {one_line(job.reason, 120)}"
    return said


def format_exit(exit_code: int | None, signal: str | None) -> str:
    """`exit code 2`, `killed by SIGKILL`, or nothing."""
    if signal is not None:
        return f"killed by {harmless(signal)}"
    return "" if exit_code is None else f"exit code {exit_code}"


def format_size(count: float) -> str:
    """Bytes in the unit that suits: `512 B`, `1.2 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
