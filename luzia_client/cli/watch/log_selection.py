"""The jobs whose output `luzia logs` prints: named by id, or selected by filters."""

from __future__ import annotations

import argparse
import sys
from itertools import islice

from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import parse_positive
from luzia_client.cli.args.selection import add_filters, has_filters, iter_matching
from luzia_client.cli.show.formatting import format_state
from luzia_client.cli.show.text import harmless, one_line

DEFAULT_LIMIT = 20


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Add ids, filters and --limit."""
    add_filters(parser, "show")
    parser.add_argument(
        "--limit",
        type=parse_positive,
        metavar="K",
        help=f"only the newest K selected jobs (default: {DEFAULT_LIMIT})",
    )


def select_jobs(client: Client, args: argparse.Namespace) -> list[str | Job]:
    """The given ids, or the selected jobs that have started, the newest last.

    Raises UsageError without ids and filters.
    """
    if not has_filters(args):
        if not args.ids:
            raise UsageError(
                "no job selected", "Give an ID (@last is your newest job), or --project, --state, --tag or --all."
            )
        if args.limit is not None:
            raise UsageError("--limit requires --project, --state, --tag or --all")
        return list(args.ids)
    if args.ids:
        raise UsageError("an ID cannot be combined with --project, --state, --tag or --all")
    limit = args.limit or DEFAULT_LIMIT
    started = (job for job in iter_matching(client, args) if job.attempt > 0)
    jobs = list(islice(started, limit))
    if next(started, None) is not None:
        newest = "newest job is" if limit == 1 else f"newest {limit} jobs are"
        print(f"luzia: only the {newest} shown; use a larger --limit to see more", file=sys.stderr)
    elif not jobs:
        print("No jobs match.", file=sys.stderr)
    return list(reversed(jobs))


def format_heading(job: Job) -> str:
    """`==> 113754-a2f5  overbits  completed  fix the login button <==`"""
    words = (job.id, harmless(one_line(job.project)), format_state(job.state), harmless(one_line(job.task, 60)))
    return f"==> {'  '.join(words)} <=="
