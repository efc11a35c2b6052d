"""Pause running jobs, a project, or everything, until `luzia resume`.

With ids, --state or --tag: nothing of these running jobs runs on. With --project or --all alone: nothing more starts
either, also what is dispatched later.
"""

from __future__ import annotations

import argparse

from luzia_protocol.jobs import JobState

from luzia_client.api.client import Client
from luzia_client.cli.administration.queues import add_queue_only, change_queues, selected_queues
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, select_ids
from luzia_client.cli.show.output import change_each

CAN_BE_PAUSED = (JobState.STARTING, JobState.RUNNING)

EXAMPLES = (
    ("luzia pause a2f5", "this job stands still"),
    ("luzia pause --project overbits", "all of the project does, and nothing more of it starts"),
    ("luzia pause --all --queue-only", "nothing more starts, and what runs goes on"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_selection(parser, "pause")
    add_queue_only(parser, "with --project or --all: start nothing more, and leave alone what runs")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        if selected_queues(args) is not None:
            return change_queues(client, args, "pause", CAN_BE_PAUSED, client.pause_queue)
        return change_each(select_ids(client, args, "pause", CAN_BE_PAUSED), client.pause, args.json)
