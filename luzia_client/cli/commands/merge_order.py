"""Propose an order in which to merge the work of finished jobs, and show what will conflict. Nothing is merged."""

from __future__ import annotations

import argparse

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.commands.collisions import jobs_with_work, print_gaps
from luzia_client.cli.show.collisions import list_files
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import harmless
from luzia_client.trees.overlap import plan_merges

EXAMPLES = (
    ("luzia merge-order overbits", "show in which order to merge the work of a project"),
    ("luzia merge-order --json", "print the order for all projects as JSON"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("projects", nargs="*", metavar="PROJECT", help="only jobs of these projects")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        plan = plan_merges(jobs_with_work(client, args.projects))
    if args.json:
        print_json(plan)
        return exit_codes.OK
    for number, each in enumerate(plan.merges, 1):
        if each.conflicts:
            other = ", ".join(each.with_jobs) or each.onto
            print(
                harmless(
                    f"{number}. {each.job}  conflicts with {other}: {list_files(each.conflicts, len(each.conflicts))}"
                )
            )
        else:
            print(harmless(f"{number}. {each.job}  merges into {each.onto} cleanly"))
    if not plan.merges:
        print("No finished job has work to merge.")
    print_gaps(plan.unreadable, plan.left_out)
    return exit_codes.OK
