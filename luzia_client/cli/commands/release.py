"""Release jobs that were held with `luzia hold` or dispatched with --hold, so that they can start."""

from __future__ import annotations

import argparse

from luzia_protocol.jobs import Job, JobState
from luzia_protocol.operations import Release

from luzia_client.api.client import Client
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, select_ids
from luzia_client.cli.show.output import change_each

EXAMPLES = (
    ("luzia release a2f5", "release a job"),
    ("luzia release --all", "release all held jobs"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_selection(parser, "release")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        jobs = select_ids(client, args, "release", [JobState.QUEUED], _is_held)
        return change_each(client, (Release(job=job) for job in jobs), args.json, "released")


def _is_held(job: Job) -> bool:
    return job.held_at is not None
