"""Dispatch many jobs from a file of JSON lines: all of them or none, or with --each every valid one."""

from __future__ import annotations

import argparse

from luzia_protocol.errors import Refused
from luzia_protocol.replies import GraphResult
from luzia_protocol.requests import Graph

from luzia_client.api.client import Client
from luzia_client.api.pipeline import MAX_AHEAD, exchange_each
from luzia_client.api.requests import GraphJob, graph_request
from luzia_client.cli import exit_codes
from luzia_client.cli.args import job_files
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_detach, add_json
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import format_quantity

EXAMPLES = (
    ("luzia batch tasks.jsonl", "dispatch all jobs, or none"),
    ("luzia batch --each tasks.jsonl", "dispatch every valid job"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_json(parser)
    parser.add_argument(
        "file", metavar="FILE", help="one JSON object per line, with the fields of a dispatch; - reads stdin"
    )
    parser.add_argument("--each", action="store_true", help="dispatch the valid lines, and report the others")
    parser.add_argument(
        "--key", metavar="KEY", help="idempotency key: dispatching again with the same KEY creates no further jobs"
    )
    add_detach(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    source = "stdin" if args.file == "-" else args.file
    lines = job_files.read_file(args.file).splitlines()
    if args.each:
        return _each(lines, source, args)
    jobs: list[GraphJob] = []
    errors: list[UsageError] = []
    for number, job in job_files.parse_batch(lines, source):
        if isinstance(job, UsageError):
            errors.append(job)
        else:
            jobs.append({"name": f"line-{number}", **job})
    for error in errors:
        print_error(error.message, error.hint, exit_codes.USAGE)
    if errors or not jobs:
        return print_error(
            f"{source}: no jobs dispatched",
            "Correct the file, or use --each to dispatch the valid lines.",
            exit_codes.USAGE,
        )
    with Client() as client:
        created = client.graph(jobs, args.key, args.parent)
    if args.json:
        print_json(created)
    else:
        print("\n".join(created.jobs.values()))
    return exit_codes.OK


def _graph_of_line(number: int, job: GraphJob, args: argparse.Namespace) -> Graph:
    key = f"{args.key}/{number}" if args.key else None
    return graph_request([{**job, "name": job.get("name") or f"line-{number}"}], key, args.parent)


def _follows_others(job: GraphJob) -> bool:
    """Whether the job may follow one of an earlier line (`@last`), which must be on disk before."""
    return any(job.get(field) for field in ("after", "after_any", "after_fail"))


def _each(lines: list[bytes], source: str, args: argparse.Namespace) -> int:
    """Dispatch each line by itself; returns 0 if all were accepted."""
    status, accepted, refused = exit_codes.OK, 0, 0
    parsed = list(job_files.parse_batch(lines, source))
    valid = [(number, job) for number, job in parsed if not isinstance(job, UsageError)]
    with Client() as client:
        results = exchange_each(
            client.socket,
            (_graph_of_line(number, job, args) for number, job in valid),
            GraphResult,
            ahead=1 if any(_follows_others(job) for _, job in valid) else MAX_AHEAD,
        )
        for number, job in parsed:
            if isinstance(job, UsageError):
                refused += 1
                status = print_error(job.message, job.hint, exit_codes.USAGE)
                continue
            result = next(results)
            if isinstance(result, Refused):
                refused += 1
                status = print_error(f"{source}, line {number}: {result.message}", result.hint, exit_codes.REFUSED)
                continue
            accepted += 1
            (job_name,) = result.jobs.values()
            print_json({"line": number, "job": job_name}) if args.json else print(job_name)
    if refused:
        print_error(f"{source}: dispatched {format_quantity(accepted, 'job')}, refused {refused}", "", status)
    return status
