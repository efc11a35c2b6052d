"""Resume paused jobs. With --project or --all alone the queue is resumed as well, so that jobs start again.

With --agent, the jobs of that agent that are waiting for a usage limit to reset, or because the agent is held after an
account failure, can start again.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from luzia_protocol.jobs import JobState
from luzia_protocol.requests import Resume

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.administration.queues import add_queue_only, change_queues, print_suspensions, selected_queues
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, has_filters, select_ids
from luzia_client.cli.show.output import change_each, print_json
from luzia_client.cli.show.text import harmless

EXAMPLES = (
    ("luzia resume a2f5", "resume a job"),
    ("luzia resume --project overbits", "resume the jobs and the queue of a project"),
    ("luzia resume --agent claude", "start the jobs of an agent that is held after an account failure"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_selection(parser, "resume")
    add_queue_only(parser, "with --project or --all: resume only the queue; paused jobs stay paused")
    parser.add_argument(
        "--agent", metavar="A", help="start the jobs that wait for a usage limit or an account failure of this agent"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        if args.agent is not None:
            return _resume_agent(client, args)
        if selected_queues(args) is None:
            jobs = select_ids(client, args, "resume", [JobState.PAUSED])
            return change_each(client, (Resume(job=job) for job in jobs), args.json, "resumed")
        status = change_queues(client, args, "resume", [JobState.PAUSED], client.resume_queue)
        print_suspensions(client.get_info().queues, datetime.now(UTC))
        return status


def _resume_agent(client: Client, args: argparse.Namespace) -> int:
    if args.ids or has_filters(args) or args.queue_only:
        raise UsageError("--agent cannot be combined with IDs or other options that select jobs")
    changed = client.resume_agent(args.agent)
    if args.json:
        print_json(changed)
        return exit_codes.OK
    print(f"agent {harmless(args.agent)}  resumed")
    for job in changed.jobs:
        print(f"{job}  resumed")
    return exit_codes.OK
