"""Stopping and starting queues, for `pause` and `resume`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection
from datetime import datetime

from luzia_protocol.jobs import JobState
from luzia_protocol.operating import QueueChange, Queues

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.selection import confirm, format_ids
from luzia_client.cli.show.formatting import describe_suspensions
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import harmless


def add_queue_only(parser: argparse.ArgumentParser, text: str) -> None:
    """The option `--queue-only`."""
    parser.add_argument("--queue-only", action="store_true", help=text)


def selected_queues(args: argparse.Namespace) -> list[str | None] | None:
    """The projects whose queues are meant, or [None] for everything; None when single jobs are meant.

    Raises UsageError when --queue-only goes with single jobs.
    """
    if not (args.ids or args.state or args.tag) and (args.project or args.all):
        return args.project or [None]
    if args.queue_only:
        raise UsageError("--queue-only goes with --project or --all alone")
    return None


def change_queues(
    client: Client,
    args: argparse.Namespace,
    verb: str,
    states: Collection[JobState],
    change: Callable[[str | None, bool], QueueChange],
) -> int:
    """Pause or resume queues, after asking when jobs go with them; returns the exit status.

    verb: "pause". states: those of the jobs that go with them.
    """
    meant = selected_queues(args)
    assert meant is not None
    if not args.queue_only:
        jobs = [job.id for job in client.iter_jobs(args.project, [*states])]
        if jobs:
            what = ", ".join(args.project) or "everything"
            confirm(f"{verb} {what}, and {len(jobs)} job{'s' if len(jobs) > 1 else ''}: {format_ids(jobs)}", args.yes)
    for project in meant:
        changed = change(project, not args.queue_only)
        if args.json:
            print_json(changed)
            continue
        print(f"{harmless(project or 'everything')}  {verb}d")
        for job in changed.jobs:
            print(f"{job}  {verb}d")
    return exit_codes.OK


def print_suspensions(queues: Queues, now: datetime) -> None:
    """Say on stderr what still keeps all jobs from starting."""
    for words, command in describe_suspensions(Queues(queues.everything, {}, queues.draining), now):
        print(f"luzia: {words}; `{command}` ends that", file=sys.stderr)
