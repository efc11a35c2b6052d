"""List the projects, or add one to and remove one from the configuration file."""

from __future__ import annotations

import argparse

from luzia_protocol.replies import ProjectList

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless

EXAMPLES = (
    ("luzia projects", "which there are"),
    ("luzia projects add overbits ~/src/overbits", "a name for a directory"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.usage = "luzia projects [--json] [list | add NAME PATH [--agent A] | remove PROJECT]"
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="luzia projects")
    _action(actions, "list", "show the projects (what it does without an action)")
    add = _action(actions, "add", "add a project, or say `luzia . TASK` and need none")
    add.add_argument("name", metavar="NAME", help="what to call it")
    add.add_argument("path", metavar="PATH", help="its directory")
    add.add_argument("--agent", metavar="A", help="the agent for its tasks")
    remove = _action(actions, "remove", "take a project out of the configuration; its jobs stay")
    remove.add_argument("name", metavar="PROJECT", help="which")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=text, description=text)
    # Not a default of False, which would undo a --json before the action.
    action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return action


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        if args.action == "add":
            projects = client.add_project(args.name, args.path, args.agent)
        elif args.action == "remove":
            projects = client.remove_project(args.name)
        else:
            projects = client.list_projects()
    if args.json:
        for project in projects.projects:
            print_json(project)
    elif args.action == "add":
        print(f"Added {args.name} to {projects.config_file}")
    elif args.action == "remove":
        print(f"Removed {args.name} from {projects.config_file}")
    else:
        _show(projects)
    return exit_codes.OK


def _show(projects: ProjectList) -> None:
    if not projects.projects:
        print("No projects are configured. Add one with `luzia projects add NAME PATH`, or use a directory:")
        print('luzia . "fix the tests"')
        return
    rows = [
        (
            project.name,
            project.agent or "-",
            str(project.running),
            str(project.queued),
            project.path + ("" if project.exists else "  (missing)") + ("  (paused)" if project.paused_at else ""),
        )
        for project in projects.projects
    ]
    print_columns(("NAME", "AGENT", "RUNNING", "QUEUED", "PATH"), rows, stdout_screen())
    print(f"\nConfigured in {harmless(projects.config_file)}")
