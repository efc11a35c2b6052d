"""End jobs: TERM, grace, KILL for the whole process tree of each."""

from __future__ import annotations

import argparse

from luzia_client.api.client import Client
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_selection, select_ids
from luzia_client.cli.show.formatting import LIVE_STATES
from luzia_client.cli.show.output import change_each

EXAMPLES = (
    ("luzia cancel a2f5", "end it with all its processes"),
    ("luzia cancel --project overbits --yes", "all of a project, without asking"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_selection(parser, "cancel")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        return change_each(select_ids(client, args, "cancel", LIVE_STATES), client.cancel, args.json)
