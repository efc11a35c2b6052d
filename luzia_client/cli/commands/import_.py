"""Import the jobs of an export. Existing jobs are not changed, and no imported job starts."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import msgspec

from luzia_protocol.framing import MAX_FRAME_BYTES
from luzia_protocol.invalid_data import describe_invalid_json, describe_invalid_value
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
from luzia_client.cli.show.text import format_quantity, harmless

EXAMPLES = (("luzia import jobs.jsonl", "import jobs that do not exist yet"),)

MAX_LINE_BYTES = MAX_FRAME_BYTES - 1024
BATCH_BYTES = 1024 * 1024


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", metavar="FILE", help="the output of `luzia export`; - reads stdin")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client, _open_input(args.file) as source:
        return _Importer(client, args.json).run(source)


class _Importer:
    """Imports a file in requests of many jobs, and reports errors by line number."""

    def __init__(self, client: Client, as_json: bool) -> None:
        self._client = client
        self._as_json = as_json
        self._collected: list[tuple[int, Job]] = []
        self._bytes = 0
        self._counts: Counter[str] = Counter()

    def run(self, source: BinaryIO) -> int:
        """Import all jobs; returns the exit status."""
        _check_head(source.readline(MAX_LINE_BYTES))
        seen, end = 0, None
        for number, line in _lines(source):
            if line is None:
                self._print_refusal(number, f"longer than {MAX_LINE_BYTES} bytes")
            elif end is not None:
                self._print_refusal(number, "it follows the end of the export")
            elif line.startswith(b'{"end":'):
                end = _decode_end(line)
                continue
            else:
                self._collect(number, line)
            seen += 1
        self._send()
        if end != seen:
            why = (
                "its end is missing" if end is None else f"it should have {format_quantity(end, 'job')}, and has {seen}"
            )
            self._print_refusal(None, f"the file is incomplete: {why}")
        counts = self._counts
        if not self._as_json:
            print(
                f"Imported {format_quantity(counts['created'], 'job')}; {counts['existing']} already existed,"
                f" {counts['refused']} refused"
            )
        return exit_codes.REFUSED if counts["refused"] else exit_codes.OK

    def _collect(self, number: int, line: bytes) -> None:
        try:
            job = msgspec.json.decode(line, type=_Line).job
        except msgspec.ValidationError as exc:
            self._print_refusal(number, f"not a job: {describe_invalid_value(str(exc), 'the line')}")
            return
        except msgspec.DecodeError as exc:
            self._print_refusal(number, describe_invalid_json(str(exc), line))
            return
        if self._collected and (len(self._collected) == MAX_IMPORT_JOBS or self._bytes + len(line) > BATCH_BYTES):
            self._send()
        self._collected.append((number, job))
        self._bytes += len(line)

    def _send(self) -> None:
        """Send the collected jobs. If the daemon refuses the request, the import ends; it can be repeated."""
        collected, self._collected, self._bytes = self._collected, [], 0
        if not collected:
            return
        imported = self._client.import_jobs([job for _, job in collected])
        for (number, _), result in zip(collected, imported.imports, strict=True):
            self._report(number, result)

    def _report(self, number: int, result: ImportedJob) -> None:
        if self._as_json:
            print_json({"line": number, **msgspec.to_builtins(result)})
        if result.error is not None:
            self._print_refusal(number, result.error.message, result.error.hint)
            return
        self._counts["created" if result.created else "existing"] += 1
        if result.created and result.note and not self._as_json:
            print(harmless(f"line {number}: {result.job}: {result.note}"))

    def _print_refusal(self, number: int | None, why: str, hint: str = "") -> None:
        self._counts["refused"] += 1
        print_error(why if number is None else f"line {number}: {why}", hint, 0)


class _Line(msgspec.Struct, frozen=True):
    """A line with a job, in the format of the reply to `status`."""

    job: Job


def _check_head(line: bytes) -> None:
    try:
        head = msgspec.json.decode(line, type=Head)
    except msgspec.DecodeError as exc:
        raise UsageError("line 1: not a luzia export", 'An export begins with {"luzia_export": 1}.') from exc
    if head.luzia_export > FORMAT:
        raise UsageError(
            f"line 1: unsupported export format {head.luzia_export}; this version reads {FORMAT}",
            f"Import it with luzia {head.version} or newer.",
        )


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The non-empty lines after the first by number; None for one that is too long."""
    number = 1
    while line := source.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := source.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
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
def _open_input(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with open(file, "rb") as source:
        yield source
