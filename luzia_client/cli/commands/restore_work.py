"""Restore work that was discarded with `luzia discard`: the worktrees and branches of jobs, as they were.

Ignored files are not restored, nor is an unfinished rebase or merge.
"""

from __future__ import annotations

import argparse

from luzia_protocol.errors import Refused

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import harmless

EXAMPLES = (("luzia restore-work a2f5", "restore the discarded work of a job"),)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("ids", nargs="+", metavar="ID", help=ID_HELP)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    status = exit_codes.OK
    with Client() as client:
        for job in args.ids:
            try:
                result = client.restore_work(job)
            except Refused as exc:
                status = print_refusal(exc)
                continue
            if args.json:
                print_json(result)
            else:
                print(harmless(f"{result.job}  restored: {result.worktree.path}, on {result.worktree.branch}"))
    return status
