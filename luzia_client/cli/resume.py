"""Let paused jobs run on."""

from __future__ import annotations

import argparse

from luzia_protocol.jobs import JobState

from luzia_client.cli.output import for_each
from luzia_client.cli.parser import add_json
from luzia_client.cli.selection import add_selection, selected
from luzia_client.client import Client

EXAMPLES = (
    ("luzia resume a2f5", "let it run on"),
    ("luzia resume --all", "all that are paused"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_selection(parser, "resume")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        jobs = selected(client, args, "resume", [JobState.PAUSED])
        return for_each(jobs, client.resume, args.json)
