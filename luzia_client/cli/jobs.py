"""List jobs, show everything about some of them, or watch either of it live."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.replies import Listed
from luzia_protocol.requests import MAX_PAGE

from luzia_client import exit_codes
from luzia_client.cli import render
from luzia_client.cli.details import details
from luzia_client.cli.failure import UsageError, complain
from luzia_client.cli.parser import add_json, positive, states
from luzia_client.cli.queues import stops
from luzia_client.cli.screen import stdout_screen
from luzia_client.cli.selection import add_tags
from luzia_client.cli.signs import add_signs, chosen_signs
from luzia_client.cli.tables import jobs_table
from luzia_client.cli.text import harmless, one_line
from luzia_client.client import Client

EXAMPLES = (
    ("luzia jobs", "a summary, and the newest jobs"),
    ("luzia jobs a2f5", "everything about one"),
    ("luzia jobs --state failed --project overbits", "what has failed there"),
)

DEFAULT_LIMIT = 50


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="show everything about these jobs")
    parser.add_argument("-w", "--watch", action="store_true", help="show them live until all have ended")
    add_signs(parser)
    parser.add_argument(
        "--project", action="append", default=[], metavar="P", help="only jobs of this project (repeatable)"
    )
    parser.add_argument(
        "--state",
        action="append",
        default=[],
        type=states,
        metavar="S",
        help=f"only jobs in these states, with commas between (repeatable): {', '.join(JobState)}",
    )
    add_tags(parser, "only jobs with this tag (repeatable)")
    parser.add_argument(
        "--waiting",
        action="append_const",
        dest="state",
        const=[JobState.WAITING],
        help="only jobs whose agents ask something, for `luzia answer`",
    )
    how_many = parser.add_mutually_exclusive_group()
    how_many.add_argument("--limit", type=positive, metavar="N", help=f"at most so many (default: {DEFAULT_LIMIT})")
    how_many.add_argument("--all", action="store_true", help="all jobs that are remembered")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    states = [state for group in args.state for state in group]
    tags = dict(args.tag)
    if args.ids and (states or args.project or tags or args.limit or args.all):
        raise UsageError("an ID names the job: --project, --state, --tag, --limit and --all do not go with it")
    if args.watch and (states or tags or args.limit or args.all):
        raise UsageError("--watch follows live jobs: --state, --tag, --limit and --all do not go with it")
    signs = chosen_signs(args)
    if args.watch:
        from luzia_client.cli.watch import run_watch

        return run_watch(args.ids, args.project, args.json, signs)
    with Client() as client:
        if args.ids:
            return show_jobs(client, args.ids, args.json)
        limit = None if args.all else args.limit or DEFAULT_LIMIT
        if args.json:
            for page in pages(client, args.project, states, limit, tags):
                _print_json(page.jobs)
            return exit_codes.OK
        return show_table(client, args.project, states, limit, tags)


def show_jobs(client: Client, ids: Sequence[str], as_json: bool) -> int:
    """Print everything about some jobs; raises the first refusal once the others are printed."""
    refusals: list[Refused] = []
    screen = stdout_screen()
    for number, job_id in enumerate(ids):
        try:
            job = client.status(job_id)
        except Refused as refused:
            refusals.append(refused)
            continue
        if as_json:
            _print_json([job])
            continue
        if number:
            print()
        print("\n".join(details(job, datetime.now(UTC), screen)))
    sys.stdout.flush()
    for other in refusals[1:]:
        complain(other.message, other.hint, exit_codes.REFUSED)
    if refusals:
        raise refusals[0]
    return exit_codes.OK


def show_table(
    client: Client,
    projects: Sequence[str],
    states: Sequence[JobState],
    limit: int | None,
    tags: Mapping[str, str],
) -> int:
    """Print the counts and the table."""
    screen = stdout_screen()
    jobs: list[Job] = []
    counts: dict[JobState, int] = {}
    for number, page in enumerate(pages(client, projects, states, limit, tags)):
        jobs += page.jobs
        if number == 0:
            counts = page.counts
            for notice in page.notices:
                print(screen.paint(f"! {harmless(notice)}", "yellow"))
            for words, command in stops(page.queues, datetime.now(UTC)):
                print(screen.paint(f"! {words}; `{command}`", "yellow"))
    print("Task Summary:")
    print(f"  {render.summary(counts)}")
    total = sum(count for state, count in counts.items() if not states or state in states)
    if jobs:
        print()
        print("\n".join(jobs_table(jobs, datetime.now(UTC), screen)))
    if screen.width is not None or states == [JobState.WAITING]:
        asked = [f"  {job.id}  {harmless(one_line(job.reason or ''))}" for job in jobs if job.question is not None]
        print("\n".join(["\nAnswer with `luzia answer ID …`:", *asked] if asked else []), end="\n" if asked else "")
    if not jobs:
        empty = 'No jobs yet. The first one: luzia . "what is to be done"'
        print("\nNo job matches." if projects or states or tags else f"\n{empty}")
    if len(jobs) < total and not tags:  # how many jobs have a tag, nobody counts
        hint = f"… {total - len(jobs)} more; to see them add --all or a larger --limit"
        if screen.width is None:
            print(hint, file=sys.stderr)  # programs that read the table need not step over it
        else:
            print(screen.paint(hint, "dim"))
    return exit_codes.OK


def pages(
    client: Client,
    projects: Sequence[str],
    states: Sequence[JobState],
    limit: int | None,
    tags: Mapping[str, str],
) -> Iterator[Listed]:
    """The pages of a listing: at most `limit` jobs in all, newest first (None: all of them).

    With a limit and no states asked for, live jobs come before ended ones, so that none is crowded out.
    """
    if limit is None or states:
        yield from _pages(client, projects, states, limit, tags)
        return
    left = limit
    for group in (render.LIVE_STATES, render.ENDED_STATES):
        if left > 0:
            for page in _pages(client, projects, group, left, tags):
                left -= len(page.jobs)
                yield page


def _pages(
    client: Client,
    projects: Sequence[str],
    states: Sequence[JobState],
    limit: int | None,
    tags: Mapping[str, str],
) -> Iterator[Listed]:
    left = sys.maxsize if limit is None else limit
    cursor: int | None = None
    while left > 0:
        page = client.list(projects=projects, states=states, limit=min(left, MAX_PAGE), cursor=cursor, tags=tags)
        yield page
        left -= len(page.jobs)
        cursor = page.next
        if cursor is None:
            return


def _print_json(jobs: Sequence[Job]) -> None:
    for job in jobs:
        print(msgspec.json.encode(job).decode())
