"""Figures about jobs as a screen full of text: bars, and tables of times, projects and agents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from luzia_client.cli.show.activity import format_count
from luzia_client.cli.show.formatting import format_counts, format_duration
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.statistics import Bucket, GroupStatistics, Percentiles, Statistics
from luzia_client.cli.show.text import cut, one_line, pad, width

DEFAULT_WIDTH = 80
MAX_BAR_WIDTH = 60
MAX_GROUPS = 20
"""Projects or agents that are shown; there may be hundreds."""


def draw_charts(told: Statistics, screen: Screen) -> list[str]:
    """All the figures."""
    lines = [
        screen.paint(f"{told.total.jobs:,} jobs since {_format_minute(told.since)}", "bold"),
        cut(f"  {format_counts(told.total.states)}", screen.width or 10_000),
        f"  Success: {format_success(told.total)}",
        "",
        *_draw_throughput(told, screen),
        "",
        *_draw_percentiles(told.total, screen),
    ]
    for title, groups in (("PROJECT", told.projects), ("AGENT", told.agents)):
        lines += ["", *_draw_table(title, groups, screen)]
    if told.total.cost_usd and told.total.unpriced:
        lines += ["", f"+: without the cost of {told.total.unpriced:,} jobs, whose agents tell none"]
    return lines


def format_success(group: GroupStatistics) -> str:
    """`93 %`, or `-` when no job has ended in a way that says so."""
    return "-" if group.success is None else f"{group.success * 100:.3g} %"


def format_total_cost(group: GroupStatistics) -> str:
    """`$1.25`, or `$1.25+` when there are agents that told no cost: what is not priced is never shown as nothing."""
    if not group.cost_usd:
        return "unpriced" if group.unpriced else "-"
    return f"${group.cost_usd:,.2f}{'+' if group.unpriced else ''}"


def format_throughput(told: Statistics) -> str:
    """`12.5 a day`, or by the hour where there are many."""
    return (
        f"{_format_three_digits(told.per_day)} a day"
        if told.per_day < 240
        else f"{_format_three_digits(told.per_day / 24)} an hour"
    )


def _format_three_digits(value: float) -> str:
    """`0.25`, `171`, `18,100`."""
    return f"{float(f'{value:.3g}'):,.10g}"


def format_bucket(bucket: Bucket, size_s: int) -> str:
    """When a bucket begins, as exactly as its size asks for."""
    return bucket.begin.strftime("%Y-%m-%d" if size_s >= 86400 else "%m-%d %H:%M")


def _format_minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _draw_throughput(told: Statistics, screen: Screen) -> list[str]:
    """A bar for each bucket: first the jobs that completed, then the others."""
    lines = [screen.paint(f"Ended: {format_throughput(told)}", "bold") + "  (full: completed, light: not)"]
    most = max((bucket.completed + bucket.other for bucket in told.ended), default=0)
    full, light = ("█", "░") if screen.blocks else ("#", ".")
    for bucket in told.ended:
        head = f"  {format_bucket(bucket, told.bucket_s)}  "
        count = bucket.completed + bucket.other
        room = max(min((screen.width or DEFAULT_WIDTH) - len(head) - len(f" {most}"), MAX_BAR_WIDTH), 1)
        long = _bar_length(count, most, room)
        good = round(long * bucket.completed / count) if count else 0
        bar = screen.paint(full * good, "green") + screen.paint(light * (long - good), "red")
        lines.append(f"{head}{bar}{' ' if long else ''}{count}")
    return lines


def _bar_length(count: int, most: int, room: int) -> int:
    """Columns for a count, at least one for what is not nothing."""
    return max(round(count / most * room), 1) if count else 0


def _draw_percentiles(total: GroupStatistics, screen: Screen) -> list[str]:
    head = f"{'':<10}{'median':>9}{'90 %':>9}{'99 %':>9}{'most':>9}{'jobs':>9}"
    return [
        screen.paint(head, "dim"),
        _format_percentiles("Waited", total.waited_s),
        _format_percentiles("Ran", total.ran_s),
    ]


def _format_percentiles(name: str, spans: Percentiles) -> str:
    cells = [_format_optional_duration(value) for value in (spans.median, spans.p90, spans.p99, spans.most)]
    return f"{name:<10}" + "".join(f"{cell:>9}" for cell in [*cells, f"{spans.count:,}"])


def _format_optional_duration(value: float | None) -> str:
    return "-" if value is None else format_duration(value)


def _draw_table(title: str, groups: Sequence[GroupStatistics], screen: Screen) -> list[str]:
    """One line for each project or agent, those with the most jobs first."""
    rows = [[title, "JOBS", "SUCCESS", "WAITED", "RAN", "TOKENS IN", "OUT", "COST"]]
    for each in groups[:MAX_GROUPS]:
        tokens = [format_count(each.tokens_in), format_count(each.tokens_out)] if each.tokens_in else ["-", "-"]
        spans = [_format_optional_duration(each.waited_s.median), _format_optional_duration(each.ran_s.median)]
        rows.append(
            [one_line(each.name, 20), f"{each.jobs:,}", format_success(each), *spans, *tokens, format_total_cost(each)]
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
