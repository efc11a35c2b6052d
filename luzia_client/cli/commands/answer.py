"""Answer a job whose agent asks: a permission with allow, deny or a text that says what to do instead, a question
with a text for each of its parts, or with the number of an option that it offers.
"""

from __future__ import annotations

import argparse

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.output import print_json

EXAMPLES = (
    ("luzia answer a2f5 allow", "let it do what it asks for"),
    ('luzia answer a2f5 deny "use git mv"', "and what to do instead"),
    ('luzia answer a2f5 "the blue one"', "the answer to a question"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("job", metavar="ID", help="the job")
    parser.add_argument("words", nargs="+", metavar="WORD", help="allow, deny, or a text")
    parser.add_argument("--question", metavar="Q", help="its id, when several are asked (default: the oldest)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        changed = client.answer_question(args.job, args.words, args.question)
    if args.json:
        print_json(changed)
    else:
        print(f"{changed.job}  {changed.state.value}")
    return exit_codes.OK
