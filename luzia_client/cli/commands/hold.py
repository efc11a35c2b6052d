"""Hold queued jobs: they do not start until they are released with `luzia release`."""

from __future__ import annotations

import argparse

from luzia_protocol.jobs import JobState
from luzia_protocol.operations import Hold

from luzia_client.api.client import Client
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, select_ids
from luzia_client.cli.show.output import change_each

EXAMPLES = (
    ("luzia hold a2f5", "keep a job in the queue"),
    ("luzia hold --project overbits", "hold all queued jobs of a project"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_selection(parser, "hold")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        jobs = select_ids(client, args, "hold", [JobState.QUEUED])
        return change_each(client, (Hold(job=job) for job in jobs), args.json, "held")
