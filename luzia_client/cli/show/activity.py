"""What an agent is doing and has done, for the table and for the details of a job. Pure."""

from __future__ import annotations

from datetime import datetime

from luzia_protocol.money import format_usd

from luzia_client.cli.show.formatting import format_duration, format_time
from luzia_client.cli.show.text import format_quantity, harmless, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_protocol.activity import Activity
    from luzia_protocol.jobs import Job

MAX_FILES = 20
MAX_PLAN_ITEMS = 30
_PLAN_MARKS = {"pending": "[ ]", "in_progress": "[~]", "completed": "[x]", "dropped": "[-]"}


def format_work(activity: Activity | None) -> str:
    """`7 turns 12 tools 45k+1.2k tok $0.31`, as far as the agent reports it; empty for None."""
    if activity is None:
        return ""
    words = [format_quantity(activity.turns, "turn"), format_quantity(activity.tool_calls, "tool")]
    if activity.tokens_in is not None and activity.tokens_out is not None:
        words.append(f"{format_count(activity.tokens_in)}+{format_count(activity.tokens_out)} tok")
    words.append("cost unknown" if activity.cost_usd is None else format_cost(activity))
    return " ".join(words)


def format_count(count: int) -> str:
    """A count as short as is useful: `950`, `1.2k`, `45k`, `3.4M`."""
    if count < 1000:
        return str(count)
    for unit, size in (("k", 1_000), ("M", 1_000_000)):
        if count < 9_950 * size // 1000:
            return f"{count / size:.1f}{unit}"
        if count < 999_500 * size // 1000:
            return f"{count / size:.0f}{unit}"
    return f"{count / 1_000_000_000:.1f}G"


def format_cost(activity: Activity) -> str:
    """The agent's own estimate, or `unknown`: an unknown cost is never shown as zero."""
    if activity.cost_usd is None:
        return "unknown"
    return format_usd(activity.cost_usd)


def describe_activity(job: Job, now: datetime) -> list[tuple[str, str]]:
    """Labels and values of what is known of the job's attempts; an empty label continues the value above."""
    activity = job.activity
    if activity is None:
        return []
    rows = [
        ("Last activity", _format_last_activity(job, activity, now)),
        ("Last message", one_line(activity.last_message or "", 300)),
        ("Session", harmless(activity.session or "")),
        ("Model", harmless(activity.model or "")),
        ("Turns", str(activity.turns)),
        ("Tools", _format_tools(activity)),
        *_describe_files(activity),
        *_describe_plan(activity, has_ended=job.state.is_final),
        ("Tokens", _format_tokens(activity)),
        ("Cost", format_cost(activity)),
        ("Usage limit", _format_limit(activity, now)),
    ]
    return [row for row in rows if row[1]]


def _format_last_activity(job: Job, activity: Activity, now: datetime) -> str:
    if activity.last_sign_at is None or job.state.is_final:
        return ""
    return f"{format_duration((now - activity.last_sign_at).total_seconds())} ago"


def _format_tools(activity: Activity) -> str:
    calls = ", ".join(f"{harmless(name)} {times}" for name, times in activity.tools.items())
    return f"{activity.tool_calls} ({calls})" if calls else str(activity.tool_calls)


def _describe_files(activity: Activity) -> list[tuple[str, str]]:
    shown = activity.files[:MAX_FILES]
    rows = [("" if number else "Files", harmless(path)) for number, path in enumerate(shown)]
    if activity.file_count > len(shown):
        rows.append(("" if rows else "Files", f"… {activity.file_count}{'+' if activity.more_files else ''} in total"))
    return rows


def _describe_plan(activity: Activity, *, has_ended: bool) -> list[tuple[str, str]]:
    if activity.plan_total is None:
        return []
    left = " when the job ended" if has_ended and activity.plan_done != activity.plan_total else ""
    rows = [("Plan", f"{activity.plan_done}/{activity.plan_total}{left}")]
    rows += [
        ("", f"{_PLAN_MARKS.get(item.state, '[?]')} {one_line(item.text)}") for item in activity.plan[:MAX_PLAN_ITEMS]
    ]
    return rows


def _format_tokens(activity: Activity) -> str:
    if activity.tokens_in is None:
        return ""
    cached = f" ({activity.tokens_cached:,} from the cache)" if activity.tokens_cached else ""
    return f"{activity.tokens_in:,} in{cached}, {activity.tokens_out or 0:,} out"


def _format_limit(activity: Activity, now: datetime) -> str:
    if activity.limit is None:
        return ""
    resets = activity.limit_resets_at
    return one_line(activity.limit) + (f" (resets {format_time(resets, now)})" if resets else "")
