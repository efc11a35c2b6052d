"""Decide about finished work on a full screen: see what each job did, and accept it, send it back or discard it.

Keys decide about the jobs; press ? to list them. Without a terminal, the jobs that wait for a decision are printed.
"""

from __future__ import annotations

import argparse

from luzia_client.cli.args.parser import add_json, add_project_filter

EXAMPLES = (
    ("luzia review", "decide about all finished work, oldest first"),
    ("luzia review --project overbits", "decide about that of a project"),
    ("luzia review a2f5", "begin with a job"),
    ("luzia review --json", "print the jobs that wait for a decision"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", nargs="?", metavar="ID", help="the job to begin with")
    parser.add_argument("--by-project", action="store_true", help="order the jobs by project (default: oldest first)")
    add_project_filter(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from luzia_client.tui.review.app import run_review
    from luzia_client.tui.review.waiting import Order

    order = Order.PROJECT if args.by_project else Order.OLDEST
    return run_review(args.project, order, args.job)
