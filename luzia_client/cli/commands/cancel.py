"""Cancel jobs. Their entire process trees are sent SIGTERM and, after a grace period, SIGKILL."""

from __future__ import annotations

import argparse

from luzia_protocol.requests import Cancel
from luzia_protocol.states import LIVE_STATES

from luzia_client.api.client import Client
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, select_ids
from luzia_client.cli.show.output import change_each

EXAMPLES = (
    ("luzia cancel a2f5", "cancel a job and terminate its processes"),
    ("luzia cancel --project overbits --yes", "cancel the jobs of a project without confirmation"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_selection(parser, "cancel")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        jobs = reversed(select_ids(client, args, "cancel", LIVE_STATES))  # none ends by the end of another one of them
        return change_each(client, (Cancel(job=job) for job in jobs), args.json, "cancelled")
