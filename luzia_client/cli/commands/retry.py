"""Run finished jobs again, each as the next attempt of the same job; start pending retries now.

The agent resumes its session, if it has one and supports this, unless the job has completed or --fresh is given. Jobs
that were skipped because of the outcome of a retried job wait for it again.
"""

from __future__ import annotations

import argparse

from luzia_protocol.errors import Refused
from luzia_protocol.replies import RetryResult
from luzia_protocol.requests import Retry
from luzia_protocol.states import FINAL_STATES

from luzia_client.api.client import Client
from luzia_client.api.pipeline import exchange_each
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, select_ids
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.output import print_change

EXAMPLES = (
    ("luzia retry a2f5", "run a job again"),
    ("luzia retry --state failed --project overbits", "run the failed jobs of a project again"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_selection(parser, "retry")
    parser.add_argument("--fresh", action="store_true", help="run the task from the beginning, in a new session")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    status = exit_codes.OK
    revived: dict[str, str] = {}
    with Client() as client:
        jobs = select_ids(client, args, "retry", FINAL_STATES)
        client.disconnect()
        retries = (Retry(job=job, fresh=args.fresh) for job in jobs)
        for job, result in zip(jobs, exchange_each(client.socket, retries, RetryResult), strict=True):
            if job in revived:
                continue  # the retry of another one has queued it
            if isinstance(result, Refused):
                status = print_refusal(result)
                continue
            revived.update(dict.fromkeys(result.revived, result.job))
            print_change(result, args.json, "retried")
    if not args.json:
        for job, parent in revived.items():
            print(f"{job}  queued again: it was skipped because of {parent}")
    return status
