"""Print the output of jobs; for agents, a transcript. With -f, follow it through retries and daemon restarts.

Several jobs are printed one after another, each under a heading. When options select the jobs, those that have not
started are skipped, and the newest is printed last.
"""

from __future__ import annotations

import argparse
import base64
import sys
from collections.abc import Iterator
from functools import partial

from luzia_protocol.errors import Refused
from luzia_protocol.replies import FollowEnd, Output
from luzia_protocol.requests import MAX_OUTPUT_BYTES

from luzia_client.api.client import Client
from luzia_client.api.requests import Encoding, Render, StreamName
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json, parse_count
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.safe_output import SafeOutput
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.watch.log_selection import add_job_options, format_heading, select_jobs
from luzia_client.cli.watch.output_follower import FollowOptions, OutputFollower
from luzia_client.cli.watch.output_printers import LogPrinter

EXAMPLES = (
    ("luzia logs a2f5", "print the output of a job"),
    ("luzia logs -f @last", "follow the output until the job ends"),
    ("luzia logs -n 5 --state failed", "print the last lines of the failed jobs"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_job_options(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="follow the output of one job until it ends")
    parser.add_argument("-n", "--lines", "--tail", type=parse_count, metavar="N", help="print only the last N lines")
    parser.add_argument("--raw", action="store_true", help="print the raw output instead of the transcript")
    parser.add_argument("--stderr", action="store_true", help="print stderr instead of stdout")
    parser.add_argument(
        "--attempt", type=parse_count, metavar="K", help="print the output of attempt K (default: the newest)"
    )
    add_json(parser)
    parser.set_defaults(place=None)  # where to continue: the native program sets it


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    status = exit_codes.OK
    hints = set[str]()
    with Client() as client:
        jobs = select_jobs(client, args)
        if len(jobs) == 1 and isinstance(jobs[0], str):
            return _show(client, jobs[0], args)
        if args.follow:
            raise UsageError("-f follows one job only", "Use `luzia follow ID…` for several jobs.")
        for number, each in enumerate(jobs):
            try:
                job = client.get_job(each) if isinstance(each, str) else each
                if not args.json:
                    _write(("\n" if number else "") + format_heading(job) + "\n")
                _show(client, job.id, args)
            except Refused as refused:
                status = print_refusal(refused, printed=hints)
    return status


def _show(client: Client, job: str, args: argparse.Namespace) -> int:
    """Print the output of one job; returns the exit status: with --follow that for its end."""
    if args.json or not sys.stdout.isatty():
        return _print(client, job, args, LogPrinter(print_json if args.json else _write_bytes))
    safe = SafeOutput(stdout_screen().colour)
    try:
        return _print(client, job, args, LogPrinter(lambda piece: _write_safe(piece, safe)))
    finally:
        _write(safe.end())


def _print(client: Client, job: str, args: argparse.Namespace, printer: LogPrinter) -> int:
    stream: StreamName = "stderr" if args.stderr else "stdout"
    encoding: Encoding = "text" if args.json else "base64"
    if args.follow:
        options = FollowOptions(
            ids=[job],
            tail=args.lines,
            attempt=args.attempt,
            stream=stream,
            render=_render(args),
            encoding=encoding,
            place=args.place,
        )
        return OutputFollower(client, options, printer).run()
    for piece in _read(client, job, args, stream, encoding):
        printer.print_output(job, piece)
    return exit_codes.OK


def _write(text: str) -> None:
    """Print a text between outputs, which are written to the buffer below stdout."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _render(args: argparse.Namespace) -> Render:
    """How the daemon renders the output: not at all for --raw and --json; a transcript has colours on a terminal."""
    if args.raw or args.json:
        return "none"
    return "colour" if stdout_screen().colour else "text"


def _bytes(piece: Output) -> bytes:
    return piece.data.encode() if piece.rendered else base64.b64decode(piece.data)


def _write_bytes(piece: Output | FollowEnd) -> None:
    if isinstance(piece, Output):
        sys.stdout.buffer.write(_bytes(piece))
        sys.stdout.buffer.flush()


def _write_safe(piece: Output | FollowEnd, safe: SafeOutput) -> None:
    if isinstance(piece, Output):
        _write(safe.feed(_bytes(piece)))


def _read(
    client: Client, job: str, args: argparse.Namespace, stream: StreamName, encoding: Encoding
) -> Iterator[Output]:
    """The output so far; what the job writes in the meantime is left out."""
    read = partial(
        client.read_output, job, stream=stream, max_bytes=MAX_OUTPUT_BYTES, encoding=encoding, render=_render(args)
    )
    if args.place is None:
        piece = read(attempt=args.attempt, tail=args.lines)
    else:
        piece = read(attempt=args.place.attempt, offset=args.place.offset)
    size = piece.size
    yield piece
    while piece.next_offset < size:
        before = piece.next_offset
        piece = read(attempt=piece.attempt, offset=before)
        if piece.next_offset <= before:
            return
        yield piece
