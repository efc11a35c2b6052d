"""Figures about jobs as a picture. The only module that needs matplotlib, which `luzia[plots]` brings."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from warnings import catch_warnings, filterwarnings

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.ticker import MaxNLocator

from luzia_client.cli.show.charts import format_bucket, format_success, format_throughput, format_total_cost
from luzia_client.cli.show.formatting import format_duration
from luzia_client.cli.show.statistics import GroupStatistics, Percentiles, Statistics
from luzia_client.cli.show.text import one_line

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells that it makes a list of fonts, once

COMPLETED_COLOUR, OTHER_COLOUR, NEUTRAL_COLOUR = "#2e8b57", "#c0504d", "#4f6d8f"
MAX_GROUPS = 10
EXTRA_FONTS = {"Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Hebrew", "Noto Sans Arabic", "Noto Emoji"}
"""Fonts that are used besides matplotlib's own where they are installed."""


def draw_plots(told: Statistics, path: str, kind: str) -> None:
    """Write the picture. kind: `png` or `svg`. Raises OSError."""
    style = rc_context(
        {
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "font.family": ["DejaVu Sans", *sorted(EXTRA_FONTS & set(get_font_names()))],
            "font.size": 9.0,
            "svg.fonttype": "none",  # words stay words, which can be searched
            "svg.hashsalt": "luzia",  # the same figures make the same file
            "text.parse_math": False,  # a `$` in a name is one
        }
    )
    with style, catch_warnings():
        filterwarnings("ignore", message="Glyph .* missing")  # such a character is shown as a box
        figure = Figure(figsize=(11, 8), layout="constrained")
        span = f"{told.since:%Y-%m-%d %H:%M} to {told.until:%Y-%m-%d %H:%M}"
        figure.suptitle(
            f"{told.total.jobs:,} jobs, {span}, success {format_success(told.total)}, cost {format_total_cost(told.total)}"
        )
        ended, spans, projects, agents = figure.subplots(2, 2).flat
        _plot_throughput(ended, told)
        _plot_percentiles(spans, told.total)
        _plot_groups(projects, "Projects", told.projects)
        _plot_groups(agents, "Agents", told.agents)
        figure.savefig(path, format=kind, dpi=120, metadata={"Date": None} if kind == "svg" else None)


def _plot_throughput(axes: Axes, told: Statistics) -> None:
    """Jobs that ended, over time: those that completed, and the others on top."""
    places = range(len(told.ended))
    completed = [bucket.completed for bucket in told.ended]
    axes.bar(places, completed, color=COMPLETED_COLOUR, label="completed")
    axes.bar(places, [bucket.other for bucket in told.ended], bottom=completed, color=OTHER_COLOUR, label="others")
    axes.set_xticks(places, [format_bucket(bucket, told.bucket_s) for bucket in told.ended], rotation=45, ha="right")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(f"Ended: {format_throughput(told)}")
    _add_legend(axes)


def _plot_percentiles(axes: Axes, total: GroupStatistics) -> None:
    """The percentiles of waiting and running, on a logarithmic scale."""
    for offset, (name, spans, colour) in enumerate(
        (("waited", total.waited_s, NEUTRAL_COLOUR), ("ran", total.ran_s, COMPLETED_COLOUR))
    ):
        values = _defined(spans)
        bars = axes.bar([place + offset * 0.4 for place in range(len(values))], values, 0.38, color=colour, label=name)
        axes.bar_label(bars, [format_duration(value) for value in values], fontsize=8)
    axes.set_xticks([place + 0.2 for place in range(4)], ["median", "90 %", "99 %", "most"])
    axes.set_yscale("symlog", linthresh=0.001)
    axes.yaxis.set_major_formatter(lambda value, _: format_duration(value))
    axes.margins(y=0.15)
    axes.set_title("Waiting and running times")
    _add_legend(axes)


def _add_legend(axes: Axes) -> None:
    """Above the right corner, where no bar can be."""
    axes.legend(frameon=False, ncols=2, handlelength=1.0, loc="lower right", bbox_to_anchor=(1.0, 0.98), fontsize=8)


def _defined(spans: Percentiles) -> list[float]:
    return [value for value in (spans.median, spans.p90, spans.p99, spans.most) if value is not None]


def _plot_groups(axes: Axes, title: str, groups: Sequence[GroupStatistics]) -> None:
    """A bar of jobs for each project or agent, named with its success and its cost."""
    shown = list(reversed(groups[:MAX_GROUPS]))
    names = [f"{one_line(each.name, 24)}\n{format_success(each)}, {format_total_cost(each)}" for each in shown]
    bars = axes.barh(range(len(shown)), [each.jobs for each in shown], color=NEUTRAL_COLOUR)
    axes.set_yticks(range(len(shown)), names)
    axes.bar_label(bars, [f" {each.jobs:,}" for each in shown])
    axes.margins(x=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    more = len(groups) - len(shown)
    axes.set_title(f"{title}: jobs, success, cost" + (f" ({more} more)" if more else ""))
