"""Run finished jobs again, each as the next attempt of the same job; a job that waits for its moment starts now.

An agent goes on with its session, unless the job has completed or --fresh is given.
"""

from __future__ import annotations

import argparse

from luzia_client.api.client import Client
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, select_ids
from luzia_client.cli.show.formatting import FINAL_STATES
from luzia_client.cli.show.output import change_each

EXAMPLES = (
    ("luzia retry a2f5", "run it again; an agent goes on with its session"),
    ("luzia retry --state failed --project overbits", "all that have failed"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_selection(parser, "retry")
    parser.add_argument("--fresh", action="store_true", help="run the task from the start, in a new session")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        jobs = select_ids(client, args, "retry", FINAL_STATES)
        return change_each(jobs, lambda job: client.retry(job, args.fresh), args.json)
