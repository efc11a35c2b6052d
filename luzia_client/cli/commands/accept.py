"""Accept the work of completed jobs that were dispatched with --review: the jobs that wait for it may start.

`luzia merge` accepts the work that it merges.
"""

from __future__ import annotations

import argparse

from luzia_protocol.requests import Accept

from luzia_client.api.client import Client
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.output import change_each

EXAMPLES = (
    ("luzia accept a2f5", "let the jobs that depend on this job start"),
    ("luzia accept build", "accept the work of a job of a graph, by its name"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("ids", nargs="+", metavar="ID", help=ID_HELP)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        return change_each(client, (Accept(job=job) for job in args.ids), args.json, "accepted")
