"""Statistics as text: bars, and tables of times, projects and agents. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from luzia_protocol.money import format_usd

from luzia_client.cli.show.activity import format_count
from luzia_client.cli.show.formatting import format_agent, format_counts, format_duration
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.statistics import Bucket, GroupStatistics, Percentiles, Statistics
from luzia_client.cli.show.text import cut, format_quantity, one_line, pad, width

DEFAULT_WIDTH = 80
MAX_BAR_WIDTH = 60
MAX_GROUPS = 20
"""The number of projects or agents shown; there may be hundreds."""


def draw_charts(statistics: Statistics, screen: Screen) -> list[str]:
    """All charts and tables."""
    jobs, since = format_quantity(statistics.total.jobs, "job"), _format_minute(statistics.since)
    lines = [
        screen.paint(f"{jobs} since {since}", "bold"),
        cut(f"  {format_counts(statistics.total.states)}", screen.width or 10_000),
        f"  Success: {format_success(statistics.total)}",
        "",
        *_draw_throughput(statistics, screen),
        "",
        *_draw_percentiles(statistics.total, screen),
    ]
    for title, groups in (("PROJECT", statistics.projects), ("AGENT", statistics.agents)):
        lines += ["", *_draw_table(title, groups, screen)]
    if statistics.total.cost_usd and statistics.total.without_cost:
        lines += ["", f"+: excludes {format_quantity(statistics.total.without_cost, 'job')} of unknown cost"]
    return lines


def format_success(group: GroupStatistics) -> str:
    """`93 %`, or `-` when it is unknown."""
    return "-" if group.success is None else f"{group.success * 100:.3g} %"


def format_total_cost(group: GroupStatistics) -> str:
    """`$1.25`, or `$1.25+` when the cost of some jobs is unknown: an unknown cost is never shown as zero."""
    if not group.cost_usd:
        return "unknown" if group.without_cost else "-"
    return format_usd(group.cost_usd) + ("+" if group.without_cost else "")


def format_throughput(statistics: Statistics) -> str:
    """`12.5/day`, or `141/h` from 10/h on."""
    per_hour = statistics.per_day / 24
    value, unit = (per_hour, "h") if per_hour >= 10 else (statistics.per_day, "day")
    return f"{_format_three_digits(value)}/{unit}"


def _format_three_digits(value: float) -> str:
    """`0.25`, `171`, `18,100`."""
    return f"{float(f'{value:.3g}'):,.10g}"


def format_bucket(bucket: Bucket, size_s: int) -> str:
    """The start of a bucket, as precise as its size requires."""
    return bucket.begin.strftime("%Y-%m-%d" if size_s >= 86400 else "%m-%d %H:%M")


def _format_minute(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M")


def _draw_throughput(statistics: Statistics, screen: Screen) -> list[str]:
    """One bar per bucket: first the completed jobs, then the others."""
    full, light = ("█", "░") if screen.blocks else ("#", ".")
    lines = [
        screen.paint(f"Throughput: {format_throughput(statistics)}", "bold") + f"  ({full} completed, {light} other)"
    ]
    most = max((bucket.completed + bucket.other for bucket in statistics.ended), default=0)
    for bucket in statistics.ended:
        head = f"  {format_bucket(bucket, statistics.bucket_s)}  "
        count = bucket.completed + bucket.other
        room = max(min((screen.width or DEFAULT_WIDTH) - len(head) - len(f" {most}"), MAX_BAR_WIDTH), 1)
        long = _bar_length(count, most, room)
        good = round(long * bucket.completed / count) if count else 0
        bar = screen.paint(full * good, "green") + screen.paint(light * (long - good), "red")
        lines.append(f"{head}{bar}{' ' if long else ''}{count}")
    return lines


def _bar_length(count: int, most: int, room: int) -> int:
    """The length of a bar, at least one unless the count is zero."""
    return max(round(count / most * room), 1) if count else 0


def _draw_percentiles(total: GroupStatistics, screen: Screen) -> list[str]:
    head = f"{'':<10}{'p50':>9}{'p90':>9}{'p99':>9}{'max':>9}{'jobs':>9}"
    return [
        screen.paint(head, "dim"),
        _format_percentiles("Wait time", total.waited_s),
        _format_percentiles("Run time", total.ran_s),
    ]


def _format_percentiles(name: str, times: Percentiles) -> str:
    cells = [_format_optional_duration(value) for value in (times.median, times.p90, times.p99, times.most)]
    return f"{name:<10}" + "".join(f"{cell:>9}" for cell in [*cells, f"{times.count:,}"])


def _format_optional_duration(value: float | None) -> str:
    return "-" if value is None else format_duration(value)


def _draw_table(title: str, groups: Sequence[GroupStatistics], screen: Screen) -> list[str]:
    """One line per project or agent, those with the most jobs first."""
    rows = [[title, "JOBS", "SUCCESS", "WAIT", "RUN", "TOKENS IN", "OUT", "COST"]]
    for each in groups[:MAX_GROUPS]:
        name = format_agent(each.name) if title == "AGENT" else each.name
        tokens = [format_count(each.tokens_in), format_count(each.tokens_out)] if each.tokens_in else ["-", "-"]
        times = [_format_optional_duration(each.waited_s.median), _format_optional_duration(each.ran_s.median)]
        rows.append(
            [one_line(name, 20), f"{each.jobs:,}", format_success(each), *times, *tokens, format_total_cost(each)]
        )
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [pad(row[0], widths[0]), *(f"{cell:>{size}}" for cell, size in zip(row[1:], widths[1:], strict=True))]
        line = cut("  ".join(cells), screen.width or 10_000)
        lines.append(screen.paint(line, "dim") if number == 0 else line)
    if len(groups) > MAX_GROUPS:
        lines.append(screen.paint(f"… and {len(groups) - MAX_GROUPS} more", "dim"))
    return lines
