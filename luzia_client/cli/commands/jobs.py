"""List jobs, show everything about some of them, or watch either of it live."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from luzia_protocol.states import SORT_KEYS, JobState

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import parse_positive, parse_states
from luzia_client.cli.args.selection import add_tag_option
from luzia_client.cli.show import listing
from luzia_client.cli.watch.notifier import add_notifier_options, notifier_options

EXAMPLES = (
    ("luzia jobs", "a summary, and the newest jobs"),
    ("luzia jobs a2f5", "everything about one"),
    ("luzia jobs --state failed --since 2h --format id,reason", "what has failed, and why"),
)

DEFAULT_LIMIT = 50


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="show everything about these jobs")
    parser.add_argument("-w", "--watch", action="store_true", help="show them live until all have ended")
    add_notifier_options(parser)
    parser.add_argument(
        "--project", action="append", default=[], metavar="P", help="only jobs of this project (repeatable)"
    )
    parser.add_argument(
        "--state",
        action="append",
        default=[],
        type=parse_states,
        metavar="S",
        help=f"only jobs in these states, with commas between (repeatable): {', '.join(JobState)}",
    )
    add_tag_option(parser, "only jobs with this tag (repeatable)")
    parser.add_argument(
        "--waiting",
        action="append_const",
        dest="state",
        const=[JobState.WAITING],
        help="only jobs whose agents ask something, for `luzia answer`",
    )
    parser.add_argument("--parent", metavar="ID", help="only the sub-jobs of this one")
    parser.add_argument(
        "--since", type=_since, metavar="WHEN", help="only jobs that were dispatched since then: 2h, 09:00, 2026-11-24"
    )
    parser.add_argument("--sort", choices=SORT_KEYS, metavar="KEY", help=f"order them by {', '.join(SORT_KEYS)}")
    parser.add_argument("-r", "--reverse", action="store_true", help="the other way round")
    how_many = parser.add_mutually_exclusive_group()
    how_many.add_argument(
        "--limit", type=parse_positive, metavar="N", help=f"at most so many (default: {DEFAULT_LIMIT})"
    )
    how_many.add_argument("--all", action="store_true", help="all jobs that are remembered")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", metavar="COLUMN,…", help="these columns: id,state,task; see `luzia help formats`")
    form.add_argument("--json", action="store_true", help="print JSON, one object a line")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    states = [state for group in args.state for state in group]
    tags = dict(args.tag)
    choosing = states or tags or args.limit or args.all or args.since or args.sort or args.reverse or args.format
    choosing = choosing or args.parent
    if args.ids and (choosing or args.project):
        raise UsageError("an ID names the job: what chooses and orders jobs does not go with it")
    if args.watch and choosing:
        raise UsageError("--watch follows live jobs: of what chooses jobs only --project goes with it")
    notifications = notifier_options(args)
    if args.watch:
        from luzia_client.cli.watch.watch_jobs import run_watch

        return run_watch(args.ids, args.project, args.json, notifications)
    if args.ids:
        from luzia_client.cli.show.job_pages import show_jobs

        return show_jobs(args.ids, args.json)
    limit = None if args.all else args.limit or DEFAULT_LIMIT
    query = listing.JobQuery(args.project, states, tags, limit, args.since, args.sort, args.reverse, args.parent)
    from luzia_client.cli.commands.dispatch import exchange

    if args.json:
        return listing.print_jobs_json(query, exchange)
    if args.format is not None:
        from luzia_client.cli.show.columns import parse_columns

        return listing.print_jobs_columns(query, parse_columns(args.format), exchange)
    return listing.print_jobs_table(query, exchange)


def _since(text: str) -> datetime:
    from luzia_client.cli.args.times import parse_past_time

    try:
        return parse_past_time(text, datetime.now(UTC))
    except (ValueError, OverflowError) as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment and no span; write 2h, 09:00 or 2026-11-24") from exc
