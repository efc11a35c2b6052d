"""Show the cost, tokens and running time of jobs, in groups, and how long daily budgets will last.

Costs are what the agents report. For agents that report tokens only, costs are computed from the prices of their
models, and marked with ~; they count for budgets only with daemon.count_computed_costs. If a model has no price, the
cost is unknown.

The time at which a budget will be used up is an estimate: it assumes that costs continue at today's average hourly
rate.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import get_args

from luzia_protocol.money import format_usd
from luzia_protocol.spending import BudgetPace, SpendKey, SpendReport, SpendSums
from luzia_protocol.times import to_local

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json, add_project_filter, add_since
from luzia_client.cli.show.formatting import format_duration, format_time
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless

EXAMPLES = (
    ("luzia spend --since 7d", "show the cost by project, and the daily budgets"),
    ("luzia spend --by model --by day", "show the cost by model, and by day"),
    ("luzia spend --by tag --json", "print the figures as JSON"),
)
COMPUTED = "~"
"""Stands before an amount that is computed, or has a part that is."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_since(parser, "7d")
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        choices=get_args(SpendKey),
        metavar="KIND",
        help=f"what to group by (repeatable; default: project): {', '.join(get_args(SpendKey))}",
    )
    add_project_filter(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    by: list[SpendKey] = args.by or ["project"]
    with Client() as client:
        report = client.get_spending(by, args.since, args.project)
    if args.json:
        print_json(report)
        return exit_codes.OK
    screen = stdout_screen()
    if not report.total.jobs:
        print("No job has run in this time.\n")
        by = []
    for kind in dict.fromkeys(by):
        rows = [_row(sums) for sums in report.groups[kind]]
        if len(rows) > 1:
            rows.append(["total", *_row(report.total)[1:]])
        print_columns([kind.upper(), "COST", "TOKENS", "HOURS", "JOBS", "ATTEMPTS", "FAILED"], rows, screen)
        print()
    print("\n".join(_summary(report)))
    return exit_codes.OK


def _row(sums: SpendSums) -> list[str]:
    hours = f"{sums.running_s / 3600:.1f}"
    tokens = f"{sums.tokens_in + sums.tokens_out:,}" if sums.tokens_in or sums.tokens_out else "-"
    counts = [str(count) for count in (sums.jobs, sums.attempts, sums.failed)]
    return [harmless(sums.name) or "(none)", format_cost(sums), tokens, hours, *counts]


def format_cost(sums: SpendSums) -> str:
    """`$1.25`, `~$1.25` if a part is computed, `$1.25 + 2 unknown`, `unknown`, or `-` where nothing has a cost."""
    parts = []
    if sums.cost_usd is not None or sums.computed_usd is not None:
        amount = format_usd((sums.cost_usd or 0.0) + (sums.computed_usd or 0.0))
        parts.append(amount if sums.computed_usd is None else f"{COMPUTED}{amount}")
    if sums.unknown:
        parts.append(f"{sums.unknown} unknown" if parts else "unknown")
    return " + ".join(parts) or "-"


def _summary(report: SpendReport) -> list[str]:
    pace = f"; at this pace {format_usd(round(report.by_end_usd, 2))} by midnight" if report.by_end_usd > 0 else ""
    today = format_cost(report.today)
    lines = ["No costs today." if today == "-" else f"Today: {today}{pace}"]
    lines += [_describe_budget(budget, datetime.now(UTC)) for budget in report.budgets]
    if report.prices:
        lines += ["", f"{COMPUTED} computed from tokens, with these prices for a million of them:"]
        for price in report.prices:
            cached = "" if price.cached_usd is None else f", cached {format_usd(price.cached_usd)}"
            origin = "; ".join(filter(None, (price.date, price.source)))
            amounts = f"in {format_usd(price.input_usd)}{cached}, out {format_usd(price.output_usd)}"
            lines.append(f"  {harmless(price.model)}: {amounts}{harmless(f' ({origin})' if origin else '')}")
    if report.total.unknown:
        lines.append("Unknown: the agent reports no cost, and its model has no price; set one in the table [prices].")
    return lines


def _describe_budget(budget: BudgetPace, now: datetime) -> str:
    whose = "all projects" if budget.project is None else harmless(budget.project)
    used = f"Budget of {whose}: {format_usd(budget.spent_usd)} of {format_usd(budget.limit_usd)}"
    if budget.spent_usd >= budget.limit_usd:
        return f"{used}, used up"
    if budget.used_up_at is None:
        return f"{used}, enough for today at this pace (estimate)"
    left = format_duration((budget.used_up_at - now).total_seconds())
    return f"{used}, used up at about {format_time(to_local(budget.used_up_at), to_local(now))}, in {left} (estimate)"
