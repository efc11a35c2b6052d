"""Wait until jobs have ended. The exit status is that of the most severe outcome.

It is 0 if all jobs completed, and 124 if --timeout expired first. `luzia help exit-codes` lists the others.
"""

from __future__ import annotations

import argparse

from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_ids, add_json, parse_seconds
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import one_line
from luzia_client.cli.watch.attention import report_attention

EXAMPLES = (
    ("luzia wait a2f5 && git push", "push when the job has completed"),
    ("luzia wait --timeout 600 @last", "wait at most ten minutes"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_ids(parser)
    parser.add_argument("--timeout", type=parse_seconds, metavar="S", help="wait at most S seconds")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        if args.timeout != 0:
            report_attention(client.socket, args.ids)
        waited = client.wait(args.ids, args.timeout)
    for job in waited.jobs:
        if args.json:
            print_json(job)
        else:
            print(_format_result(job))
    if waited.timed_out:
        return exit_codes.WAIT_TIMED_OUT
    return exit_codes.worst_status([(job.state.value, job.outcome) for job in waited.jobs])


def _format_result(job: Job) -> str:
    reason = f"  {one_line(job.reason)}" if job.reason and job.reason != job.state.value else ""
    return f"{job.id}  {job.state.value}{reason}"
