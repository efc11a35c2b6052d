"""Pause running jobs: nothing of them runs until `luzia resume`."""

from __future__ import annotations

import argparse

from luzia_protocol.jobs import JobState

from luzia_client.cli.output import for_each
from luzia_client.cli.parser import add_json
from luzia_client.cli.selection import add_selection, selected
from luzia_client.client import Client

EXAMPLES = (
    ("luzia pause a2f5", "hold it where it is"),
    ("luzia pause --all", "all that run"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_selection(parser, "pause")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        jobs = selected(client, args, "pause", [JobState.RUNNING])
        return for_each(jobs, client.pause, args.json)
