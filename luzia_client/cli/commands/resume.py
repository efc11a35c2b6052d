"""Resume paused jobs. With --project or --all alone the queue is resumed as well, so that jobs start again."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from luzia_protocol.jobs import JobState

from luzia_client.api.client import Client
from luzia_client.cli.administration.queues import add_queue_only, change_queues, print_suspensions, selected_queues
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, select_ids
from luzia_client.cli.show.output import change_each

EXAMPLES = (
    ("luzia resume a2f5", "resume a job"),
    ("luzia resume --project overbits", "resume the jobs and the queue of a project"),
    ("luzia resume --all", "resume everything"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_selection(parser, "resume")
    add_queue_only(parser, "with --project or --all: resume only the queue; paused jobs stay paused")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        if selected_queues(args) is None:
            return change_each(
                select_ids(client, args, "resume", [JobState.PAUSED]), client.resume, args.json, "resumed"
            )
        status = change_queues(client, args, "resume", [JobState.PAUSED], client.resume_queue)
        print_suspensions(client.get_info().queues, datetime.now(UTC))
        return status
