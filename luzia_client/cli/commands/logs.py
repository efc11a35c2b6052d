"""Print the output of jobs; for agents, a transcript. With -f, follow it through retries and daemon restarts.

Several jobs are printed one after another, each below a heading. If options select the jobs, those that have not
started are skipped, and the newest is printed last.
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
from luzia_client.cli.args.parser import add_json, parse_count
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.safe_output import SafeOutput
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.watch.attention import report_attention
from luzia_client.cli.watch.log_selection import add_job_options, format_heading, select_jobs

EXAMPLES = (
    ("luzia logs a2f5", "print the output of a job"),
    ("luzia logs -f @last", "follow the output until the job ends"),
    ("luzia logs -n 5 --state failed", "print the last lines of the failed jobs"),
)

Stream = Literal["stdout", "stderr"]
Encoding = Literal["text", "base64"]
Render = Literal["none", "text", "colour"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_job_options(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="follow the output of one job until it ends")
    parser.add_argument("-n", "--lines", type=parse_count, metavar="N", help="print only the last N lines")
    parser.add_argument("--raw", action="store_true", help="print the output itself, not the transcript")
    parser.add_argument("--stderr", action="store_true", help="print stderr instead of stdout")
    parser.add_argument(
        "--attempt", type=parse_count, metavar="K", help="print the output of attempt K (default: the newest)"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    status = exit_codes.OK
    with Client() as client:
        jobs = select_jobs(client, args)
        if len(jobs) == 1 and isinstance(jobs[0], str):
            _show(client, jobs[0], args)
            return status
        if args.follow:
            raise UsageError("-f follows one job only", "Use `luzia follow ID…` for several jobs.")
        for number, each in enumerate(jobs):
            try:
                job = client.get_job(each) if isinstance(each, str) else each
                if not args.json:
                    _write(("\n" if number else "") + format_heading(job) + "\n")
                _show(client, job.id, args)
            except Refused as refused:
                status = print_refusal(refused)
    return status


def _show(client: Client, job: str, args: argparse.Namespace) -> None:
    """Print the output of one job."""
    stream: Stream = "stderr" if args.stderr else "stdout"
    encoding: Encoding = "text" if args.json else "base64"
    request = OutputRequest(client, job, args.attempt, stream, args.lines, encoding, _render(args))
    if args.follow:
        report_attention(client.socket, [job])
    pieces = _with_notes(request.follow() if args.follow else request.read())
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


def _with_notes(pieces: Iterator[Output | FollowEnd]) -> Iterator[Output | FollowEnd]:
    """Print on stderr where output is missing because it exceeded max_log_bytes."""
    expected = 0
    for piece in pieces:
        if isinstance(piece, Output):
            if piece.dropped_bytes > expected and piece.offset == piece.dropped_bytes:
                what = (
                    f"the first {piece.dropped_bytes} bytes" if expected == 0 else f"bytes {expected} to {piece.offset}"
                )
                print(f"luzia: {what} of this output were dropped (max_log_bytes)", file=sys.stderr, flush=True)
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


class OutputRequest(msgspec.Struct, frozen=True):
    """Which output to read. attempt: None is the newest. lines: the last ones only, None is all."""

    client: Client
    job: str
    attempt: int | None
    stream: Stream
    lines: int | None
    encoding: Encoding
    render: Render

    def read(self) -> Iterator[Output]:
        """The output so far; what the job writes in the meantime is left out."""
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
        """The output until the job, or the requested attempt, has ended."""
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
        """Wait until the job has an attempt after `last`, or is final without one."""
        while True:
            seq = self.client.list_jobs(limit=1).seq
            job = self.client.get_job(self.job)
            if job.attempt > last or job.state.is_final:
                return job
            for event in self.client.subscribe(after=seq, jobs=[job.id]):
                if isinstance(event, events.Starting | events.Ended | events.Removed):
                    break
