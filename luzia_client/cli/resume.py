"""Let paused jobs run on."""

from __future__ import annotations

import argparse

from luzia_client.cli.output import for_each
from luzia_client.cli.parser import add_ids, add_json
from luzia_client.client import Client


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_ids(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        return for_each(args.ids, client.resume, args.json)
