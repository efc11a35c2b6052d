"""Merge a job's branch into the branch that was checked out in the project when the job started.

If the project has a `verify` command, it is first run on the merged files, as a job. If it fails, on a conflict, or if
git would overwrite changes, nothing is changed.

With `luzia --host`, the branch is fetched from that host and merged into the branch that is checked out in the current
directory.
"""

from __future__ import annotations

import argparse
import os
import sys

import msgspec

from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import format_quantity, harmless
from luzia_client.review.far_merge import merge_from_host
from luzia_client.review.verified_merge import merge_verified
from luzia_client.trees import worktree_of
from luzia_client.trees.merge import merge_branch, prepare_branch

EXAMPLES = (
    ("luzia merge a2f5", "merge the commits of a job"),
    ('luzia merge a2f5 --commit -m "Fix the login"', "commit its changes first"),
)


class PrepareResult(msgspec.Struct, frozen=True):
    """The output of `--prepare --json`."""

    job: str
    branch: str
    commit: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    parser.add_argument("--commit", action="store_true", help="first commit all changes in the worktree")
    parser.add_argument(
        "-m", "--message", metavar="TEXT", help="the message of that commit (default: the first line of the task)"
    )
    parser.add_argument("--no-verify", action="store_true", help="merge without the project's `verify` command")
    parser.add_argument(
        "--prepare", action="store_true", help="only make the branch ready to be merged elsewhere, with --commit"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        job = client.get_job(args.job)
        tree = worktree_of(job)
        if job.attached is not None:
            raise Refused(ErrorCode.JOB_ATTACHED, f"job {job.id} is attached: {job.reason}")
        if not job.state.is_final:
            raise Refused(ErrorCode.JOB_NOT_FINAL, f"job {job.id} has not ended: it is {job.state}")
        if args.prepare:
            commit = prepare_branch(job, tree, commit=args.commit, message=args.message)
            result = PrepareResult(job.id, tree.branch, commit)
            print_json(result) if args.json else print(harmless(f"{tree.branch} is at {commit[:12]}"))
            return exit_codes.OK
        if host := os.environ.get("LUZIA_HOST"):
            options = {"commit": args.commit, "message": args.message, "verify": not args.no_verify}
            merged = merge_from_host(client, job, tree, host, os.getcwd(), started=_tell_verification, **options)
        elif args.no_verify:
            merged = merge_branch(job, tree, commit=args.commit, message=args.message)
        else:
            merged = merge_verified(
                client, job, tree, commit=args.commit, message=args.message, started=_tell_verification
            )
    if args.json:
        print_json(merged)
    elif merged.commits:
        what = format_quantity(merged.commits, "commit")
        print(harmless(f"Merged {merged.branch} into {merged.onto}: {what}, now at {merged.commit[:12]}"))
    else:
        print(harmless(f"{merged.onto} already contains {merged.branch}"))
    return exit_codes.OK


def _tell_verification(job: str, command: str) -> None:
    print(harmless(f"Running `{command}` on the merged files: `luzia logs -f {job}`"), file=sys.stderr)
