"""List jobs, show the details of jobs, or watch them live."""

from __future__ import annotations

import argparse

from luzia_protocol.states import SORT_KEYS, JobState

from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_project_filter, add_since, parse_positive, parse_states
from luzia_client.cli.args.selection import add_tag_option
from luzia_client.cli.show import listing
from luzia_client.cli.watch.notifier import add_notifier_options, notifier_options

EXAMPLES = (
    ("luzia jobs", "list the live jobs and those that ended most recently"),
    ("luzia jobs --search 'login css'", "find jobs by words, newest first"),
    ("luzia jobs --state failed --since 2h --format id,reason", "list recent failures with their reasons"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="show the details of these jobs")
    parser.add_argument("-w", "--watch", action="store_true", help="show jobs live until all have ended")
    add_notifier_options(parser)
    selection = parser.add_argument_group("Selection")
    add_project_filter(selection)
    selection.add_argument(
        "--state",
        action="append",
        default=[],
        type=parse_states,
        metavar="S",
        help=f"only jobs in these states, separated by commas (repeatable): {', '.join(JobState)}",
    )
    selection.add_argument(
        "--waiting",
        action="append_const",
        dest="state",
        const=[JobState.WAITING],
        help="only jobs that are waiting for an answer; see `luzia answer`",
    )
    add_tag_option(selection, "only jobs with this tag (repeatable)")
    selection.add_argument("--parent", metavar="ID", help="only the sub-jobs of this job")
    add_since(selection, "2h")
    selection.add_argument("--all-hosts", action="store_true", help="include the jobs of all configured hosts")
    selection.add_argument(
        "--search",
        default="",
        metavar="WORDS",
        help="only jobs that have all of these words in their task, last message, project, tags or id",
    )
    order = parser.add_argument_group("Order and number")
    order.add_argument(
        "--sort",
        choices=SORT_KEYS,
        metavar="KEY",
        help=f"sort by {', '.join(SORT_KEYS)} (default: turn, the order in which jobs need attention;"
        " with --search: created)",
    )
    order.add_argument("-r", "--reverse", action="store_true", help="reverse the order")
    number = order.add_mutually_exclusive_group()
    limit_help = f"at most N jobs (default: as many as fit on the terminal, or {listing.DEFAULT_LIMIT} without one)"
    number.add_argument("-n", "--limit", type=parse_positive, metavar="N", help=limit_help)
    number.add_argument("-a", "--all", action="store_true", help="all jobs")
    group = parser.add_argument_group("Output")
    paging = group.add_mutually_exclusive_group()
    paging.add_argument(
        "--pager",
        action="store_const",
        const=True,
        help="show all jobs in a pager: $LUZIA_PAGER, $PAGER or less (setting: cli.pager)",
    )
    paging.add_argument("--no-pager", action="store_const", const=False, dest="pager", help="do not use a pager")
    output = group.add_mutually_exclusive_group()
    output.add_argument("--format", metavar="COLUMN,…", help="print columns: id,state,task; see `luzia help formats`")
    output.add_argument("--json", action="store_true", help="print JSON, one object per line")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    states = [state for group in args.state for state in group]
    tags = dict(args.tag)
    selecting = states or tags or args.limit or args.all or args.since or args.sort or args.reverse or args.format
    selecting = selecting or args.parent or args.search or args.all_hosts
    if args.ids and (selecting or args.project):
        raise UsageError("IDs cannot be combined with options that select or sort jobs")
    if args.watch and selecting:
        raise UsageError("--watch cannot be combined with options that select or sort jobs, except --project")
    notifications = notifier_options(args)
    if args.watch:
        from luzia_client.cli.watch.watch_jobs import run_watch

        return run_watch(args.ids, args.project, args.json, notifications)
    from luzia_client.cli.commands.dispatch import exchange

    if args.ids:
        from luzia_client.cli.show.job_pages import show_jobs

        return show_jobs(args.ids, args.json, exchange)
    limit = None if args.all else args.limit or listing.DEFAULT_LIMIT
    sort = args.sort or ("created" if args.search else "turn")
    query = listing.JobQuery(
        args.project, states, tags, limit, args.since, sort, args.reverse, args.parent, args.search, args.pager
    )
    if args.all_hosts:
        from luzia_client.cli.show.all_hosts import print_all

        return print_all(query, as_json=args.json, columns=args.format)
    if args.json:
        return listing.print_jobs_json(query, exchange)
    if args.format is not None:
        from luzia_client.cli.show.columns import parse_columns

        return listing.print_jobs_columns(query, parse_columns(args.format), exchange)
    listing.print_jobs_table(query, exchange, fit=limit == listing.DEFAULT_LIMIT and not args.limit)
    return exit_codes.OK
