"""Reject the work of completed jobs that were dispatched with --review: the jobs that need it are skipped.

The worktree is kept; `luzia discard` removes it, and rejects the work as well. `luzia send` lets the agent improve it.
"""

from __future__ import annotations

import argparse

from luzia_protocol.requests import Reject

from luzia_client.api.client import Client
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.output import change_each

EXAMPLES = (("luzia reject a2f5", "skip the jobs that depend on it"),)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("ids", nargs="+", metavar="ID", help=ID_HELP)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        return change_each(client, (Reject(job=job) for job in args.ids), args.json, "rejected")
