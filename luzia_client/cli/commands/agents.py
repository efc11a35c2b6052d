"""List the agents, in the order in which an unnamed one is chosen; or read what one of them has printed."""

from __future__ import annotations

import argparse
import subprocess

from luzia_protocol.replies import Agent

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.transport import autostart

EXAMPLES = (
    ("luzia agents", "which there are, and which are installed"),
    ("luzia agents read claude --stdout output.jsonl", "what luzia makes of an output"),
)

READ = """\
Read a recorded output of an agent as luzia reads it, and say what was understood and how the attempt would be
judged. No daemon is needed. The exit status is 0 whatever the verdict.

  luzia logs ID > out
  luzia agents read claude --stdout out --exit 0"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.usage = (
        "luzia agents [--json]\n"
        "       luzia agents read AGENT --stdout FILE [--stderr FILE] [--exit N | --signal NAME] [--json]"
    )
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="luzia agents")
    read = actions.add_parser("read", help="read a recorded output without a daemon", description=READ)
    read.add_argument("agent", metavar="AGENT", help="whose output it is: built in, or from the configuration")
    read.add_argument("--stdout", required=True, metavar="FILE", help="what it printed; - is stdin")
    read.add_argument("--stderr", metavar="FILE", help="what it printed on stderr; - is stdin")
    ended = read.add_mutually_exclusive_group()
    ended.add_argument("--exit", metavar="N", help="its exit code (default: 0)")
    ended.add_argument("--signal", metavar="NAME", help="the signal that killed it, such as TERM")
    # Not a default of False, which would undo a --json before the action.
    read.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    return _read(args) if args.action == "read" else _list(args)


def _list(args: argparse.Namespace) -> int:
    with Client() as client:
        agents = client.list_agents().agents
    if args.json:
        for agent in agents:
            print_json(agent)
        return exit_codes.OK
    rows = [
        (
            f"{agent.name} (default)" if agent.default else agent.name,
            agent.source,
            "broken" if agent.problem else "yes" if agent.installed else "no",
            agent.version or "-",
            _program(agent),
        )
        for agent in agents
    ]
    print_columns(("AGENT", "SOURCE", "INSTALLED", "VERSION", "PROGRAM, OR HOW TO GET IT"), rows, stdout_screen())
    return exit_codes.OK


def _program(agent: Agent) -> str:
    """Where it is, how to get it, or what is wrong with it."""
    if not agent.installed:
        return agent.install_hint
    path = agent.path or "-"
    return f"{path} does not start: {agent.problem}" if agent.problem else path


def _read(args: argparse.Namespace) -> int:
    """Let luziad's adapters read it, in a process of their own; its output and exit status are passed through."""
    given = [(name, getattr(args, name)) for name in ("stdout", "stderr", "exit", "signal")]
    options = [f"--{name}={value}" for name, value in given if value is not None]
    json = ["--json"] if args.json else []
    command = [*autostart.daemon_command(), "--read-agent", *options, *json, "--", args.agent]
    status = subprocess.run(command, check=False).returncode
    return status if status >= 0 else 128 - status
