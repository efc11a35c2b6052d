"""Show statistics of jobs: throughput, waiting and running times, success rates, and the costs of agents.

The statistics cover all jobs that have not been removed; --agents also counts races whose jobs were removed. --since
restricts the statistics to recent jobs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from luzia_protocol import environment
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job
from luzia_protocol.money import format_usd
from luzia_protocol.requests import MAX_PAGE
from luzia_protocol.times import to_local

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json, add_project_filter, add_since
from luzia_client.cli.show.charts import draw_charts
from luzia_client.cli.show.formatting import NO_JOBS
from luzia_client.cli.show.output import print_columns, print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.statistics import JobSample, compute_statistics, sample_job
from luzia_client.cli.show.text import one_line

EXAMPLES = (
    ("luzia stats --since 7d", "show statistics of the last seven days"),
    ("luzia stats --agents", "show which agents win races, by project"),
    ("luzia stats --png jobs.png", "write charts to an image"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_since(parser, "7d")
    add_project_filter(parser)
    parser.add_argument("--agents", action="store_true", help="show the results of agents in races, by project")
    parser.add_argument("--png", metavar="FILE", help="write charts to a PNG file (requires luzia[plots])")
    parser.add_argument("--svg", metavar="FILE", help="write charts to an SVG file (requires luzia[plots])")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if args.agents:
        return _print_agents(args)
    pictures = [(path, kind) for path, kind in ((args.png, "png"), (args.svg, "svg")) if path is not None]
    if pictures:
        _check_library()
    now = datetime.now(UTC).astimezone()
    since: datetime | None = args.since
    with Client() as client:
        found = list(_samples(client, args.project, since))
    if not found and not args.json:
        print("No jobs match." if since or args.project else NO_JOBS)
        return exit_codes.OK
    begin = since or to_local(min((created for created, _ in found), default=now))
    statistics = compute_statistics([sample for _, sample in found], begin, now)
    if args.json:
        print_json(statistics)
    elif not pictures:
        print("\n".join(draw_charts(statistics, stdout_screen())))
    for path, kind in pictures:
        from luzia_client.cli.show.plots import draw_plots

        draw_plots(statistics, path, kind)
        if not args.json:
            print(path)
    return exit_codes.OK


def _print_agents(args: argparse.Namespace) -> int:
    from luzia_client.review.race_statistics import count_wins
    from luzia_client.review.races import list_all_races

    if args.png is not None or args.svg is not None:
        raise UsageError("--agents cannot be combined with --png or --svg", "Omit --png and --svg.")
    with Client() as client:
        records = count_wins(list_all_races(client, args.project, args.since))
    if args.json:
        for record in records:
            print_json(record)
        return exit_codes.OK
    if not records:
        print("No races match. Start one with `luzia race`.")
        return exit_codes.OK
    rows = [
        (
            one_line(each.project),
            one_line(f"{each.agent} ({each.model})" if each.model is not None else each.agent),
            *map(str, (each.races, each.completed, each.verified, each.won)),
            "" if each.cost_usd is None else format_usd(each.cost_usd),
        )
        for each in records
    ]
    print_columns(("PROJECT", "AGENT", "RACES", "COMPLETED", "VERIFIED", "WON", "COST"), rows, stdout_screen())
    return exit_codes.OK


def _samples(client: Client, projects: Sequence[str], since: datetime | None) -> Iterator[tuple[datetime, JobSample]]:
    """The dispatch time and the statistics sample of each job. Jobs with earlier attempts are fetched one by one."""
    cursor: int | None = None
    while True:
        page = client.list_jobs(projects, limit=MAX_PAGE, cursor=cursor, since=since)
        for job in page.jobs:
            full = job if job.attempt <= 1 else _fetch_attempts(client, job)
            yield full.created_at, sample_job(full)
        cursor = page.next
        if cursor is None:
            return


def _fetch_attempts(client: Client, job: Job) -> Job:
    """The job with all its attempts, or as it was listed if it was removed in the meantime."""
    try:
        return client.get_job(job.id)
    except Refused as refused:
        if refused.code is not ErrorCode.UNKNOWN_JOB:
            raise
        return job


def _check_library() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise UsageError("--png and --svg require matplotlib", environment.install_extra("plots"))
