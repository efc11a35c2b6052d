"""Answer an agent that is waiting for permission or has asked a question.

Answer a permission request with allow or deny, or with deny and a message that says what to do instead. Answer a
question with text, one argument for each of its parts, or with the number of one of its options.
"""

from __future__ import annotations

import argparse

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.output import print_change

EXAMPLES = (
    ("luzia answer a2f5 allow", "grant the permission"),
    ('luzia answer a2f5 deny "use git mv"', "deny it, and say what to do instead"),
    ('luzia answer a2f5 "the blue one"', "answer a question"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    parser.add_argument("answer", nargs="+", metavar="ANSWER", help="allow, deny, or the text of the answer")
    parser.add_argument(
        "--question", metavar="Q", help="the id of the question, if there are several (default: the oldest)"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        changed = client.answer_question(args.job, args.answer, args.question)
    print_change(changed, args.json, "answered")
    return exit_codes.OK
