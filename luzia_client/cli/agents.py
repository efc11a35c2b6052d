"""List the agents, in the order in which an unnamed one is chosen."""

from __future__ import annotations

import argparse

from luzia_client import exit_codes
from luzia_client.cli.output import print_columns, print_json
from luzia_client.cli.parser import add_json
from luzia_client.cli.screen import stdout_screen
from luzia_client.client import Client


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        agents = client.agents().agents
    if args.json:
        for agent in agents:
            print_json(agent)
        return exit_codes.OK
    rows = [
        (
            f"{agent.name} (default)" if agent.default else agent.name,
            agent.source,
            "yes" if agent.installed else "no",
            (agent.path or "-") if agent.installed else agent.install_hint,
        )
        for agent in agents
    ]
    print_columns(("AGENT", "SOURCE", "INSTALLED", "PROGRAM, OR HOW TO GET IT"), rows, stdout_screen())
    return exit_codes.OK
