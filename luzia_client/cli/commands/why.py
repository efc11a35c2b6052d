"""Explain why a job waits or how it ended: all conditions for its start, its position and the outcome of each attempt.

The expected start is an estimate, based on how long completed jobs of the same project and agent ran. Other jobs can
change it.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.reasons import explain_job
from luzia_client.cli.show.screen import stdout_screen

EXAMPLES = (
    ("luzia why a2f5", "explain why a job does not start, or how it ended"),
    ("luzia why @last --json", "print the conditions, the position and the estimate as JSON"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        told = client.why(args.job)
    if args.json:
        print_json(told)
    else:
        print("\n".join(explain_job(told, datetime.now(UTC), stdout_screen())))
    return exit_codes.OK
