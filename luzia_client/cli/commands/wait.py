"""Wait until jobs have ended. The exit status is that of the most severe outcome.

It is 0 if all jobs completed, and 124 if --timeout expires first. `luzia help exit-codes` lists the others.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing

from luzia_protocol import requests
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job
from luzia_protocol.replies import WaitResult

from luzia_client.api.client import Client
from luzia_client.api.requests import is_full_id
from luzia_client.api.stream_group import StreamGroup
from luzia_client.api.streams import EventStream, WaitStream
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_ids, add_json, parse_seconds
from luzia_client.cli.show.formatting import format_name
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import one_line
from luzia_client.cli.watch.attention import ATTENTION_KINDS, AttentionReporter

EXAMPLES = (
    ("luzia wait a2f5 && git push", "push when the job has completed"),
    ("luzia wait --timeout 600 @last", "wait at most ten minutes"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_ids(parser)
    parser.add_argument("--timeout", type=parse_seconds, metavar="SPAN", help="wait at most SPAN: 600, 10m")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        waited = _wait(client, args.ids, args.timeout)
    for job in waited.jobs:
        if args.json:
            print_json(job)
        else:
            print(_format_result(job))
    if waited.timed_out:
        return exit_codes.WAIT_TIMED_OUT
    return exit_codes.worst_status([(job.state.value, job.outcome) for job in waited.jobs])


def _wait(client: Client, ids: Sequence[str], timeout_s: float | None) -> WaitResult:
    """Wait for the jobs, and report meanwhile those that ask or are held, all on one connection."""
    seq = client.list_jobs(limit=1).seq
    jobs = [job if is_full_id(job) else client.get_job(job).id for job in ids]
    client.disconnect()
    with closing(StreamGroup(client.socket)) as streams:
        wait = streams.add(WaitStream(jobs, timeout_s))
        streams.add(_subscription(seq, jobs))
        attention = AttentionReporter(streams)
        attention.check(jobs)
        for number, item in streams.items():
            if isinstance(item, WaitResult) and number == wait:
                return item
            if attention.handle_item(number, item):
                continue
            if not isinstance(item, Refused):
                attention.handle_event(item)
            elif number != wait and item.code is ErrorCode.EVENTS_EXPIRED:
                streams.add(_subscription(None, jobs))
                attention.check(jobs)
            else:
                raise item
    raise AssertionError("a wait ends with its reply")


def _subscription(seq: int | None, jobs: Sequence[str]) -> EventStream:
    return EventStream(requests.Subscribe(after=seq, jobs=list(jobs), kinds=list(ATTENTION_KINDS)))


def _format_result(job: Job) -> str:
    reason = f"  {one_line(job.reason)}" if job.reason and job.reason != job.state.value else ""
    name = format_name(job.node)
    return f"{job.id}  {job.state.value}{reason}{name and f'  ({name})'}"
