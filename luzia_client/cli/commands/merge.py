"""Merge a job's branch into the branch that was checked out in the project when the job started,
or into the branch that was named with --base.

If the project has a `verify` command, it is first run on the merged files, as a job. If the command
fails, if there is a conflict, or if git would overwrite changes, nothing is merged. With --file or --hunk, only the
selected changes are merged, as one commit; the rest stays in the job's worktree and on its branch, and can be merged
later. After a race, you are asked whether to discard the work of the other racers.

With `luzia --host`, the branch is fetched from that host and merged into the branch that is checked out in the current
directory.
"""

from __future__ import annotations

import argparse
import os
import sys

import msgspec

from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.hunk_selection import parse_selection
from luzia_client.cli.args.parser import ID_HELP, add_json
from luzia_client.cli.args.selection import confirm, format_ids
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import format_quantity, harmless
from luzia_client.hosts.job_ids import id_here
from luzia_client.hosts.settings import LOCAL
from luzia_client.review.acceptance import record_acceptance
from luzia_client.review.far_merge import merge_from_host
from luzia_client.review.pull_request import open_pull_request
from luzia_client.review.races import discard_rivals, find_rivals
from luzia_client.review.verified_merge import merge_verified, require_finished
from luzia_client.trees import worktree_of
from luzia_client.trees.branches import prepare_branch
from luzia_client.trees.merge import MergeResult, merge_branch

EXAMPLES = (
    ("luzia merge a2f5", "merge the commits of a job"),
    ('luzia merge a2f5 --commit -m "Fix the login"', "commit its changes first"),
    (
        "luzia merge a2f5 --file src --hunk README.md:1,3",
        "merge some of the changes, numbered as in `luzia diff --hunks a2f5`",
    ),
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
        "-m",
        "--message",
        metavar="TEXT",
        help="the message of the commit that --commit, --file or --hunk creates, and the title of a pull request "
        "(default: the first line of the task)",
    )
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="PATH",
        help="merge only the changes to this file, or to the files in this directory (repeatable)",
    )
    parser.add_argument(
        "--hunk",
        action="append",
        default=[],
        metavar="PATH:N[,N...]",
        help="merge only these hunks of a file, numbered as in `luzia diff --hunks` (repeatable)",
    )
    parser.add_argument(
        "--pull-request",
        action="store_true",
        help="push the branch and open a pull request with gh or glab, instead of merging it here",
    )
    parser.add_argument("--no-verify", action="store_true", help="merge without the project's `verify` command")
    parser.add_argument(
        "-y", "--yes", action="store_true", help="after a race, discard the work of the other racers without asking"
    )
    parser.add_argument(
        "--prepare",
        action="store_true",
        help="merge nothing; only check the branch, after committing changes if --commit is given, and print its last "
        "commit",
    )
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
        if args.prepare:
            commit = prepare_branch(job, tree, commit=args.commit, message=args.message)
            result = PrepareResult(job.id, tree.branch, commit)
            print_json(result) if args.json else print(harmless(f"{tree.branch} is at {commit[:12]}"))
            return exit_codes.OK
        if host := os.environ.get("LUZIA_HOST"):
            if selection is not None:
                hint = f"Merge all of it, or log in there and run luzia merge {job.id} with these options."
                raise UsageError(f"--file and --hunk do not apply to the jobs of another host, {host}", hint)
            options = {"commit": args.commit, "message": args.message, "verify": not args.no_verify}
            merged = merge_from_host(client, job, tree, host, os.getcwd(), started=_tell_verification, **options)
        elif args.no_verify:
            merged = merge_branch(job, tree, commit=args.commit, message=args.message, selection=selection)
            record_acceptance(client, job, merged)
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
        _print_merged(merged, as_json=args.json)
        return exit_codes.OK if merged.files_left else _decide_race(client, job, yes=args.yes)


def _decide_race(client: Client, job: Job, *, yes: bool) -> int:
    """Offer to discard the work of the other racers, and do so if the user agrees; returns the exit status."""
    rivals = find_rivals(client, job)
    if not rivals:
        return exit_codes.OK
    running = sum(not each.state.is_final for each in rivals)
    end = f"cancel {format_quantity(running, 'job')} and " if running else ""
    names = [each.id for each in rivals]
    try:
        confirm(f"{end}discard the work of the other racers, {format_ids(names)}", yes)
    except UsageError:  # the merge is done; what the others did stays
        print(
            f"The work of the other racers is kept. Discard it with: luzia discard {' '.join(names)}", file=sys.stderr
        )
        return exit_codes.OK
    status = exit_codes.OK
    for rival, refused in discard_rivals(client, rivals):
        if refused is not None:
            status = print_refusal(refused)
        else:
            print(f"{rival.id}  discarded; `luzia restore-work {rival.id}` restores it", file=sys.stderr)
    return status


def _print_merged(merged: MergeResult, *, as_json: bool) -> None:
    if as_json:
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
    name = id_here(os.environ.get("LUZIA_HOST") or LOCAL, job)
    print(harmless(f"Running `{command}` on the merged files: `luzia logs -f {name}`"), file=sys.stderr)
