"""Discard the work of finished jobs: their worktrees and branches, with all commits and changes in them.

A copy is kept for some time (discard_grace_s, 14 days by default). `luzia restore-work ID` restores it.
"""

from __future__ import annotations

import argparse

from luzia_protocol.errors import Refused

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.args.selection import confirm, format_ids
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import format_quantity
from luzia_client.trees import WorktreeError, diff, worktree_of

EXAMPLES = (
    ("luzia discard a2f5", "discard what a job has done, after a confirmation"),
    ("luzia discard --yes a2f5 77aa", "discard the work of two jobs"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("ids", nargs="+", metavar="ID", help=ID_HELP)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask for confirmation")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    status = exit_codes.OK
    with Client() as client:
        if not args.yes:
            confirm(_describe(client, args.ids), yes=False)
        for job in args.ids:
            try:
                result = client.discard(job)
            except Refused as exc:
                status = print_refusal(exc)
                continue
            if args.json:
                print_json(result)
            elif result.kept_until is None:
                print(f"{result.job}  discarded: there was nothing to keep")
            else:
                until = result.kept_until.astimezone().strftime("%Y-%m-%d %H:%M")
                print(f"{result.job}  discarded; until {until} `luzia restore-work` restores it")
    return status


def _describe(client: Client, names: list[str]) -> str:
    """`discard the work of 113754-a2f5: 3 changed files`. Raises Refused for a job without a worktree."""
    jobs = [client.get_job(name) for name in names]
    trees = [worktree_of(job) for job in jobs]
    if len(jobs) > 1:
        return f"discard the work of {len(jobs)} jobs: {format_ids([job.id for job in jobs])}"
    try:
        files = format_quantity(len(diff.changed_files(trees[0])), "changed file")
    except WorktreeError:  # it is not this user's, or damaged: the daemon says which
        return f"discard the work of {jobs[0].id}"
    return f"discard the work of {jobs[0].id}: {files}"
