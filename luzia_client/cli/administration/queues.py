"""Pauses and resumes queues, for `luzia pause` and `luzia resume`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection
from datetime import datetime

from luzia_protocol.jobs import JobState
from luzia_protocol.operations import QueueChange, Queues

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.selection import confirm, format_ids
from luzia_client.cli.show.formatting import describe_suspensions
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import format_quantity, harmless


def add_queue_only(parser: argparse.ArgumentParser, text: str) -> None:
    """Add the option `--queue-only`."""
    parser.add_argument("--queue-only", action="store_true", help=text)


def selected_queues(args: argparse.Namespace) -> list[str | None] | None:
    """The projects whose queues are selected, or [None] for everything; None if single jobs are selected.

    Raises UsageError for --queue-only with single jobs.
    """
    if not (args.ids or args.state or args.tag) and (args.project or args.all):
        return args.project or [None]
    if args.queue_only:
        raise UsageError("--queue-only requires --project or --all alone")
    return None


def change_queues(
    client: Client,
    args: argparse.Namespace,
    verb: str,
    states: Collection[JobState],
    change: Callable[[str | None, bool], QueueChange],
) -> int:
    """Pause or resume queues, once confirmed if jobs are affected; returns the exit status.

    verb: "pause". states: those of the jobs that are affected.
    """
    selected = selected_queues(args)
    assert selected is not None
    if not args.queue_only:
        jobs = [job.id for job in client.iter_jobs(args.project, [*states])]
        if jobs:
            what = ", ".join(args.project) or "everything"
            confirm(f"{verb} {what}, and {format_quantity(len(jobs), 'job')}: {format_ids(jobs)}", args.yes)
    for project in selected:
        changed = change(project, not args.queue_only)
        if args.json:
            print_json(changed)
            continue
        print(f"{harmless(project or 'everything')}  {verb}d")
        for job in changed.jobs:
            print(f"{job}  {verb}d")
    return exit_codes.OK


def print_suspensions(queues: Queues, now: datetime) -> None:
    """Print on stderr what still keeps all jobs from starting."""
    for words, command in describe_suspensions(Queues(queues.everything, {}, queues.draining), now):
        print(f"luzia: {words}; end with `{command}`", file=sys.stderr)
