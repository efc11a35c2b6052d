"""Show what jobs wrote, of an agent as a transcript; with `-f` as it comes, over attempts and restarts.

The output of several jobs comes one after another, each below a heading. Of a selection these are the jobs that have
begun, the newest last.
"""

from __future__ import annotations

import argparse
import base64
import sys
from collections.abc import Iterator
from typing import Literal

import msgspec

from luzia_protocol import events
from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Job
from luzia_protocol.replies import FollowEnd, Output
from luzia_protocol.requests import MAX_OUTPUT_BYTES

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.safe_output import SafeOutput
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.watch.log_selection import add_job_options, format_heading, select_jobs

EXAMPLES = (
    ("luzia logs a2f5", "what it has written"),
    ("luzia logs -f @last", "and what it goes on writing"),
    ("luzia logs -n 5 --state failed", "the last lines of each job that has failed"),
)

Stream = Literal["stdout", "stderr"]
Encoding = Literal["text", "base64"]
Render = Literal["none", "text", "colour"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_job_options(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="of one job: go on until it has ended")
    parser.add_argument("-n", "--lines", type=_count, metavar="N", help="only the last N lines")
    parser.add_argument("--raw", action="store_true", help="the bytes as they are, also where there is a transcript")
    parser.add_argument("--stderr", action="store_true", help="stderr instead of stdout")
    parser.add_argument("--attempt", type=_count, metavar="K", help="the output of this attempt (default: the newest)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    status = exit_codes.OK
    with Client() as client:
        jobs = select_jobs(client, args)
        if len(jobs) == 1 and isinstance(jobs[0], str):
            _show(client, jobs[0], args)
            return status
        if args.follow:
            raise UsageError("-f shows one job as it goes on", "Name one job, or follow many with `luzia follow ID…`.")
        for number, each in enumerate(jobs):
            try:
                job = client.get_job(each) if isinstance(each, str) else each
                if not args.json:
                    _write(("\n" if number else "") + format_heading(job) + "\n")
                _show(client, job.id, args)
            except Refused as refused:
                status = print_error(refused.message, refused.hint, exit_codes.REFUSED)
    return status


def _show(client: Client, job: str, args: argparse.Namespace) -> None:
    """The output of one job."""
    stream: Stream = "stderr" if args.stderr else "stdout"
    encoding: Encoding = "text" if args.json else "base64"
    asked = Asked(client, job, args.attempt, stream, args.lines, encoding, _render(args))
    pieces = _with_notes(asked.follow() if args.follow else asked.read())
    if args.json:
        for piece in pieces:
            print(msgspec.json.encode(piece).decode(), flush=True)
    elif sys.stdout.isatty():
        _to_terminal(pieces)
    else:
        for piece in pieces:
            if isinstance(piece, Output):
                sys.stdout.buffer.write(_bytes(piece))
                sys.stdout.buffer.flush()


def _write(text: str) -> None:
    """Words of our own between the output of jobs, which goes past the buffer of `print`."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _render(args: argparse.Namespace) -> Render:
    """Programs get the bytes with --json and --raw; on a pipe a transcript has no colours."""
    if args.raw or args.json:
        return "none"
    return "colour" if stdout_screen().colour else "text"


def _bytes(piece: Output) -> bytes:
    return piece.data.encode() if piece.rendered else base64.b64decode(piece.data)


def _with_notes(pieces: Iterator[Output | FollowEnd]) -> Iterator[Output | FollowEnd]:
    """Say on stderr where something is missing because output beyond the limit is dropped."""
    expected = 0
    for piece in pieces:
        if isinstance(piece, Output):
            if piece.dropped_bytes > expected and piece.offset == piece.dropped_bytes:
                what = (
                    f"the first {piece.dropped_bytes} bytes" if expected == 0 else f"bytes {expected} to {piece.offset}"
                )
                print(f"luzia: {what} of this output are not kept (max_log_bytes)", file=sys.stderr, flush=True)
            expected = piece.next_offset
        else:
            expected = 0
        yield piece


def _to_terminal(pieces: Iterator[Output | FollowEnd]) -> None:
    safe = SafeOutput(stdout_screen().colour)
    try:
        for piece in pieces:
            if isinstance(piece, Output):
                sys.stdout.write(safe.feed(_bytes(piece)))
                sys.stdout.flush()
    finally:
        sys.stdout.write(safe.end())
        sys.stdout.flush()


class Asked(msgspec.Struct, frozen=True):
    """What output is wanted. attempt: None is the newest. lines: None is all of it."""

    client: Client
    job: str
    attempt: int | None
    stream: Stream
    lines: int | None
    encoding: Encoding
    render: Render

    def read(self) -> Iterator[Output]:
        """What is there now, and no more, however fast the job writes."""
        piece = self.client.read_output(
            self.job,
            attempt=self.attempt,
            stream=self.stream,
            tail=self.lines,
            max_bytes=MAX_OUTPUT_BYTES,
            encoding=self.encoding,
            render=self.render,
        )
        size = piece.size
        yield piece
        while piece.next_offset < size:
            before = piece.next_offset
            piece = self.client.read_output(
                self.job,
                attempt=piece.attempt,
                stream=self.stream,
                offset=before,
                max_bytes=MAX_OUTPUT_BYTES,
                encoding=self.encoding,
                render=self.render,
            )
            if piece.next_offset <= before:
                return
            yield piece

    def follow(self) -> Iterator[Output | FollowEnd]:
        """Everything until the job, or the attempt that was asked for, has ended."""
        attempt, lines = self.attempt, self.lines
        while True:
            end: FollowEnd | None = None
            for piece in self.client.follow(
                self.job, attempt=attempt, stream=self.stream, tail=lines, encoding=self.encoding, render=self.render
            ):
                if isinstance(piece, FollowEnd):
                    end = piece
                yield piece
            if end is None or end.state.is_final or self.attempt is not None:
                return
            job = self._next_attempt(end.attempt)
            if job.attempt <= end.attempt:
                return
            attempt, lines = end.attempt + 1, None

    def _next_attempt(self, last: int) -> Job:
        """The job once it has an attempt after `last`, or is final without one."""
        while True:
            seq = self.client.list_jobs(limit=1).seq
            job = self.client.get_job(self.job)
            if job.attempt > last or job.state.is_final:
                return job
            for event in self.client.subscribe(after=seq, jobs=[job.id]):
                if isinstance(event, events.Starting | events.Ended | events.Removed):
                    break


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 0 or more")
    return number
