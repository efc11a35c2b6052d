"""Dispatch many jobs from a file of JSON lines: all or none, or each for itself with a report."""

from __future__ import annotations

import argparse

from luzia_protocol.errors import Refused

from luzia_client.api.client import Client
from luzia_client.api.requests import GraphJob
from luzia_client.cli import exit_codes
from luzia_client.cli.args import job_files
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_detach, add_json
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.output import print_json

EXAMPLES = (
    ("luzia batch tasks.jsonl", "all of its jobs, or none"),
    ("luzia batch --each tasks.jsonl", "all that are right"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_json(parser)
    parser.add_argument("file", metavar="FILE", help="one JSON object a line with the fields of a dispatch; - is stdin")
    parser.add_argument("--each", action="store_true", help="dispatch every line that is right, and report the others")
    parser.add_argument("--key", metavar="K", help="the same key names the same jobs: asking twice starts them once")
    add_detach(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    source = "stdin" if args.file == "-" else args.file
    lines = job_files.read_file(args.file).splitlines()
    if args.each:
        return _each(lines, source, args)
    jobs: list[GraphJob] = []
    mistakes: list[UsageError] = []
    for number, job in job_files.parse_batch(lines, source):
        if isinstance(job, UsageError):
            mistakes.append(job)
        else:
            jobs.append({"name": f"line-{number}", **job})
    for mistake in mistakes:
        print_error(mistake.message, mistake.hint, exit_codes.USAGE)
    if mistakes or not jobs:
        return print_error(f"{source}: no job was dispatched", "Correct it, or say --each.", exit_codes.USAGE)
    with Client() as client:
        graphed = client.graph(jobs, args.key, args.parent)
    if args.json:
        print_json(graphed)
    else:
        print("\n".join(graphed.jobs.values()))
    return exit_codes.OK


def _each(lines: list[bytes], source: str, args: argparse.Namespace) -> int:
    """One dispatch a line; returns 0 when all were accepted."""
    status, accepted, refused = exit_codes.OK, 0, 0
    with Client() as client:
        for number, job in job_files.parse_batch(lines, source):
            try:
                if isinstance(job, UsageError):
                    raise job
                name = job.get("name") or f"line-{number}"
                key = f"{args.key}/{number}" if args.key else None
                (told,) = client.graph([{**job, "name": name}], key, args.parent).jobs.values()
            except UsageError as exc:
                refused += 1
                status = print_error(exc.message, exc.hint, exit_codes.USAGE)
            except Refused as exc:
                refused += 1
                status = print_error(f"{source}, line {number}: {exc.message}", exc.hint, exit_codes.REFUSED)
            else:
                accepted += 1
                print_json({"line": number, "job": told}) if args.json else print(told)
    if refused:
        print_error(f"{source}: {accepted} jobs were dispatched, {refused} were not", "", status)
    return status
