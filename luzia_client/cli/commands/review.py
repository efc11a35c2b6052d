"""Review finished work in a full-screen view: see what each job did, and accept it, send it back or discard it.

Each decision takes a single key; press ? to list the keys. Without a terminal, the jobs that are waiting for a
decision are printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

import msgspec

from luzia_protocol.jobs import JobState

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json, add_project_filter
from luzia_client.cli.show.activity import format_cost
from luzia_client.cli.show.formatting import format_state, format_time
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import one_line
from luzia_client.review.finished import ChangedFile, FinishedWork, iter_finished
from luzia_client.review.verification import Verification
from luzia_client.trees import worktree_of

EXAMPLES = (
    ("luzia review", "review all finished work, oldest first"),
    ("luzia review --project overbits", "review the finished work of a project"),
    ("luzia review --json", "print the jobs that wait for a decision"),
)

TITLES = ("ID", "PROJECT", "STATE", "ENDED", "COST", "CHANGES", "TASK")


class WaitingJob(msgspec.Struct, frozen=True):
    """The output of `--json`. verification: how the newest one has ended. problem: why the work cannot be read."""

    job: str
    project: str
    agent: str
    state: JobState
    ended_at: datetime | None
    cost_usd: float | None
    branch: str
    onto: str | None
    files: list[ChangedFile]
    conflicts: list[str]
    verification: Verification | None
    problem: str
    task: str
    summary: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", nargs="?", metavar="ID", help="the job to show first")
    parser.add_argument("--by-project", action="store_true", help="order the jobs by project (default: oldest first)")
    list_help = "print the jobs that wait for a decision (the default without a terminal)"
    parser.add_argument("--list", action="store_true", help=list_help)
    add_project_filter(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if args.json or args.list or not has_terminal:
        if args.job is not None:
            with Client() as client:
                job = client.get_job(args.job).id
            needs = "an ID cannot be combined with --list or --json" if has_terminal else "a review needs a terminal"
            raise UsageError(needs, f"`luzia jobs {job}` shows the job, and `luzia diff {job}` its changes.")
        return _print_waiting(args.project, args.by_project, args.json)
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        raise UsageError(
            "luzia review needs a terminal that can move the cursor; check TERM", "`luzia review --list` needs none."
        )
    from luzia_client.tui.review.app import run_review
    from luzia_client.tui.review.waiting import Order

    first = None
    if args.job is not None:
        with Client() as client:
            first = client.get_job(args.job).id
    return run_review(args.project, Order.PROJECT if args.by_project else Order.OLDEST, first)


def _print_waiting(projects: list[str], by_project: bool, as_json: bool) -> int:
    """Print the jobs that wait for a decision."""
    with Client() as client:
        works = iter_finished(client, projects=projects, by_project=by_project)
        if as_json:
            for work in works:
                print_json(_describe(work))
            return exit_codes.OK
        now = datetime.now(UTC)
        rows = [_row(work, now) for work in works]
    if rows:
        print_columns(TITLES, rows, stdout_screen())
    else:
        print("No finished work waits for a decision.")
    return exit_codes.OK


def _describe(work: FinishedWork) -> WaitingJob:
    job = work.job
    tree = worktree_of(job)
    return WaitingJob(
        job=job.id,
        project=job.project,
        agent=job.agent,
        state=job.state,
        ended_at=job.ended_at,
        cost_usd=work.cost_usd,
        branch=tree.branch,
        onto=tree.onto,
        files=work.files,
        conflicts=work.conflicts,
        verification=work.verification,
        problem=work.problem,
        task=job.task,
        summary=work.summary,
    )


def _row(work: FinishedWork, now: datetime) -> list[str]:
    job = work.job
    changes = f"{len(work.files)} +{work.insertions:,} −{work.deletions:,}"
    notes = ["conflicts"] if work.conflicts else []
    if work.verification is not None:
        notes.append(f"verify {work.verification.result}")
    return [
        job.id,
        job.project,
        format_state(job.state),
        "" if job.ended_at is None else format_time(job.ended_at, now),
        "" if job.activity is None else format_cost(job.activity),
        one_line(work.problem) if work.problem else ", ".join([changes, *notes]),
        one_line(job.task, 1000),
    ]
