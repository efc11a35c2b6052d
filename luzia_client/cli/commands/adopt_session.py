"""Continue, in the background, a session that you started yourself: it becomes a job of the agent, in this directory.

Leave the agent first, since a session can have one process at a time. The agent gets the message, or is told to
continue. Afterwards the job is like any other: follow it, send it messages, or take it over with `luzia attach`.
"""

from __future__ import annotations

import argparse
import os

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import decode_task, parse_project
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.commands.dispatch import print_accepted
from luzia_client.cli.show.output import print_json

EXAMPLES = (
    ("luzia adopt-session claude 6f1c2d0e-5a34-4f0e-9b0a-2f1d7c3a9e10", "let Claude Code continue in the background"),
    ('luzia adopt-session codex 0199a213-81a0-7e31-9f5b "and add tests"', "with a message"),
)
CONTINUE = "Continue where you stopped, and finish the task."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("agent", metavar="AGENT", help="the agent, such as claude or codex")
    parser.add_argument("session", metavar="SESSION", help="the id of its session")
    parser.add_argument("words", nargs="*", metavar="MESSAGE", help="the next message to the agent")
    parser.add_argument("-p", "--project", default=".", help="the project of the job (default: this directory)")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only agent:PROJECT:ID")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    task = decode_task(" ".join(args.words).encode(errors="surrogateescape"), "the message") if args.words else CONTINUE
    with Client() as client:
        accepted = client.dispatch(
            parse_project(args.project),
            task,
            agent=args.agent,
            session=args.session,
            cwd=os.getcwd(),
            worktree=False,
        )
    if args.json:
        print_json(accepted)
    else:
        print_accepted(accepted.job, accepted.name, accepted.project, quiet=args.quiet)
    return exit_codes.OK
