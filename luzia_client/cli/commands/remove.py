"""Delete finished jobs: their records and their directories, with all output.

A job's worktree is removed too; a job whose worktree holds unmerged work is not removed (see `luzia discard`).
"""

from __future__ import annotations

import argparse

from luzia_protocol.replies import RemoveResult
from luzia_protocol.requests import Remove
from luzia_protocol.states import FINAL_STATES

from luzia_client.api.client import Client
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, select_ids
from luzia_client.cli.show.output import change_each

EXAMPLES = (
    ("luzia remove a2f5", "delete a job and its output"),
    ("luzia remove --state failed", "delete all failed jobs"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_selection(parser, "remove")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        jobs = select_ids(client, args, "remove", FINAL_STATES)
        return change_each(client, (Remove(job=job) for job in jobs), args.json, "removed", RemoveResult)
