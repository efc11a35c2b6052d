"""Follow the output of many jobs at once, each line labelled with its job, until all of them have ended.

The last lines of existing output are printed first (-n). With --project, --tag or --all, the command follows all live
jobs, and new ones as they are dispatched. The exit status is that of `luzia wait`.
"""

from __future__ import annotations

import argparse
import sys

from luzia_client.api.client import Client
from luzia_client.api.requests import Render
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import ID_HELP, add_json, add_project_filter
from luzia_client.cli.args.selection import add_tag_option
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.watch.output_follower import FollowOptions, OutputFollower
from luzia_client.cli.watch.output_printers import JsonPrinter, PrefixedPrinter

EXAMPLES = (
    ("luzia follow a2f5 17c0", "follow two jobs until both have ended"),
    ("luzia follow --project overbits -n all", "follow the jobs of a project from their beginning"),
    ("luzia follow --all --forever", "follow all jobs until Ctrl-C"),
)

DEFAULT_LINES = 10
ALL_LINES = -1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("ids", nargs="*", metavar="ID", help=ID_HELP)
    add_project_filter(parser, "follow the jobs of a project")
    add_tag_option(parser, "follow the jobs with this tag")
    parser.add_argument("--all", action="store_true", help="follow all jobs")
    parser.add_argument("--forever", action="store_true", help="wait for new jobs when all have ended")
    parser.add_argument(
        "-n",
        "--lines",
        type=_lines,
        default=DEFAULT_LINES,
        metavar="N",
        help=f"print the last N lines of existing output, or `all` (default: {DEFAULT_LINES})",
    )
    parser.add_argument("--raw", action="store_true", help="print the raw output instead of the transcript")
    parser.add_argument("--stderr", action="store_true", help="follow stderr instead of stdout")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    filtered = bool(args.project or args.tag or args.all)
    if args.ids and (filtered or args.forever):
        raise UsageError("IDs cannot be combined with --project, --tag, --all or --forever")
    if not args.ids and not filtered:
        raise UsageError("no jobs to follow", "Give IDs, or use --project, --tag or --all.")
    screen = stdout_screen()
    transcript: Render = "colour" if screen.colour else "text"
    wanted = FollowOptions(
        ids=args.ids,
        projects=args.project,
        tags=dict(args.tag),
        forever=args.forever,
        tail=None if args.lines == ALL_LINES else args.lines,
        stream="stderr" if args.stderr else "stdout",
        render="none" if args.raw or args.json else transcript,
        encoding="text" if args.json else "base64",
    )
    with Client() as client:
        following = OutputFollower(client, wanted, JsonPrinter() if args.json else PrefixedPrinter(screen, args.raw))
        status = following.run()
    if following.empty:
        print("luzia: no jobs are running or queued", file=sys.stderr)
        return exit_codes.OK
    return status


def _lines(text: str) -> int:
    if text == "all":
        return ALL_LINES
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"invalid number of lines '{text}': it must be 0 or more, or `all`")
    return number
