"""Follow the output of many jobs at once, each line behind the name of its job, until all of them have ended.

Of what is there already the last lines are printed (-n), then what comes. With --project, --tag or --all it follows
the jobs that run or wait, and those that come meanwhile. The exit status tells how they ended, as that of
`luzia wait` does.
"""

from __future__ import annotations

import argparse
import sys

from luzia_client.api.client import Client
from luzia_client.api.requests import Render
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.args.selection import add_tag_option
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.watch.output_follower import FollowOptions, OutputFollower
from luzia_client.cli.watch.output_printers import JsonPrinter, PrefixedPrinter

EXAMPLES = (
    ("luzia follow a2f5 17c0", "two jobs until both have ended"),
    ("luzia follow --project overbits -n all", "all that run there, from their beginnings"),
    ("luzia follow --all --forever", "whatever runs, until Ctrl-C"),
)

DEFAULT_LINES = 10
ALL_LINES = -1


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="a job's id, the beginning or end of one, agent:…, or @last"
    )
    parser.add_argument("--project", action="append", default=[], metavar="P", help="all jobs of this project")
    add_tag_option(parser, "all jobs with this tag")
    parser.add_argument("--all", action="store_true", help="all jobs")
    parser.add_argument("--forever", action="store_true", help="wait for more jobs when all have ended")
    parser.add_argument(
        "-n",
        "--lines",
        type=_lines,
        default=DEFAULT_LINES,
        metavar="N",
        help=f"begin with the last N lines of each, or `all` (default: {DEFAULT_LINES})",
    )
    parser.add_argument("--raw", action="store_true", help="no transcripts, and in a pipe the bytes as they are")
    parser.add_argument("--stderr", action="store_true", help="stderr instead of stdout")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    filtered = bool(args.project or args.tag or args.all)
    if args.ids and (filtered or args.forever):
        raise UsageError("an ID names the job: --project, --tag, --all and --forever do not go with it")
    if not args.ids and not filtered:
        raise UsageError("which jobs? Nothing says what to follow", "Name ids, or --project, --tag or --all.")
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
        print("luzia: no jobs are running or pending", file=sys.stderr)
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
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of 0 or more nor `all`")
    return number
