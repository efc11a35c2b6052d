"""Show jobs whose work changes the same files, and whether git can merge both. Nothing is changed.

The worktrees of running and finished jobs are compared in their current state, including uncommitted changes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from luzia_protocol.jobs import Job
from luzia_protocol.requests import MAX_PAGE

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.collisions import list_files
from luzia_client.cli.show.formatting import format_state
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import harmless
from luzia_client.trees.overlap import find_collisions

EXAMPLES = (
    ("luzia collisions", "compare the work of all jobs"),
    ("luzia collisions overbits --json", "print the collisions of a project as JSON"),
)
_CLEANLY = "change the same files without a conflict"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("projects", nargs="*", metavar="PROJECT", help="only jobs of these projects")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        jobs = list(jobs_with_work(client, args.projects))
    found = find_collisions(jobs)
    if args.json:
        print_json(found)
        return exit_codes.OK
    states = {job.id: format_state(job.state) for job in jobs}
    for each in found.collisions:
        first, second = (f"{job} ({states[job]})" for job in each.jobs)
        how, names = ("conflict", each.conflicts) if each.conflicts else (_CLEANLY, each.files)
        print(harmless(f"{first} and {second} {how}: {list_files(names, len(names))}"))
    if not found.collisions:
        print("No two jobs change the same file.")
    print_gaps(found.unreadable, found.left_out)
    return exit_codes.OK


def jobs_with_work(client: Client, projects: Sequence[str]) -> Iterator[Job]:
    """The jobs that have a worktree, newest first."""
    cursor: int | None = None
    while True:
        page = client.list_jobs(projects, limit=MAX_PAGE, cursor=cursor)
        yield from (job for job in page.jobs if job.worktree is not None)
        cursor = page.next
        if cursor is None:
            return


def print_gaps(unreadable: dict[str, str], left_out: Sequence[str]) -> None:
    """Say on stderr which jobs were not compared."""
    for job, why in unreadable.items():
        print(harmless(f"{job} was not compared: {why}"), file=sys.stderr)
    if left_out:
        print(f"{len(left_out)} older jobs were not compared.", file=sys.stderr)
