"""Take in the jobs of an export. What is there already stays as it is, and nothing starts by itself."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import msgspec

from luzia_protocol.framing import MAX_FRAME_BYTES
from luzia_protocol.jobs import Job
from luzia_protocol.replies import ImportedJob
from luzia_protocol.requests import MAX_IMPORT_JOBS

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.commands.export import FORMAT, End, Head
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import harmless

EXAMPLES = (("luzia import jobs.jsonl", "what is there already stays"),)

LONGEST_LINE = MAX_FRAME_BYTES - 1024
BATCH_BYTES = 1024 * 1024


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("file", metavar="FILE", help="what `luzia export` wrote; - is the standard input")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client, _source(args.file) as source:
        return _Importing(client, args.json).run(source)


class _Importing:
    """One run over a file: gathers jobs for a request, and tells what is wrong by the number of its line."""

    def __init__(self, client: Client, as_json: bool) -> None:
        self._client = client
        self._as_json = as_json
        self._waiting: list[tuple[int, Job]] = []
        self._bytes = 0
        self._counts: Counter[str] = Counter()

    def run(self, source: BinaryIO) -> int:
        """Read it all; returns the exit status."""
        _check_head(source.readline(LONGEST_LINE))
        seen, end = 0, None
        for number, line in _lines(source):
            if line is None:
                self._refused(number, f"longer than {LONGEST_LINE} bytes")
            elif end is not None:
                self._refused(number, "it stands after the end")
            elif line.startswith(b'{"end":'):
                end = _decode_end(line)
                continue
            else:
                self._take(number, line)
            seen += 1
        self._send()
        if end != seen:
            self._refused(None, f"the file is not whole: its end says {end} jobs, and it has {seen}")
        counts = self._counts
        if not self._as_json:
            print(
                f"Imported {counts['created']} jobs; {counts['there']} were there already, {counts['refused']} refused"
            )
        return exit_codes.REFUSED if counts["refused"] else exit_codes.OK

    def _take(self, number: int, line: bytes) -> None:
        try:
            job = msgspec.json.decode(line, type=_Line).job
        except msgspec.DecodeError as exc:
            self._refused(number, f"this is no job: {exc}")
            return
        if self._waiting and (len(self._waiting) == MAX_IMPORT_JOBS or self._bytes + len(line) > BATCH_BYTES):
            self._send()
        self._waiting.append((number, job))
        self._bytes += len(line)

    def _send(self) -> None:
        """Have the daemon take in what waits; a refusal of the whole request ends the run, which may be repeated."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if not waiting:
            return
        imported = self._client.import_jobs([job for _, job in waiting])
        for (number, _), result in zip(waiting, imported.imports, strict=True):
            self._tell(number, result)

    def _tell(self, number: int, result: ImportedJob) -> None:
        if self._as_json:
            print_json({"line": number, **msgspec.to_builtins(result)})
        if result.error is not None:
            self._refused(number, f"{result.error.message}", result.error.hint)
            return
        self._counts["created" if result.created else "there"] += 1
        if result.created and result.note and not self._as_json:
            print(harmless(f"line {number}: {result.job}: {result.note}"))

    def _refused(self, number: int | None, why: str, hint: str = "") -> None:
        self._counts["refused"] += 1
        print_error(why if number is None else f"line {number}: {why}", hint, 0)


class _Line(msgspec.Struct, frozen=True):
    """A line with a job, as `status` answers."""

    job: Job


def _check_head(line: bytes) -> None:
    try:
        head = msgspec.json.decode(line, type=Head)
    except msgspec.DecodeError as exc:
        raise UsageError("line 1: this is no export of luzia's", 'It begins with {"luzia_export": 1}.') from exc
    if head.luzia_export > FORMAT:
        raise UsageError(
            f"line 1: this is an export of format {head.luzia_export}, and this luzia reads {FORMAT}",
            f"Import it with luzia {head.version} or newer.",
        )


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines after the first by number, without empty ones; None for one that is too long."""
    number = 1
    while line := source.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := source.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                continue
            yield number, None
        elif line.strip():
            yield number, line


def _decode_end(line: bytes) -> int | None:
    try:
        return msgspec.json.decode(line, type=End).end
    except msgspec.DecodeError:
        return None


@contextmanager
def _source(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with open(file, "rb") as source:
        yield source
