"""Show what a job changed in its git worktree: commits, uncommitted changes and new files.

On a terminal, git uses your colours and your pager. With --hunks, only what is not merged yet is shown, with the number
of each hunk for `luzia merge --hunk`.
"""

from __future__ import annotations

import argparse
import signal
import sys

import msgspec

from luzia_protocol.jobs import Worktree

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.show.hunks import format_changes
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.screen import detect_screen
from luzia_client.trees import WorktreeError, diff, worktree_of
from luzia_client.trees.changes import read_changes
from luzia_client.trees.git import as_text

EXAMPLES = (
    ("luzia diff a2f5", "show all changes"),
    ("luzia diff --stat @last", "show the changed files and the sizes of their changes"),
    ("luzia diff --hunks a2f5", "show what is not merged yet, with the number of each hunk"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    parser.add_argument("--stat", action="store_true", help="show the changed files and the number of changed lines")
    parser.add_argument(
        "--hunks", action="store_true", help="show what is not merged yet, with the number of each hunk"
    )
    parser.add_argument(
        "--tool", action="store_true", help="open the changed files in your diff tool, as git difftool does"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    chosen = [name for name in ("stat", "hunks", "tool") if getattr(args, name)]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} cannot be combined with --{chosen[1]}")
    if args.tool and args.json:
        raise UsageError("--json cannot be combined with --tool")
    with Client() as client:
        job = client.get_job(args.job)
    tree = worktree_of(job)
    if args.hunks:
        return _show_hunks(job.id, tree, as_json=args.json)
    if args.json:
        for path, added, deleted in diff.changed_files(tree):
            print_json({"job": job.id, "path": as_text(path), "added": added, "deleted": deleted})
        return exit_codes.OK
    code = diff.open_difftool(tree) if args.tool else diff.print_diff(tree, stat=args.stat)
    if code in (-signal.SIGPIPE, 128 + signal.SIGPIPE):
        return exit_codes.BROKEN_PIPE
    if code:
        raise WorktreeError(f"git diff failed with exit status {code}")
    return exit_codes.OK


def _show_hunks(job: str, tree: Worktree, *, as_json: bool) -> int:
    files = read_changes(tree).files
    if as_json:
        for file in files:
            names = {"path": as_text(file.path), "old_path": file.old_path and as_text(file.old_path)}
            print_json({"job": job, **msgspec.to_builtins(file), **names})
    else:
        for line in format_changes(files, detect_screen(sys.stdout)):
            print(line)
    return exit_codes.OK
