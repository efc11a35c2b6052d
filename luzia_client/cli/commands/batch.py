"""Dispatch many jobs from a file of JSON lines: all of them or none; with --each, every valid one."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from luzia_protocol.errors import Refused
from luzia_protocol.replies import GraphResult
from luzia_protocol.requests import Graph

from luzia_client.api.client import Client
from luzia_client.api.pipeline import MAX_AHEAD, exchange_each
from luzia_client.api.requests import GraphJob, graph_request
from luzia_client.cli import exit_codes
from luzia_client.cli.args import host_choice, job_files
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.job_files import JobEntry
from luzia_client.cli.args.parser import add_detach, add_json
from luzia_client.cli.show.errors import print_error, print_refusal
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
        "file",
        metavar="FILE",
        help="one JSON object per line, with the fields of a `dispatch` request (see `luzia help protocol`); - reads "
        "stdin",
    )
    parser.add_argument("--each", action="store_true", help="dispatch the valid lines, and report the others")
    parser.add_argument(
        "--key", metavar="KEY", help="idempotency key: dispatching again with the same KEY creates no further jobs"
    )
    add_detach(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    source = "stdin" if args.file == "-" else args.file
    entries = [*job_files.parse_batch(job_files.read_file(args.file).splitlines(), source)]
    choose_host([entry for _, entry in entries], source)
    if args.each:
        return _each(entries, source, args)
    jobs = [entry for _, entry in entries]
    if not jobs:
        return print_error(f"{source}: no jobs", job_files.BATCH_HINT, exit_codes.USAGE)
    with Client() as client:
        created, status = dispatch_entries(client, jobs, args.key, args.parent)
    if created is None:
        hint = "Correct the file, or use --each to dispatch the valid lines."
        return print_error(f"{source}: no jobs dispatched", hint, status)
    if args.json:
        print_json(created)
    else:
        print("\n".join(created.jobs.values()))
    return exit_codes.OK


def choose_host(entries: Iterable[JobEntry], source: str) -> None:
    """Choose the host of the projects of a file. Raises UsageError if they are on several."""
    jobs = [entry.job for entry in entries if not isinstance(entry.job, UsageError)]
    host_choice.choose_by_projects((str(job.get("project", "")) for job in jobs), source)


def _graph_of_line(number: int, job: GraphJob, args: argparse.Namespace) -> Graph:
    return graph_request([job], f"{args.key}/{number}" if args.key else None, args.parent)


def _follows_others(job: GraphJob) -> bool:
    """Whether the job may follow one of an earlier line (`@last`), which must be on disk before."""
    return any(job.get(field) for field in ("after", "after_any", "after_fail"))


def dispatch_entries(
    client: Client, entries: Sequence[JobEntry], key: str | None, parent: str | None
) -> tuple[GraphResult | None, int]:
    """Dispatch all jobs of a file in one step, or print everything that is wrong with them.

    Returns the jobs, or None and the exit status. An entry with an error is sent without a task: the daemon checks the
    others, and refuses all of them.
    """
    jobs: list[GraphJob] = []
    wrong: dict[str, UsageError] = {}
    where: dict[str, str] = {}
    for number, entry in enumerate(entries, 1):
        job = entry.job
        if isinstance(job, UsageError):
            name = f"error-{number}"
            wrong[name] = job
            job = {"name": name, "project": "/"}
        jobs.append(job)
        where[str(job["name"])] = entry.where
    try:
        return client.graph(jobs, key, parent), exit_codes.OK
    except Refused as exc:
        if not wrong and not exc.of_jobs:
            raise
        for name, place in where.items():
            if name in wrong:
                print_error(wrong[name].message, wrong[name].hint, exit_codes.USAGE)
            elif name in exc.of_jobs:
                print_refusal(exc.of_jobs[name], f"{place} ")
        return None, exit_codes.USAGE if wrong else exit_codes.REFUSED


def _each(entries: Sequence[tuple[int, JobEntry]], source: str, args: argparse.Namespace) -> int:
    """Dispatch each line by itself; returns 0 if all were accepted."""
    status, accepted, refused = exit_codes.OK, 0, 0
    valid = [(number, entry.job) for number, entry in entries if not isinstance(entry.job, UsageError)]
    with Client() as client:
        results = exchange_each(
            client.socket,
            (_graph_of_line(number, job, args) for number, job in valid),
            GraphResult,
            ahead=1 if any(_follows_others(job) for _, job in valid) else MAX_AHEAD,
        )
        for number, (where, job) in entries:
            if isinstance(job, UsageError):
                refused += 1
                status = print_error(job.message, job.hint, exit_codes.USAGE)
                continue
            result = next(results)
            if isinstance(result, Refused):
                refused += 1
                (each,) = result.of_jobs.values() or (result,)
                status = print_refusal(each, f"{where} ")
                continue
            accepted += 1
            (job_name,) = result.jobs.values()
            print_json({"line": number, "job": job_name}) if args.json else print(job_name)
    if refused:
        print_error(f"{source}: dispatched {format_quantity(accepted, 'job')}, refused {refused}", "", status)
    return status
