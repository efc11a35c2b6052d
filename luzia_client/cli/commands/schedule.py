"""Dispatch jobs on a schedule; list, show and change the schedules."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from luzia_protocol.schedules import NEXT_RUNS, Schedule

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args import host_choice, schedule_add
from luzia_client.cli.args.parser import Parser, add_action, add_json, parse_integer
from luzia_client.cli.show import schedules as schedule_words
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import harmless

EXAMPLES = (
    ('luzia schedule add nightly --cron "0 3 * * 1-5" --project . "fix it"', "run a task at 03:00 on weekdays"),
    ("luzia schedule show nightly", "show the next runs and the result of the last one"),
    ("luzia schedule pause nightly", "suspend a schedule"),
)

RUN_HELP = (
    "dispatch a job now; it starts when the schedule's unfinished jobs have ended"
    " (with --overlap cancel, they are cancelled)"
)


class _Action(Parser):
    """The parser of an action. parse: parses its words instead of argparse; the result is in `line`."""

    parse: Callable[[list[str]], object] | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the words of the action; argparse prints the help."""
        words = [*args]
        options = words[: words.index("--")] if "--" in words else words
        if self.parse is None or {"-h", "--help"} & set(options):
            return super().parse_known_args(args, namespace)
        return argparse.Namespace(line=self.parse(words)), []


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = (
        "luzia schedule [--json] [list]\n       luzia schedule [--json] add|show|pause|resume|remove|run NAME …"
    )
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="luzia schedule", parser_class=_Action)
    add_action(actions, "list", "list the schedules (the default action)")
    _configure_add(actions)
    show = add_action(actions, "show", "show a schedule and its next runs")
    show.add_argument(
        "--runs", type=parse_integer, default=NEXT_RUNS, metavar="N", help=f"show N runs (default: {NEXT_RUNS})"
    )
    for action in (
        show,
        add_action(actions, "pause", "suspend a schedule"),
        add_action(actions, "resume", "resume a schedule; runs missed in the meantime are skipped"),
        add_action(actions, "remove", "delete a schedule; its jobs are kept"),
        add_action(actions, "run", RUN_HELP),
    ):
        action.add_argument("name", metavar="SCHEDULE", help="the name of the schedule")


def _configure_add(actions: argparse._SubParsersAction[_Action]) -> None:
    """Add the arguments for the help; schedule_add.py parses them."""
    add = add_action(actions, "add", "add a schedule that dispatches a task at times given by a cron expression")
    add.usage = "luzia schedule add NAME --cron EXPRESSION --project PROJECT\n                          [options] TASK…"
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in schedule_add.list_options():
        group = groups.get(option.section) or groups.setdefault(option.section, add.add_argument_group(option.section))
        if option.value:
            choices = schedule_add.CHOICES.get(option.names[0])
            group.add_argument(*option.names, metavar=option.value, help=option.help, choices=choices)
        else:
            group.add_argument(*option.names, action="store_true", help=option.help)
    add.add_argument("name", metavar="NAME", help="the name of the schedule")
    add.parse = schedule_add.parse_schedule
    add.add_argument(
        "task", nargs="+", metavar="TASK", help="the words of the task; - reads it from stdin, @FILE from a file"
    )


def _add(line: schedule_add.ScheduleLine, as_json: bool) -> int:
    """Add a schedule; returns the exit status."""
    host_choice.choose_by_projects([line.dispatch.project], "the schedule")
    with Client() as client:
        schedule = line.send(client)
    if as_json or line.dispatch.json:
        print_json(schedule)
    elif line.dispatch.quiet:
        print(harmless(schedule.name))
    else:
        done = "Replaced" if "--replace" in line.options else "Added"
        host = os.environ.get("LUZIA_HOST")
        where = f" on {host}" if host else ""
        print(f"{done} {harmless(schedule.name)}{where} (time zone {harmless(schedule.timezone)}). Next runs:")
        now = datetime.now(UTC)
        print("\n".join(f"  {words}" for words in schedule_words.describe_next_runs(schedule, now)))
    return exit_codes.OK


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if args.action == "add":
        return _add(args.line, args.json)
    with Client() as client:
        match args.action:
            case "show":
                return _print_result(client.get_schedule(args.name, args.runs), args.json, "")
            case "pause":
                return _print_result(client.pause_schedule(args.name), args.json, "Paused")
            case "resume":
                return _print_result(client.resume_schedule(args.name), args.json, "Resumed")
            case "remove":
                return _print_result(client.remove_schedule(args.name), args.json, "Removed")
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


def _print_result(schedule: Schedule, as_json: bool, done: str) -> int:
    """Print what was done, or the whole schedule if nothing was."""
    if as_json:
        print_json(schedule)
    elif done:
        print(f"{done} {harmless(schedule.name)}")
    else:
        print("\n".join(schedule_words.describe_schedule(schedule, datetime.now(UTC), stdout_screen())))
    return exit_codes.OK
