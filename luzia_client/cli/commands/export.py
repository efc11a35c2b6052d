"""Export the records of all jobs as JSON lines, oldest first, for `luzia import` on another machine.

The records contain no values of variables and no output. The output is in the jobs directory, whose path `luzia daemon
status` shows.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import BinaryIO

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.version import VERSION

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.text import format_quantity, harmless_json

EXAMPLES = (("luzia export jobs.jsonl", "export to a new file"),)

FORMAT = 1
"""The version in the first line. A reader refuses a later one; new fields need no new version."""


class Head(msgspec.Struct, frozen=True):
    """The first line."""

    luzia_export: int
    version: str = ""
    exported_at: datetime | None = None


class End(msgspec.Struct, frozen=True):
    """The last line: the number of jobs."""

    end: int


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="the file to create (default: stdout)")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    status = exit_codes.OK
    written = 0
    with Client() as client, _open_output(args.file) as target:
        _write(target, Head(FORMAT, VERSION, datetime.now(UTC)))
        for job in reversed([job.id for job in client.iter_jobs()]):
            try:
                _write(target, {"job": client.get_job(job)})
            except Refused as refused:
                if refused.code is not ErrorCode.UNKNOWN_JOB:  # removed in the meantime
                    status = print_refusal(refused, f"job {job} skipped: ")
                continue
            written += 1
        _write(target, End(written))
    if args.file is not None:
        print(f"Exported {format_quantity(written, 'job')} to {args.file}")
    return status


def _write(target: BinaryIO, line: object) -> None:
    target.write(harmless_json(msgspec.json.encode(line).decode()).encode() + b"\n")


@contextmanager
def _open_output(file: str | None) -> Iterator[BinaryIO]:
    """The output. A file is readable by its owner only, and appears when it is complete."""
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if os.path.lexists(file):
        raise UsageError(f"{file} already exists", "Choose another name.")
    unfinished = f"{file}.part"
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, file) from exc
    with open(descriptor, "wb") as target:
        yield target
        target.flush()
        os.fsync(target.fileno())
    os.rename(unfinished, file)
