"""Say something more in a job's conversation: its agent goes on with it in the next attempt of the job.

While an attempt runs the message waits for its end; several are given one after the other.
"""

from __future__ import annotations

import argparse

from luzia_client.api.client import Client
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.output import change_each

EXAMPLES = (('luzia send a2f5 "and add a test"', "the agent goes on with it"),)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("job", metavar="ID", help="a job's id, the beginning or end of one, agent:…, or @last")
    parser.add_argument(
        "words", nargs="+", metavar="WORD", help="the message; put `--` before one that begins with a dash"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    message = " ".join(args.words)
    with Client() as client:
        return change_each([args.job], lambda job: client.send_message(job, message), args.json)
