"""Merge a job's branch into the branch that was checked out in the project when the job started.

If the project has a `verify` command, it is first run on the merged files, as a job. If it fails, on a conflict, or if
git would overwrite changes, nothing is changed. With --file or --hunk, only these changes are merged, as one commit;
the others stay in the job's worktree and on its branch, and can be merged later.
"""

from __future__ import annotations

import argparse
import sys

from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.args.parts import parse_selection
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import format_quantity, harmless
from luzia_client.review.pull_request import open_pull_request
from luzia_client.review.verified_merge import merge_verified, require_finished
from luzia_client.trees import worktree_of
from luzia_client.trees.merge import merge_branch

EXAMPLES = (
    ("luzia merge a2f5", "merge the commits of a job"),
    ('luzia merge a2f5 --commit -m "Fix the login"', "commit its changes first"),
    ("luzia merge a2f5 --file src --hunk README.md:1,3", "merge a part, which `luzia diff --hunks a2f5` shows"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    parser.add_argument("--commit", action="store_true", help="first commit all changes in the worktree")
    parser.add_argument(
        "-m", "--message", metavar="TEXT", help="the message of that commit (default: the first line of the task)"
    )
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="PATH",
        help="merge only the changes of this file, or of the files in this directory; can be repeated",
    )
    parser.add_argument(
        "--hunk",
        action="append",
        default=[],
        metavar="PATH:N[,N...]",
        help="merge only these hunks of a file, by the numbers in `luzia diff --hunks`; can be repeated",
    )
    parser.add_argument(
        "--pull-request",
        action="store_true",
        help="push the branch and open a pull request with gh or glab, instead of merging it here",
    )
    parser.add_argument("--no-verify", action="store_true", help="merge without the project's `verify` command")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    selection = parse_selection(args.file, args.hunk)
    if args.pull_request and selection is not None:
        raise UsageError("--pull-request cannot be combined with --file and --hunk")
    with Client() as client:
        job = client.get_job(args.job)
        if args.pull_request:
            return _open_pull_request(client, job, args)
        tree = worktree_of(job)
        require_finished(job)
        if args.no_verify:
            merged = merge_branch(job, tree, commit=args.commit, message=args.message, selection=selection)
        else:
            merged = merge_verified(
                client,
                job,
                tree,
                commit=args.commit,
                message=args.message,
                selection=selection,
                started=_tell_verification,
            )
    if args.json:
        print_json(merged)
    elif merged.commits:
        part = "a part of " if merged.files_left else ""
        what = format_quantity(merged.commits, "commit")
        print(harmless(f"Merged {part}{merged.branch} into {merged.onto}: {what}, now at {merged.commit[:12]}"))
        if merged.files_left:
            left = format_quantity(merged.files_left, "changed file")
            print(harmless(f"{left} left: `luzia diff --hunks {merged.job}`"))
    else:
        print(harmless(f"{merged.onto} already contains {merged.branch}"))
    return exit_codes.OK


def _open_pull_request(client: Client, job: Job, args: argparse.Namespace) -> int:
    opened = open_pull_request(
        client,
        job,
        commit=args.commit,
        message=args.message,
        verify=not args.no_verify,
        started=_tell_verification,
    )
    if args.json:
        print_json(opened)
    else:
        print(harmless(f"Opened a pull request of {opened.branch} into {opened.onto}: {opened.url}".rstrip(": ")))
    return exit_codes.OK


def _tell_verification(job: str, command: str) -> None:
    print(harmless(f"Running `{command}` on the merged files: `luzia logs -f {job}`"), file=sys.stderr)
