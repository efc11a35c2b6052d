"""Remove the git worktrees and branches of finished jobs, if no work would be lost.

A worktree is kept while it has uncommitted changes, or commits that are on no other branch or tag. Without an ID and
without --all, the command only shows what it would remove.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import FINAL_STATES
from luzia_protocol.replies import CleanResult

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import harmless

EXAMPLES = (
    ("luzia clean", "show what would be removed"),
    ("luzia clean --all", "remove the worktrees of all finished jobs"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="remove the worktrees of these jobs")
    parser.add_argument("--all", action="store_true", help="remove the worktrees of all finished jobs")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be removed, and remove nothing")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if args.ids and args.all:
        raise UsageError("IDs cannot be combined with --all")
    dry_run = args.dry_run or not (args.ids or args.all)
    status, found = exit_codes.OK, False
    with Client() as client:
        for job in args.ids or _finished(client):
            found = True
            try:
                cleaned = client.clean_worktree(job, dry_run=dry_run)
            except Refused as exc:
                status = print_refusal(exc)
                continue
            if args.ids and not cleaned.removed:
                status = exit_codes.REFUSED
            if args.json:
                print_json(cleaned)
            else:
                print(harmless(_line(cleaned, dry_run)))
    if not found:
        print("luzia: no finished job has a worktree", file=sys.stderr)
    return status


def _finished(client: Client) -> Iterator[str]:
    """The finished jobs that have a worktree, newest first."""
    for job in client.iter_jobs(states=sorted(FINAL_STATES)):
        if job.worktree is not None:
            yield job.id


def _line(cleaned: CleanResult, dry_run: bool) -> str:
    if cleaned.removed:
        return f"{cleaned.job}  {'would be removed' if dry_run else 'removed'}: {cleaned.path}"
    return f"{cleaned.job}  kept: {cleaned.why} ({cleaned.path})"
