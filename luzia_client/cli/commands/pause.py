"""Suspend running jobs, a project or everything until `luzia resume`.

With IDs, --state or --tag, only these jobs are paused. With --project or --all alone the queue is paused as well: no
more jobs start, including those that are dispatched later.
"""

from __future__ import annotations

import argparse

from luzia_protocol.jobs import JobState
from luzia_protocol.requests import Pause

from luzia_client.api.client import Client
from luzia_client.cli.administration.queues import add_queue_only, change_queues, selected_queues
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, select_ids
from luzia_client.cli.show.output import change_each

CAN_BE_PAUSED = (JobState.STARTING, JobState.RUNNING)

EXAMPLES = (
    ("luzia pause a2f5", "suspend a job"),
    ("luzia pause --project overbits", "suspend the jobs of a project, and start no more"),
    ("luzia pause --all --queue-only", "start no more jobs; running ones continue"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_selection(parser, "pause")
    add_queue_only(parser, "with --project or --all: pause only the queue; running jobs continue")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        if selected_queues(args) is not None:
            return change_queues(client, args, "pause", CAN_BE_PAUSED, client.pause_queue)
        jobs = select_ids(client, args, "pause", CAN_BE_PAUSED)
        return change_each(client, (Pause(job=job) for job in jobs), args.json, "paused")
