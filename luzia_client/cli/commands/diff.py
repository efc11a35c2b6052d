"""Show what a job changed in its git worktree: committed, uncommitted and new files, since it began.

Git prints it, with your colours and your pager on a terminal.
"""

from __future__ import annotations

import argparse
import signal

from luzia_client import trees
from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.output import print_json
from luzia_client.trees import comparing
from luzia_client.trees.errors import TreeError

EXAMPLES = (
    ("luzia diff a2f5", "all that it has changed"),
    ("luzia diff --stat @last", "which files, and how much"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("job", metavar="ID", help="the job")
    parser.add_argument("--stat", action="store_true", help="the files and how much changed in each")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        job = client.get_job(args.job)
    tree = trees.of(job)
    if args.json:
        for path, added, deleted in comparing.files(tree):
            print_json({"job": job.id, "path": path, "added": added, "deleted": deleted})
        return exit_codes.OK
    code = comparing.show(tree, stat=args.stat)
    if code in (-signal.SIGPIPE, 128 + signal.SIGPIPE):
        return exit_codes.BROKEN_PIPE
    if code:
        raise TreeError(f"git diff ended with {code}")
    return exit_codes.OK
