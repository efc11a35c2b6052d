"""Decide about finished work on a full screen: see what each job did, and accept it, send it back or discard it.

Keys decide about the jobs; press ? to list them. Without a terminal, the jobs that wait for a decision are printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

import msgspec

from luzia_protocol.jobs import Job, JobState
from luzia_protocol.states import FINAL_STATES

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json, add_project_filter
from luzia_client.cli.show.activity import format_cost
from luzia_client.cli.show.formatting import format_state, format_time
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import one_line
from luzia_client.trees import WorktreeError
from luzia_client.trees.diff import changed_files

EXAMPLES = (
    ("luzia review", "decide about all finished work, oldest first"),
    ("luzia review --project overbits", "decide about that of a project"),
    ("luzia review a2f5", "begin with a job"),
    ("luzia review --json", "print the jobs that wait for a decision"),
)

TITLES = ("ID", "PROJECT", "STATE", "ENDED", "COST", "CHANGES", "TASK")


class WaitingJob(msgspec.Struct, frozen=True):
    """The output of `--json`. files, added, deleted: None if the worktree cannot be read, or for binary files."""

    job: str
    project: str
    agent: str
    state: JobState
    ended_at: datetime | None
    cost_usd: float | None
    branch: str
    onto: str | None
    files: int | None
    added: int | None
    deleted: int | None
    task: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", nargs="?", metavar="ID", help="the job to begin with")
    parser.add_argument("--by-project", action="store_true", help="order the jobs by project (default: oldest first)")
    parser.add_argument("--list", action="store_true", help="print the jobs that wait (the default without a terminal)")
    add_project_filter(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if args.json or args.list or not has_terminal:
        if args.job is not None:
            raise UsageError("a list has no job to begin with", f"See it with `luzia diff {args.job}`.")
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
    from luzia_client.tui.review.engine import waits
    from luzia_client.tui.review.waiting import Order, turn

    order = Order.PROJECT if by_project else Order.OLDEST
    with Client() as client:
        jobs = sorted(
            (job for job in client.iter_jobs(projects, FINAL_STATES) if waits(job)), key=lambda job: turn(job, order)
        )
    found = [_describe(job) for job in jobs]
    if as_json:
        for each in found:
            print_json(each)
    elif found:
        now = datetime.now(UTC)
        print_columns(TITLES, [_row(each, job, now) for each, job in zip(found, jobs, strict=True)], stdout_screen())
    else:
        print("No finished work waits for a decision.")
    return exit_codes.OK


def _describe(job: Job) -> WaitingJob:
    tree = job.worktree
    assert tree is not None
    try:
        files = changed_files(tree)
    except WorktreeError:
        files = None
    return WaitingJob(
        job=job.id,
        project=job.project,
        agent=job.agent,
        state=job.state,
        ended_at=job.ended_at,
        cost_usd=None if job.activity is None else job.activity.cost_usd,
        branch=tree.branch,
        onto=tree.onto,
        files=None if files is None else len(files),
        added=None if files is None else sum(added or 0 for _, added, _ in files),
        deleted=None if files is None else sum(deleted or 0 for _, _, deleted in files),
        task=job.task,
    )


def _row(found: WaitingJob, job: Job, now: datetime) -> list[str]:
    changes = "unreadable" if found.files is None else f"{found.files} +{found.added} −{found.deleted}"
    return [
        found.job,
        found.project,
        format_state(found.state),
        "" if found.ended_at is None else format_time(found.ended_at, now),
        "" if job.activity is None else format_cost(job.activity),
        changes,
        one_line(found.task, 1000),
    ]
