"""Statistics as a picture. The only module that needs matplotlib, which `luzia[plots]` installs."""

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
from luzia_client.cli.show.text import format_quantity, one_line

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it logs once that it builds a font list

COMPLETED_COLOUR, OTHER_COLOUR, NEUTRAL_COLOUR = "#2e8b57", "#c0504d", "#4f6d8f"
MAX_GROUPS = 10
EXTRA_FONTS = {"Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Hebrew", "Noto Sans Arabic", "Noto Emoji"}
"""Fonts used besides matplotlib's own if they are installed."""


def draw_plots(statistics: Statistics, path: str, kind: str) -> None:
    """Write the picture. kind: `png` or `svg`. Raises OSError."""
    style = rc_context(
        {
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "font.family": ["DejaVu Sans", *sorted(EXTRA_FONTS & set(get_font_names()))],
            "font.size": 9.0,
            "svg.fonttype": "none",  # text stays text, which can be searched
            "svg.hashsalt": "luzia",  # the same statistics make the same file
            "text.parse_math": False,  # a `$` in a name is literal
        }
    )
    with style, catch_warnings():
        filterwarnings("ignore", message="Glyph .* missing")  # it is drawn as a box
        figure = Figure(figsize=(11, 8), layout="constrained")
        span = f"{statistics.since:%Y-%m-%d %H:%M} to {statistics.until:%Y-%m-%d %H:%M}"
        jobs, success = format_quantity(statistics.total.jobs, "job"), format_success(statistics.total)
        figure.suptitle(f"{jobs}, {span}, success {success}, cost {format_total_cost(statistics.total)}")
        ended, times, projects, agents = figure.subplots(2, 2).flat
        _plot_throughput(ended, statistics)
        _plot_percentiles(times, statistics.total)
        _plot_groups(projects, "Projects", statistics.projects)
        _plot_groups(agents, "Agents", statistics.agents)
        figure.savefig(path, format=kind, dpi=120, metadata={"Date": None} if kind == "svg" else None)


def _plot_throughput(axes: Axes, statistics: Statistics) -> None:
    """Ended jobs over time: completed ones, and the others on top."""
    places = range(len(statistics.ended))
    completed = [bucket.completed for bucket in statistics.ended]
    axes.bar(places, completed, color=COMPLETED_COLOUR, label="completed")
    axes.bar(places, [bucket.other for bucket in statistics.ended], bottom=completed, color=OTHER_COLOUR, label="other")
    axes.set_xticks(
        places, [format_bucket(bucket, statistics.bucket_s) for bucket in statistics.ended], rotation=45, ha="right"
    )
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(f"Throughput: {format_throughput(statistics)}")
    _add_legend(axes)


def _plot_percentiles(axes: Axes, total: GroupStatistics) -> None:
    """The percentiles of wait and run times, on a logarithmic scale."""
    series = (("wait", total.waited_s, NEUTRAL_COLOUR), ("run", total.ran_s, COMPLETED_COLOUR))
    for offset, (name, times, colour) in enumerate(series):
        values = _defined(times)
        bars = axes.bar([place + offset * 0.4 for place in range(len(values))], values, 0.38, color=colour, label=name)
        axes.bar_label(bars, [format_duration(value) for value in values], fontsize=8)
    axes.set_xticks([place + 0.2 for place in range(4)], ["p50", "p90", "p99", "max"])
    axes.set_yscale("symlog", linthresh=0.001)
    axes.yaxis.set_major_formatter(lambda value, _: format_duration(value))
    axes.margins(y=0.15)
    axes.set_title("Wait and run times")
    _add_legend(axes)


def _add_legend(axes: Axes) -> None:
    """Put the legend above the right corner, where no bar can be."""
    axes.legend(frameon=False, ncols=2, handlelength=1.0, loc="lower right", bbox_to_anchor=(1.0, 0.98), fontsize=8)


def _defined(times: Percentiles) -> list[float]:
    return [value for value in (times.median, times.p90, times.p99, times.most) if value is not None]


def _plot_groups(axes: Axes, title: str, groups: Sequence[GroupStatistics]) -> None:
    """One bar per project or agent, labelled with its success and its cost."""
    shown = list(reversed(groups[:MAX_GROUPS]))
    names = [f"{one_line(each.name, 24)}\n{format_success(each)}, {format_total_cost(each)}" for each in shown]
    bars = axes.barh(range(len(shown)), [each.jobs for each in shown], color=NEUTRAL_COLOUR)
    axes.set_yticks(range(len(shown)), names)
    axes.bar_label(bars, [f" {each.jobs:,}" for each in shown])
    axes.margins(x=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    more = len(groups) - len(shown)
    axes.set_title(f"{title}: jobs, success, cost" + (f" ({more} more)" if more else ""))
