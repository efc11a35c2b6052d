"""Set up luzia on this machine.

It finds the installed agents and your git repositories, asks three questions, and writes a configuration file with
comments. Then it offers to install shell completion, to set up the systemd service, and to keep jobs running after you
log out. Each step is shown before it is done, and can be skipped.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime

from luzia_protocol import environment
from luzia_protocol.replies import Agent

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import ALIASES, COMMANDS
from luzia_client.cli.args.parser import command_parser, load_command
from luzia_client.cli.configuration import file
from luzia_client.cli.setup import steps
from luzia_client.cli.setup.dialogue import Dialogue, parse_numbers
from luzia_client.cli.setup.repositories import Repository, find_repositories
from luzia_client.cli.show.formatting import format_relative
from luzia_client.cli.show.text import cut, harmless, width
from luzia_client.transport.endpoint import DaemonUnreachableError

EXAMPLES = (
    ("luzia init", "set up luzia step by step"),
    ("luzia init --yes", "accept all suggestions"),
)

MAX_SHOWN = 10
"""How many repositories are offered, the most recently used first."""
SHELL = "shell"
"""The agent that is always there; it is no coding agent."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("-y", "--yes", action="store_true", help="accept all suggestions without asking")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    dialogue = Dialogue(args.yes)
    config_file = environment.config_file()
    if mistakes := file.find_mistakes(config_file, file.read_text(config_file)):
        raise file.invalid(mistakes, "Correct it with `luzia config edit`, then run `luzia init` again.")
    tables = tomllib.loads(file.read_text(config_file))
    print("luzia runs coding agents in the background.\nEnter accepts the suggestion in brackets.\n")
    agent = _ask_agent(dialogue, tables.get("daemon", {}).get("default_agent"))
    projects = _ask_projects(dialogue, tables.get("projects", {}))
    choices = steps.Choices(agent, projects, _ask_worktree(dialogue) if projects else False)
    if steps.write_config(dialogue, choices):
        _reload()
    steps.install_completion(dialogue)
    steps.install_daemon(dialogue, _stop_daemon)
    project = next((each.name for each in projects), next(iter(tables.get("projects", {})), "."))
    install = "" if agent else "\n  luzia agents"
    print(f'\nNext:{install}\n  luzia {project} "fix the tests"\n  luzia jobs\n  luzia doctor')
    return exit_codes.OK


def _ask_agent(dialogue: Dialogue, configured: str | None) -> str | None:
    with Client() as client:
        agents = [agent for agent in client.list_agents().agents if agent.name != SHELL]
    installed = [agent for agent in agents if agent.installed]
    if not installed:
        print("Agents: none is installed. Install one, for example:")
        for agent in agents[:3]:
            print(f"  {agent.name:<10} {harmless(agent.install_hint)}")
        print("1. Which agent runs tasks? Skipped; luzia uses the first one that you install.")
        return None
    print("Agents:")
    for agent in installed:
        print(f"  {agent.name:<10} {harmless(_describe(agent))}")
    names = [agent.name for agent in installed]
    suggested = configured if configured in names else names[0]

    def parse(answer: str) -> str:
        if answer not in names:
            raise ValueError(f"'{answer}' is not installed; choose one of {', '.join(names)}")
        return answer

    return dialogue.ask("1. Which agent runs tasks that name none?", suggested, parse)


def _describe(agent: Agent) -> str:
    return " ".join(word for word in (agent.version, agent.path, agent.problem and f"({agent.problem})") if word)


def _ask_projects(dialogue: Dialogue, configured: dict[str, dict[str, str]]) -> Sequence[Repository]:
    home = os.path.expanduser("~")
    known = {os.path.realpath(os.path.expanduser(table["path"])) for table in configured.values()}
    found = [each for each in find_repositories(home, configured) if os.path.realpath(each.path) not in known]
    print("\nGit repositories in your home directory:")
    if not found:
        print("  none that is not a project already")
        print("2. Which of them become projects? Skipped; `luzia projects add NAME PATH` adds one.")
        return []
    shown, now = found[:MAX_SHOWN], datetime.now(UTC)
    widest = min(max(width(each.name) for each in shown), 30)
    for number, each in enumerate(shown, 1):
        when = format_relative(datetime.fromtimestamp(each.changed_at, UTC), now)
        path = harmless(each.path.replace(home, "~", 1))
        base = os.path.basename(each.path)
        note = f"  (`luzia {base}` is a command)" if base in COMMANDS or base in ALIASES else ""
        print(f"  {number:>2}  {cut(each.name, widest):<{widest}}  {when:>10}  {path}{note}")
    if len(found) > len(shown):
        print(f"      … {len(found) - len(shown)} more; add them with `luzia projects add NAME PATH`")
    chosen = dialogue.ask(
        "2. Which of them become projects? Numbers such as 1,3-5, or all, or none:",
        "all",
        lambda answer: parse_numbers(answer, len(shown)),
    )
    return [shown[number - 1] for number in chosen]


def _ask_worktree(dialogue: Dialogue) -> bool:
    print("\nIn a git worktree of its own, a job does not touch your files, and you review")
    print("its changes before you merge them.")
    return dialogue.agrees("3. Does each job work in a worktree?")


def _reload() -> None:
    with Client(autostart=False) as client, contextlib.suppress(DaemonUnreachableError):
        client.reload_config()  # one that is not running reads the file when it starts


def _stop_daemon() -> None:
    daemon = load_command("daemon")
    daemon.run(command_parser("daemon", daemon).parse_args(["stop"]))
