"""Let paused jobs run on. With --project or --all alone jobs start again, too."""

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
    ("luzia resume a2f5", "let it run on"),
    ("luzia resume --project overbits", "all that is paused of the project; it starts jobs again"),
    ("luzia resume --all", "everything"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_selection(parser, "resume")
    add_queue_only(parser, "with --project or --all: let jobs start again, and leave paused what is paused")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        if selected_queues(args) is None:
            return change_each(select_ids(client, args, "resume", [JobState.PAUSED]), client.resume, args.json)
        status = change_queues(client, args, "resume", [JobState.PAUSED], client.resume_queue)
        print_suspensions(client.get_info().queues, datetime.now(UTC))
        return status
