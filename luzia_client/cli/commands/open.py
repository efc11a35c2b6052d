"""Start a shell where a job works: in its git worktree if it has one, otherwise in its directory; exit comes back.

A command cannot change the directory of the shell that started it. For that: cd "$(luzia open --print ID)"
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from typing import NamedTuple

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import harmless

EXAMPLES = (
    ("luzia open a2f5", "a shell where it works"),
    ("luzia open --print a2f5", "the directory alone, for cd"),
    ("luzia open --editor @last", "your editor there"),
)


class Place(NamedTuple):
    """A directory. what: which one of the job that is, in words. remedy: what to do when it is gone."""

    path: str
    what: str
    remedy: str = ""


class Opened(msgspec.Struct, frozen=True):
    """What `--json` prints."""

    job: str
    directory: str
    exists: bool


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("job", metavar="ID", help="the job")
    parser.add_argument("--logs", action="store_true", help="the directory with its records and its output instead")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--print", action="store_true", help="print the directory (what a pipe gets anyway)")
    how.add_argument("-e", "--editor", action="store_true", help="start $VISUAL or $EDITOR there instead of $SHELL")
    how.add_argument("--json", action="store_true", help="print JSON, one object a line")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status, unless a program takes the place of this one."""
    with Client() as client:
        job = client.get_job(args.job)
    place = _records(job) if args.logs else _work(job)
    there = os.path.isdir(place.path)
    if args.json:
        print_json(Opened(job.id, place.path, there))
        return exit_codes.OK
    if not there:
        return print_error(f"{place.what} is gone: {place.path}", place.remedy, exit_codes.INPUT_OUTPUT)
    if args.editor:
        return _become([*_editor(), place.path], place.path, job)
    if args.print or not sys.stdout.isatty():
        print(harmless(place.path) if sys.stdout.isatty() else place.path)
        return exit_codes.OK
    print(harmless(f"In {place.what}: {place.path}"), file=sys.stderr)
    print("exit comes back.", file=sys.stderr)
    return _become([os.environ.get("SHELL") or "/bin/sh"], place.path, job)


def _work(job: Job) -> Place:
    if job.worktree is not None:
        tree = job.worktree
        remedy = (
            f"What it committed is on the branch {tree.branch}, unless that was deleted: `git branch` in the project."
        )
        return Place(tree.directory, f"the worktree of job {job.id}", remedy)
    return Place(job.cwd, f"the directory of job {job.id}")


def _records(job: Job) -> Place:
    if job.directory is None:
        raise Refused(ErrorCode.UNKNOWN_ATTEMPT, f"job {job.id} has not started yet, so there are no records of it")
    return Place(job.directory, f"the records of job {job.id}")


def _editor() -> list[str]:
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
    if not words:
        raise UsageError("no editor is set", "Set VISUAL or EDITOR to one.")
    return words


def _become(argv: list[str], directory: str, job: Job) -> int:
    """Become another program, in a directory, which does not return. Raises OSError, which names the program."""
    sys.stdout.flush()
    os.chdir(directory)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what is ignored stays so
        signal.signal(number, signal.SIG_DFL)
    os.execvpe(argv[0], argv, {**os.environ, "PWD": directory, "LUZIA_OPEN": job.id})
