"""Printers for the interleaved output of many jobs: prefixed lines for people, JSON lines for programs."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from typing import NamedTuple
from zlib import crc32

import msgspec

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import JobState
from luzia_protocol.output import FollowEnd, Output

from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.formatting import STATE_COLOURS, add_reason, format_state
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.safe_output import SafeOutput
from luzia_client.cli.show.screen import Screen, detect_screen
from luzia_client.cli.show.text import format_quantity, one_line, pad, width

_COLOURS = ("cyan", "yellow", "green", "magenta")
PREFIX_COLOURS = (*_COLOURS, "blue", *(f"bold {colour}" for colour in _COLOURS))
"""Red is for failures."""
MAX_LINE_BYTES = 64 * 1024
"""The bytes of an incomplete line that are held back; a longer line is printed in pieces."""
MAX_PROJECT_WIDTH = 16
MAX_NAME_WIDTH = 20


def format_loss(lost_bytes: int) -> str:
    """What to say of output that the job has truncated itself."""
    return f"the job truncated its output and lost at least {format_quantity(lost_bytes, 'byte')} of it"


class JobEnd(NamedTuple):
    """The end of a job."""

    state: JobState
    outcome: str | None = None
    reason: str | None = None


class LineSplitter:
    """Splits a stream of bytes into lines."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, without their newlines."""
        *lines, self._held = (self._held + data).split(b"\n")
        while len(self._held) > MAX_LINE_BYTES:
            end = MAX_LINE_BYTES
            while self._held[end] & 0xC0 == 0x80 and end > MAX_LINE_BYTES - 4:  # not inside a character
                end -= 1
            lines.append(self._held[:end])
            self._held = self._held[end:]
        return lines

    def end(self) -> list[bytes]:
        """The last line, if it has no newline."""
        rest, self._held = self._held, b""
        return [rest] if rest else []


class _PrefixedJob:
    """The state of a job whose output is printed. expected: the offset at which its next piece should begin."""

    def __init__(self, project: str, name: str, style: str) -> None:
        self.project = project
        self.name = name
        self.style = style
        self.lines = LineSplitter()
        self.expected = 0


class PrefixedPrinter:
    """Prints the output of jobs on stdout, and the changes of their states on stderr.

    screen: the properties of stdout. raw: leave the bytes unchanged if stdout is no terminal.
    """

    def __init__(self, screen: Screen, raw: bool) -> None:
        self._screen = screen
        self._raw = raw and screen.width is None
        self._jobs: dict[str, _PrefixedJob] = {}
        self._column = self._name_column = 0

    def start_job(self, job: str, project: str, name: str) -> None:
        """Add a job, with a colour that no other job has, if possible."""
        first = crc32(job.encode()) % len(PREFIX_COLOURS)
        colours = [*PREFIX_COLOURS[first:], *PREFIX_COLOURS[:first]]
        used = {shown.style for shown in self._jobs.values()} if len(self._jobs) < len(PREFIX_COLOURS) else set()
        style = next(style for style in colours if style not in used)
        self._jobs[job] = _PrefixedJob(one_line(project), name, style)
        self._column = max(self._column, min(width(one_line(project)), MAX_PROJECT_WIDTH))
        self._name_column = max(self._name_column, min(width(name), MAX_NAME_WIDTH))

    def start_attempt(self, job: str, number: int) -> None:
        """Start the output of another attempt."""
        self._jobs[job].expected = 0
        if number > 1:
            self._note(job, f"attempt {number}", "dim")

    def print_output(self, job: str, piece: Output) -> None:
        """Print the lines that this piece completes."""
        shown = self._jobs[job]
        if piece.dropped_bytes > shown.expected and piece.offset == piece.dropped_bytes:
            self._note(job, "earlier output has been dropped (max_log_bytes)", "dim")
        if piece.lost_bytes:
            self._note(job, format_loss(piece.lost_bytes), "dim")
        shown.expected = piece.next_offset
        data = piece.data.encode() if piece.rendered else base64.b64decode(piece.data)
        self._print(job, shown.lines.feed(data))

    def end_attempt(self, job: str, end: FollowEnd) -> None:
        """Print the last line of an attempt, if it has no newline."""
        del end
        self._print(job, self._jobs[job].lines.end())

    def report_error(self, job: str, refused: Refused) -> None:
        """Report why the output of an attempt is not available."""
        self._note(job, one_line(refused.message), "red")

    def end_job(self, job: str, end: JobEnd) -> None:
        """Report how the job ended, and drop it."""
        self._note(job, add_reason(format_state(end.state), end.reason), STATE_COLOURS[end.state])
        del self._jobs[job]

    def prefix(self, job: str, screen: Screen | None = None) -> str:
        """The prefix of a job's lines. screen: the output, if it is not stdout."""
        shown = self._jobs[job]
        name = f" {pad(shown.name, self._name_column)}" if self._name_column else ""
        label = f"{pad(shown.project, self._column)} {job}{name} |"
        return f"{(screen or self._screen).paint(label, shown.style)} "

    def _print(self, job: str, lines: list[bytes]) -> None:
        if not lines:
            return
        prefix = self.prefix(job)
        if self._raw:
            head = prefix.encode()
            sys.stdout.buffer.write(b"".join(b"%b%b\n" % (head, line) for line in lines))
            sys.stdout.buffer.flush()
        else:
            sys.stdout.write("".join(f"{prefix}{self._safe(line)}\n" for line in lines))
            sys.stdout.flush()

    def _note(self, job: str, text: str, style: str) -> None:
        screen = detect_screen(sys.stderr)
        print(f"{self.prefix(job, screen)}{screen.paint(text, style)}", file=sys.stderr, flush=True)

    def _safe(self, line: bytes) -> str:
        """The line with controls made visible; of a line overwritten with carriage returns, the last state."""
        *_, last = line.rstrip(b"\r").split(b"\r")
        safe = SafeOutput(self._screen.colour)
        return safe.feed(last) + safe.end()


class JsonPrinter:
    """Prints the objects of the wire, one per line; the last one of each job has its final state."""

    def __init__(self) -> None:
        self._ends: dict[str, FollowEnd] = {}

    def start_job(self, job: str, project: str, name: str) -> None:
        """Add a job."""
        del project, name
        self._ends[job] = FollowEnd(job, 0, 0, JobState.QUEUED)

    def start_attempt(self, job: str, number: int) -> None:
        """Nothing to print: each piece has the number of its attempt."""

    def print_output(self, job: str, piece: Output) -> None:
        """Print a piece."""
        del job
        self._print(piece)

    def end_attempt(self, job: str, end: FollowEnd) -> None:
        """Print the end of an attempt."""
        self._ends[job] = end
        self._print(end)

    def report_error(self, job: str, refused: Refused) -> None:
        """Report why the output of an attempt is not available."""
        print_error(f"{job}: {refused.message}", refused.hint, 0)

    def end_job(self, job: str, end: JobEnd) -> None:
        """Print the final state, unless the end of the last attempt had it."""
        last = self._ends.pop(job)
        if last.state is not end.state:
            self._print(msgspec.structs.replace(last, state=end.state))

    def _print(self, item: Output | FollowEnd) -> None:
        print_json(item)


class LogPrinter:
    """Writes the output of one job as it is, and says on stderr where output is missing. write: called for each piece,
    and for the end of each attempt."""

    def __init__(self, write: Callable[[Output | FollowEnd], None]) -> None:
        self._write = write
        self._expected = 0

    def start_job(self, job: str, project: str, name: str) -> None:
        """Nothing to print: there is only one job."""

    def start_attempt(self, job: str, number: int) -> None:
        """Start the output of another attempt."""
        del job, number
        self._expected = 0

    def print_output(self, job: str, piece: Output) -> None:
        """Write a piece."""
        del job
        if piece.dropped_bytes > self._expected and piece.offset == piece.dropped_bytes:
            first = f"bytes {self._expected} to {piece.offset}" if self._expected else f"the first {piece.offset} bytes"
            print(f"luzia: {first} of this output were dropped (max_log_bytes)", file=sys.stderr, flush=True)
        if piece.lost_bytes:
            print(f"luzia: {format_loss(piece.lost_bytes)}", file=sys.stderr, flush=True)
        self._expected = piece.next_offset
        self._write(piece)

    def end_attempt(self, job: str, end: FollowEnd) -> None:
        """Write the end of an attempt."""
        del job
        self._write(end)

    def report_error(self, job: str, refused: Refused) -> None:
        """Raise it: there is nothing else to print."""
        del job
        raise refused

    def end_job(self, job: str, end: JobEnd) -> None:
        """Nothing to print: the output is all."""
