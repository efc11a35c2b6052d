"""List the projects, or add or remove a project in the configuration file."""

from __future__ import annotations

import argparse

from luzia_protocol import environment
from luzia_protocol.replies import ProjectList

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import ALIASES, COMMANDS
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_action, add_json
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless

EXAMPLES = (
    ("luzia projects", "list the projects"),
    ("luzia projects add overbits ~/src/overbits", "add a project"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "luzia projects [options] [list | add NAME PATH | remove PROJECT]"
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="luzia projects")
    add_action(actions, "list", "list the projects (the default action)")
    add = add_action(actions, "add", "add a project to the configuration")
    add.add_argument("name", metavar="NAME", help="the name of the project")
    add.add_argument("path", metavar="PATH", help="its directory")
    add.add_argument("--agent", metavar="A", help="the agent that runs its tasks")
    remove = add_action(actions, "remove", "remove a project from the configuration; its jobs are kept")
    remove.add_argument("name", metavar="PROJECT", help="the name of the project")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if args.action == "add" and (args.name in COMMANDS or args.name in ALIASES):
        hint = f"`luzia {args.name}` is a command. Choose another name for the project, for example {args.name}-2."
        raise UsageError(f"'{args.name}' is the name of a command", hint)
    with Client() as client:
        if args.action == "add":
            projects = client.add_project(args.name, environment.absolute_path(args.path), args.agent)
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
        _print_table(projects)
    return exit_codes.OK


def _print_table(projects: ProjectList) -> None:
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
    for project in projects.projects:
        if project.name in COMMANDS or project.name in ALIASES:
            hint = f"Dispatch with `luzia dispatch {project.name} TASK`, or rename the project."
            print_error(f"'{project.name}' is also the name of a command", hint, exit_codes.OK)
    print(f"\nConfiguration: {harmless(projects.config_file)}")
