"""Dispatch a new job like an earlier one: the same task or command, agent, options and variables.

Start times and dependencies are not copied. `luzia retry` runs the same job again instead.
"""

from __future__ import annotations

import argparse

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import decode_task
from luzia_client.cli.args.editor import edited
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.commands.dispatch import print_accepted
from luzia_client.cli.show.output import print_json

EXAMPLES = (
    ("luzia again a2f5", "dispatch the same task again"),
    ("luzia again @last --edit", "edit the task first"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    parser.add_argument("-e", "--edit", action="store_true", help="edit the task in $VISUAL or $EDITOR first")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only agent:PROJECT:ID")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        if not args.edit:
            return _dispatch(client, args, args.job, None)
        job = client.get_job(args.job)
        if job.argv is not None:
            raise UsageError(f"job {job.id} runs a command and has no task", "Dispatch another one with `luzia run`.")
        notes = ["", f"The task of a new job like {job.id}. An empty text dispatches nothing."]
        with edited(job.task, notes) as text:
            return _dispatch(client, args, job.id, decode_task(text, "the task"))


def _dispatch(client: Client, args: argparse.Namespace, job: str, task: str | None) -> int:
    accepted = client.again(job, task)
    if args.json:
        print_json(accepted)
    else:
        print_accepted(accepted.job, accepted.name, accepted.project, quiet=args.quiet)
    return exit_codes.OK
