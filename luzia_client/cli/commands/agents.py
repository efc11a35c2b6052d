"""List the agents in the order in which luzia chooses a default, or interpret the recorded output of one."""

from __future__ import annotations

import argparse
import subprocess

from luzia_protocol.replies import Agent

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_action, add_inner_json, add_json
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless, wrap
from luzia_client.transport import autostart

EXAMPLES = (
    ("luzia agents", "list agents and their versions"),
    ("luzia agents read claude --stdout output.jsonl", "interpret recorded output"),
)

READ = """\
Interpret the recorded output of an agent as the daemon does, and show what was parsed and the outcome of the attempt.
This needs no daemon. The exit status is 0 whatever the outcome.

  luzia logs ID > out
  luzia agents read claude --stdout out --exit 0"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "luzia agents [list] [--json]\n       luzia agents read AGENT --stdout FILE [options]"
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="luzia agents")
    add_action(actions, "list", "list the agents (the default action)")
    read = actions.add_parser("read", help="interpret recorded output, without a daemon", description=READ)
    read.add_argument("agent", metavar="AGENT", help="the agent, built in or from the configuration")
    read.add_argument("--stdout", required=True, metavar="FILE", help="its standard output; - reads stdin")
    read.add_argument("--stderr", metavar="FILE", help="its standard error; - reads stdin")
    ended = read.add_mutually_exclusive_group()
    ended.add_argument("--exit", metavar="N", help="its exit status (default: 0)")
    ended.add_argument("--signal", metavar="NAME", help="the signal that killed it, such as TERM")
    add_inner_json(read, "print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    return _read(args) if args.action == "read" else _list(args)


def _list(args: argparse.Namespace) -> int:
    with Client() as client:
        found = client.list_agents()
    if args.json:
        for agent in found.agents:
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
        for agent in found.agents
    ]
    screen = stdout_screen()
    print_columns(("AGENT", "SOURCE", "INSTALLED", "VERSION", "PROGRAM, OR HOW TO INSTALL IT"), rows, screen)
    if found.search_path:
        path = harmless(found.search_path)
        print("\nThe programs were looked up on the PATH of this shell:")
        print(
            "\n".join(f"  {line}" for line in ([path] if screen.width is None else wrap(path, screen.width - 2, ":")))
        )
    return exit_codes.OK


def _program(agent: Agent) -> str:
    """The path of an agent, how to install it, or its problem."""
    if not agent.installed:
        return agent.install_hint
    path = agent.path or "-"
    return f"{path} does not start: {agent.problem}" if agent.problem else path


def _read(args: argparse.Namespace) -> int:
    """Run the adapters of luziad in another process, and pass on its output and exit status."""
    values = [(name, getattr(args, name)) for name in ("stdout", "stderr", "exit", "signal")]
    options = [f"--{name}={value}" for name, value in values if value is not None]
    json = ["--json"] if args.json else []
    command = [*autostart.daemon_command(), "--read-agent", *options, *json, "--", args.agent]
    status = subprocess.run(command, check=False).returncode
    return status if status >= 0 else 128 - status
