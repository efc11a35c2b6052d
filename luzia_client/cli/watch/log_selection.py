"""Whose output `luzia logs` shows: one job, or several one after another with a heading each."""

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

LIMIT = 20


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Ids or filters, and how many jobs at most."""
    add_filters(parser, "show")
    parser.add_argument(
        "--limit", type=parse_positive, metavar="K", help=f"of a selection the newest K jobs (default: {LIMIT})"
    )


def jobs_meant(client: Client, args: argparse.Namespace) -> list[str | Job]:
    """Ids as they were given, or the jobs of a selection that have an attempt, the newest last.

    Raises UsageError when nothing is meant.
    """
    if not has_filters(args):
        if not args.ids:
            raise UsageError("which job? Nothing says whose output", "Name ids, or --project, --state, --tag or --all.")
        if args.limit is not None:
            raise UsageError("--limit goes with --project, --state, --tag and --all")
        return list(args.ids)
    if args.ids:
        raise UsageError("an ID names the job: --project, --state, --tag and --all do not go with it")
    limit = args.limit or LIMIT
    begun = (job for job in iter_matching(client, args) if job.attempt > 0)
    jobs = list(islice(begun, limit))
    if next(begun, None) is not None:
        print(f"luzia: only the newest {limit} jobs are shown; a larger --limit shows more", file=sys.stderr)
    elif not jobs:
        print("No job matches.", file=sys.stderr)
    return list(reversed(jobs))


def heading(job: Job) -> str:
    """`==> 113754-a2f5  overbits  completed  fix the login button <==`"""
    words = (job.id, harmless(one_line(job.project)), format_state(job.state), harmless(one_line(job.task, 60)))
    return f"==> {'  '.join(words)} <=="
