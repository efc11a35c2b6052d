"""Write the records of all jobs as JSON lines, oldest first, for `luzia import` on another machine.

No value of a variable is among them. Their output is in the jobs directory, which `luzia daemon status` names.
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
from luzia_client.cli.show.errors import print_error

EXAMPLES = (("luzia export jobs.jsonl", "into a new file"),)

FORMAT = 1
"""The number in the first line; a reader refuses a greater one. Fields may be added without a new number."""


class Head(msgspec.Struct, frozen=True):
    """The first line."""

    luzia_export: int
    version: str = ""
    exported_at: datetime | None = None


class End(msgspec.Struct, frozen=True):
    """The last line: how many jobs came before it."""

    end: int


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="a new file, instead of the standard output")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    status = exit_codes.OK
    written = 0
    with Client() as client, _target(args.file) as target:
        _write(target, Head(FORMAT, VERSION, datetime.now(UTC)))
        for job in reversed([job.id for job in client.iter_jobs()]):
            try:
                _write(target, {"job": client.get_job(job)})
            except Refused as refused:
                if refused.code is not ErrorCode.UNKNOWN_JOB:  # one that was removed meanwhile is no loss
                    status = print_error(f"job {job} is left out: {refused.message}", refused.hint, exit_codes.REFUSED)
                continue
            written += 1
        _write(target, End(written))
    if args.file is not None:
        print(f"Exported {written} jobs to {args.file}")
    return status


def _write(target: BinaryIO, line: object) -> None:
    target.write(msgspec.json.encode(line) + b"\n")


@contextmanager
def _target(file: str | None) -> Iterator[BinaryIO]:
    """Where the lines go; a file is for its owner alone, and is there only when it is whole."""
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if os.path.lexists(file):
        raise UsageError(f"{file} is there already", "Name a new file.")
    unfinished = f"{file}.part"
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        yield target
        target.flush()
        os.fsync(target.fileno())
    os.rename(unfinished, file)
