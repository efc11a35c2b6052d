"""Send a follow-up message to a job's agent: the next attempt of the job resumes the session with this message.

While an attempt is running, the message is queued until that attempt ends. Several messages are delivered in order.
"""

from __future__ import annotations

import argparse

from luzia_protocol.requests import Send

from luzia_client.api.client import Client
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.output import change_each

EXAMPLES = (('luzia send a2f5 "and add a test"', "send a message to the agent"),)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    parser.add_argument(
        "words", nargs="+", metavar="WORD", help="the message; put `--` before a message that begins with a dash"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    message = " ".join(args.words)
    with Client() as client:
        return change_each(client, [Send(job=args.job, message=message)], args.json, "sent")
