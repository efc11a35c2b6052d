"""Show how jobs do: how many end, how long they wait and run, how many succeed, what agents cost.

Of the jobs that luzia remembers; --since takes those that were dispatched from then on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job
from luzia_protocol.requests import MAX_PAGE

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.times import parse_past_time
from luzia_client.cli.show.charts import draw_charts
from luzia_client.cli.show.formatting import NO_JOBS
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.statistics import JobSample, compute_statistics, sample_job

EXAMPLES = (
    ("luzia stats --since 7d", "the jobs of the last seven days"),
    ("luzia stats --project overbits --json", "the same figures for a program"),
    ("luzia stats --png jobs.png", "as a picture"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--since", type=_since, metavar="WHEN", help="only jobs that were dispatched since then: 7d, 09:00, 2026-11-24"
    )
    parser.add_argument(
        "--project", action="append", default=[], metavar="P", help="only jobs of this project (repeatable)"
    )
    parser.add_argument("--png", metavar="FILE", help="draw them into a PNG (needs luzia[plots])")
    parser.add_argument("--svg", metavar="FILE", help="draw them into an SVG (needs luzia[plots])")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    pictures = [(path, kind) for path, kind in ((args.png, "png"), (args.svg, "svg")) if path is not None]
    if pictures:
        _check_library()
    now = datetime.now(UTC).astimezone()
    since: datetime | None = args.since
    with Client() as client:
        found = list(_samples(client, args.project, since))
    if not found and not args.json:
        print("No job matches." if since or args.project else NO_JOBS)
        return exit_codes.OK
    begin = since or min((created for created, _ in found), default=now).astimezone()
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


def _samples(client: Client, projects: Sequence[str], since: datetime | None) -> Iterator[tuple[datetime, JobSample]]:
    """The dispatch time and the sample of each job. Jobs with several attempts are requested one by one."""
    cursor: int | None = None
    while True:
        page = client.list_jobs(projects, limit=MAX_PAGE, cursor=cursor, since=since)
        for job in page.jobs:
            whole = job if job.attempt <= 1 else _whole(client, job)
            yield whole.created_at, sample_job(whole)
        cursor = page.next
        if cursor is None:
            return


def _whole(client: Client, job: Job) -> Job:
    """The job with all its attempts; as it was listed when it has been removed since."""
    try:
        return client.get_job(job.id)
    except Refused as refused:
        if refused.code is not ErrorCode.UNKNOWN_JOB:
            raise
        return job


def _since(text: str) -> datetime:
    try:
        return parse_past_time(text, datetime.now(UTC)).astimezone()
    except (ValueError, OverflowError) as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment and no span; write 7d, 09:00 or 2026-11-24") from exc


def _check_library() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise UsageError("--png and --svg need matplotlib", "Install it with: pip install 'luzia[plots]'")
