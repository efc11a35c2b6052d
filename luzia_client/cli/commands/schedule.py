"""Dispatch jobs again and again, by the clock; see which schedules there are, and what became of their runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from luzia_protocol.schedules import NEXT_RUNS, Schedule

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args import schedule_add
from luzia_client.cli.args.parser import Parser, add_json
from luzia_client.cli.show import schedules as schedule_words
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless

EXAMPLES = (
    ('luzia schedule add nightly --cron "0 3 * * 1-5" --project . "fix it"', "at 3 on workdays"),
    ("luzia schedule show nightly", "its next runs, and what became of the last one"),
    ("luzia schedule pause nightly", "for a while"),
)


class _Action(Parser):
    """The parser of an action. grammar: reads what follows it, where that is none of argparse's; into `wanted`."""

    grammar: Callable[[list[str]], object] | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read what follows the action; help is argparse's to give."""
        words = [*args]
        options = words[: words.index("--")] if "--" in words else words
        if self.grammar is None or {"-h", "--help"} & set(options):
            return super().parse_known_args(args, namespace)
        return argparse.Namespace(wanted=self.grammar(words)), []


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.usage = "luzia schedule [--json] [list | add NAME … | show|pause|resume|remove|run NAME]"
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="luzia schedule", parser_class=_Action)
    _action(actions, "list", "show the schedules (what it does without an action)")
    _configure_add(actions)
    show = _action(actions, "show", "show one with its next runs")
    show.add_argument(
        "--runs", type=int, default=NEXT_RUNS, metavar="N", help=f"so many of them instead of {NEXT_RUNS}"
    )
    for action in (
        show,
        _action(actions, "pause", "dispatch nothing of it for a while"),
        _action(actions, "resume", "dispatch again; what came meanwhile is not made up for"),
        _action(actions, "remove", "forget it; its jobs stay"),
        _action(actions, "run", "dispatch its job now, behind those of it that have not ended"),
    ):
        action.add_argument("name", metavar="SCHEDULE", help="its name")


def _action(actions: argparse._SubParsersAction[_Action], name: str, text: str) -> _Action:
    action = actions.add_parser(name, help=text, description=text)
    # Not a default of False, which would undo a --json before the action.
    action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return action


def _configure_add(actions: argparse._SubParsersAction[_Action]) -> None:
    """The arguments are for the help: schedule_add.py reads what follows, whose options are those of a dispatch."""
    add = _action(actions, "add", "dispatch a task at the moments of a cron expression")
    add.usage = "luzia schedule add NAME --cron EXPRESSION --project PROJECT [options] WORD…"
    for names, value, text in schedule_add.list_options():
        if value:
            add.add_argument(*names, metavar=value, help=text, choices=schedule_add.CHOICES.get(names[0]))
        else:
            add.add_argument(*names, action="store_true", help=text)
    add.add_argument("name", metavar="NAME", help="what to call it")
    add.grammar = schedule_add.parse_schedule
    add.add_argument("task", nargs="+", metavar="WORD", help="the task; - alone reads it from stdin, @FILE from a file")


def _added(wanted: schedule_add.ScheduleLine, as_json: bool) -> int:
    """Add a schedule; returns the exit status."""
    with Client() as client:
        schedule = wanted.send(client)
    if as_json or wanted.asked.json:
        print_json(schedule)
    elif wanted.asked.quiet:
        print(harmless(schedule.name))
    else:
        done = "Replaced" if "--replace" in wanted.own else "Added"
        print(f"{done} {harmless(schedule.name)}, in the time zone {harmless(schedule.timezone)}. Its next runs:")
        now = datetime.now(UTC)
        print("\n".join(f"  {words}" for words in schedule_words.describe_next_runs(schedule, now)))
    return exit_codes.OK


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    if args.action == "add":
        return _added(args.wanted, args.json)
    with Client() as client:
        match args.action:
            case "show":
                return _tell(client.get_schedule(args.name, args.runs), args.json, "")
            case "pause":
                return _tell(client.pause_schedule(args.name), args.json, "Paused")
            case "resume":
                return _tell(client.resume_schedule(args.name), args.json, "Resumed")
            case "remove":
                return _tell(client.remove_schedule(args.name), args.json, "Removed")
            case "run":
                dispatched = client.run_schedule(args.name)
                print_json(dispatched) if args.json else print(dispatched.name)
                return exit_codes.OK
        schedules = client.list_schedules()
    if args.json:
        for schedule in schedules:
            print_json(schedule)
    else:
        print("\n".join(schedule_words.describe_schedules(schedules, datetime.now(UTC), stdout_screen())))
    return exit_codes.OK


def _tell(schedule: Schedule, as_json: bool, done: str) -> int:
    """Say what was done, or show all of it when nothing was."""
    if as_json:
        print_json(schedule)
    elif done:
        print(f"{done} {harmless(schedule.name)}")
    else:
        print("\n".join(schedule_words.describe_schedule(schedule, datetime.now(UTC), stdout_screen())))
    return exit_codes.OK
