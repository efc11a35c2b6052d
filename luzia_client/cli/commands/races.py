"""List races, or compare the racers of one: outcome, verification, size of the changes, cost and time."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job, Review
from luzia_protocol.money import format_usd
from luzia_protocol.times import to_local

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json, add_project_filter, add_since
from luzia_client.cli.show.formatting import format_duration, format_state
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import format_quantity, one_line
from luzia_client.review.races import Standing, find_race, list_races, report_race

EXAMPLES = (
    ("luzia races", "list the races"),
    ("luzia races 3f2a", "compare the racers of one"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("race", nargs="?", metavar="ID", help="a race, or any job of it")
    add_project_filter(parser, "only races of this project (repeatable)")
    add_since(parser, "7d")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        if args.race is not None:
            try:
                jobs = find_race(client, args.race)
            except Refused as refused:
                if refused.code is not ErrorCode.UNKNOWN_JOB:
                    raise
                message = f"there is no race or job '{args.race}'"
                raise Refused(refused.code, message, "`luzia races` lists the races.") from refused
            if not jobs:
                raise UsageError(f"job {args.race} is not part of a race", "`luzia races` lists the races.")
            return print_race(jobs, as_json=args.json)
        races = [report_race(jobs, with_changes=False) for jobs in list_races(client, args.project, args.since)]
    if args.json:
        for race in races:
            print_json(race)
        return exit_codes.OK
    if not races:
        print('No races. Begin one, for example: luzia race . --agents claude,codex "fix the tests"')
        return exit_codes.OK
    rows = []
    for race in races:
        winner = next((each.name for each in race.racers if each.review is Review.ACCEPTED), "")
        open_ = sum(not each.state.is_final for each in race.racers)
        status = f"won by {winner}" if winner else f"{open_} in progress" if open_ else "to be decided"
        when = to_local(race.created_at).strftime("%Y-%m-%d %H:%M")
        rows.append((race.race, one_line(race.project), when, str(len(race.racers)), status, one_line(race.task)))
    print_columns(("RACE", "PROJECT", "BEGAN", "RACERS", "STATUS", "TASK"), rows, stdout_screen())
    return exit_codes.OK


def print_race(jobs: Sequence[Job], *, as_json: bool) -> int:
    """Print the racers of one race beside each other; returns the exit status."""
    race = report_race(jobs)
    if as_json:
        print_json(race)
        return exit_codes.OK
    print(f"Race {race.race} in {one_line(race.project)}: {one_line(race.task, 100)}")
    rows = [_row(each) for each in race.racers]
    print_columns(("RACER", "JOB", "STATE", "VERIFIED", "CHANGES", "COST", "TIME", "DECISION"), rows, stdout_screen())
    ended = [each for each in race.racers if each.state.is_final]
    if len(ended) == len(race.racers) and not any(each.review is Review.ACCEPTED for each in race.racers):
        print("Accept one with `luzia merge ID`; it offers to discard the work of the others.")
    return exit_codes.OK


def _row(racer: Standing) -> tuple[str, ...]:
    model = f" ({racer.model})" if racer.model is not None else ""
    verified = "" if racer.check is None else "not yet" if racer.verified is None else "yes" if racer.verified else "no"
    if racer.verified is None and racer.state.is_final and racer.state != "completed":
        verified = ""
    size = f", +{racer.added} -{racer.deleted}"
    changes = "" if racer.files is None else format_quantity(racer.files, "file") + size
    return (
        one_line(f"{racer.name}{model}"),
        racer.job,
        format_state(racer.state),
        verified,
        changes,
        "" if racer.cost_usd is None else format_usd(racer.cost_usd),
        "" if racer.duration_s is None else format_duration(racer.duration_s),
        "" if racer.review is None or racer.review is Review.WANTED else str(racer.review),
    )
