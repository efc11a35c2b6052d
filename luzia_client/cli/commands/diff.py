"""Show what a job changed in its git worktree: commits, uncommitted changes and new files.

On a terminal, git uses your colours and your pager.
"""

from __future__ import annotations

import argparse
import signal

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.output import print_json
from luzia_client.trees import WorktreeError, diff, worktree_of

EXAMPLES = (
    ("luzia diff a2f5", "show all changes"),
    ("luzia diff --stat @last", "show the changed files and the sizes of their changes"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    parser.add_argument("--stat", action="store_true", help="show the changed files and the number of changed lines")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        job = client.get_job(args.job)
    tree = worktree_of(job)
    if args.json:
        for path, added, deleted in diff.changed_files(tree):
            print_json({"job": job.id, "path": path, "added": added, "deleted": deleted})
        return exit_codes.OK
    code = diff.print_diff(tree, stat=args.stat)
    if code in (-signal.SIGPIPE, 128 + signal.SIGPIPE):
        return exit_codes.BROKEN_PIPE
    if code:
        raise WorktreeError(f"git diff failed with exit status {code}")
    return exit_codes.OK
