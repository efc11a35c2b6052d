"""Merge a job's branch into the branch that was checked out in the project when the job began.

It happens wholly or not at all: on a conflict, or where git would overwrite something, everything stays as it is.
"""

from __future__ import annotations

import argparse

from luzia_protocol.errors import ErrorCode, Refused

from luzia_client import trees
from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import harmless
from luzia_client.trees.merging import merge

EXAMPLES = (
    ("luzia merge a2f5", "take over what it has committed"),
    ('luzia merge a2f5 --commit -m "Fix the login"', "and first commit what is not"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("job", metavar="ID", help="the job")
    parser.add_argument("--commit", action="store_true", help="first commit what is uncommitted in the worktree")
    parser.add_argument("-m", "--message", metavar="TEXT", help="for that commit (default: the task's first line)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        job = client.get_job(args.job)
    tree = trees.of(job)
    if not job.state.is_final:
        raise Refused(ErrorCode.JOB_NOT_FINAL, f"job {job.id} is {job.state}")
    merged = merge(job, tree, commit=args.commit, message=args.message)
    if args.json:
        print_json(merged)
    elif merged.commits:
        what = "1 commit" if merged.commits == 1 else f"{merged.commits} commits"
        print(harmless(f"merged {merged.branch} into {merged.onto}: {what}, now at {merged.commit[:12]}"))
    else:
        print(harmless(f"{merged.onto} has everything of {merged.branch} already"))
    return exit_codes.OK
