"""Wait until jobs have ended; the exit status tells the worst outcome.

0 all completed, 1 failed, 5 cancelled, 6 timed out, 7 lost, 8 skipped, 9 expired, 10 stalled, 11 overdue; 124 when
--timeout was over first.
"""

from __future__ import annotations

import argparse

from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_ids, add_json, parse_seconds
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import one_line

EXAMPLES = (
    ("luzia wait a2f5 && git push", "go on when it has completed"),
    ("luzia wait --timeout 600 @last", "for ten minutes at most"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_ids(parser)
    parser.add_argument("--timeout", type=parse_seconds, metavar="S", help="wait at most so many seconds")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        waited = client.wait(args.ids, args.timeout)
    for job in waited.jobs:
        if args.json:
            print_json(job)
        else:
            print(_line(job))
    if waited.timed_out:
        return exit_codes.WAIT_TIMED_OUT
    return exit_codes.worst_status([(job.state.value, job.outcome) for job in waited.jobs])


def _line(job: Job) -> str:
    reason = f"  {one_line(job.reason)}" if job.reason and job.reason != job.state.value else ""
    return f"{job.id}  {job.state.value}{reason}"
