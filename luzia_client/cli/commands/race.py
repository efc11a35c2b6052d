"""Have several agents or models do the same task, each in its own worktree of the same commit, and compare the results.

All racers are dispatched, or none. If the project has a `verify` command, it is run on the work of each racer that
completes. `luzia merge` accepts the work of one racer, and offers to discard the work of the others. `luzia races ID`
compares them.
"""

from __future__ import annotations

import argparse

from luzia_protocol.errors import Refused

from luzia_client.api.arguments import find_project
from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args import host_choice
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.output import print_json
from luzia_client.review.races import Racer, dispatch_race

EXAMPLES = (
    ('luzia race overbits --agents claude,codex "fix the login button"', "have two agents do a task"),
    ('luzia race overbits --agents claude --models opus,sonnet "fix it"', "have two models of one agent do a task"),
    (
        'luzia race . --agents claude --times 3 --first-verified "fix it"',
        "cancel the others when one passes verification",
    ),
)
MAX_RACERS = 20
_MORE_RACERS = "Name more --agents or --models, separated by commas, or use --times 2."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("project", metavar="PROJECT", help="a project or a directory")
    parser.add_argument("task", nargs="+", metavar="TASK", help="the task for all racers")
    parser.add_argument("--agents", type=_words, default=[], metavar="A,B", help="the agents, separated by commas")
    parser.add_argument(
        "--models",
        type=_words,
        default=[],
        metavar="A,B",
        help="models of the agent, separated by commas; requires a single agent",
    )
    parser.add_argument(
        "--times", type=_times, default=1, metavar="N", help="let each agent or model do the task N times"
    )
    parser.add_argument(
        "--first-verified",
        action="store_true",
        help="cancel the others when the work of one has passed the project's `verify` command",
    )
    parser.add_argument("--base", metavar="REF", help="the branch, tag or commit that all worktrees are based on")
    parser.add_argument("--key", metavar="KEY", help="idempotency key, which is also the id of the race")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    racers = _racers(args)
    host_choice.choose_by_projects([args.project], "the race")
    with Client() as client:
        verify = _verify_command(client, args.project)
        if args.first_verified and verify is None:
            hint = f"Set one: luzia config set projects.{args.project}.verify 'make test'"
            raise UsageError(f"--first-verified: project {args.project} has no `verify` command", hint)
        try:
            race, graph = dispatch_race(
                client,
                args.project,
                " ".join(args.task),
                racers,
                verify=verify,
                first_verified=args.first_verified,
                base=args.base,
                key=args.key,
            )
        except Refused as refused:
            errors = {(each.code, each.message): each for each in refused.of_jobs.values()}
            for each in errors.values():  # the racers differ in little
                print_refusal(each)
            if refused.of_jobs:
                return exit_codes.REFUSED
            raise
    if args.json:
        print_json({"race": race, "jobs": graph.jobs, "created": graph.created})
        return exit_codes.OK
    for name, job in graph.jobs.items():
        if not name.endswith("-verify"):
            print(f"{name}  {job}")
    print(f"Use: luzia races {race}")
    return exit_codes.OK


def _racers(args: argparse.Namespace) -> list[Racer]:
    """Who takes part. Raises UsageError."""
    agents: list[str | None] = args.agents or [None]
    models: list[str | None] = args.models or [None]
    times: int = args.times
    if args.models and len(agents) > 1:
        raise UsageError(
            "--models requires a single agent", "Name one in --agents: --agents claude --models opus,sonnet"
        )
    racers = [Racer(agent, model) for agent in agents for model in models] * times
    if len(racers) < 2:
        raise UsageError("a race needs at least two racers", _MORE_RACERS)
    if len(racers) > MAX_RACERS:
        raise UsageError(
            f"a race has at most {MAX_RACERS} racers, not {len(racers)}",
            "Name fewer agents or models, or reduce --times.",
        )
    return racers


def _verify_command(client: Client, project: str) -> str | None:
    found = find_project(client.list_projects().projects, project)
    return None if found is None else found.verify


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(f"invalid list '{text}': separate names with commas")
    return words


def _times(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MAX_RACERS):
        raise argparse.ArgumentTypeError(f"invalid number '{text}': use 1 to {MAX_RACERS}")
    return int(text)
