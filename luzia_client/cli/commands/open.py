"""Open a shell or an editor in a job's git worktree, or in its directory if it has no worktree.

Exit the shell to return. To change the directory of the current shell, use --print:

  cd "$(luzia open --print ID)"

With --web, open the page of the job that `luzia web` serves.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import NamedTuple

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.editor import editor_command
from luzia_client.cli.args.parser import ID_HELP
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import harmless

EXAMPLES = (
    ("luzia open a2f5", "open a shell in the job's worktree"),
    ("luzia open --print a2f5", "print the path of the directory"),
    ("luzia open --editor @last", "open your editor in its directory"),
)


class Directory(NamedTuple):
    """A directory of a job. what: its description. remedy: what to do if it does not exist."""

    path: str
    what: str
    remedy: str = ""


class OpenResult(msgspec.Struct, frozen=True):
    """The output of `--json`."""

    job: str
    directory: str
    exists: bool


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", metavar="ID", help=ID_HELP)
    parser.add_argument("--logs", action="store_true", help="open the directory with its records and output instead")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--print", action="store_true", help="print the directory's path (the default when the output is piped)"
    )
    how.add_argument("-e", "--editor", action="store_true", help="start $VISUAL or $EDITOR instead of $SHELL")
    how.add_argument("--web", action="store_true", help="print a link to its web page, and open it on a terminal")
    how.add_argument("--json", action="store_true", help="print JSON, one object per line")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status, unless another program replaces this one."""
    with Client() as client:
        job = client.get_job(args.job)
    if args.web:
        return _open_page(job)
    directory = _records(job) if args.logs else _work(job)
    exists = os.path.isdir(directory.path)
    if args.json:
        print_json(OpenResult(job.id, directory.path, exists))
        return exit_codes.OK
    if not exists:
        return print_error(
            f"{directory.what} no longer exists: {directory.path}", directory.remedy, exit_codes.INPUT_OUTPUT
        )
    if args.editor:
        return _exec([*editor_command(), directory.path], directory.path, job)
    if args.print or not sys.stdout.isatty():
        print(harmless(directory.path) if sys.stdout.isatty() else directory.path)
        return exit_codes.OK
    print(harmless(f"In {directory.what}: {directory.path}"), file=sys.stderr)
    print("Exit the shell to return.", file=sys.stderr)
    return _exec([os.environ.get("SHELL") or "/bin/sh"], directory.path, job)


def _open_page(job: Job) -> int:
    """Print a link to the page of a job, which signs the browser in, and open it where a user sees that."""
    from luzia_client.web.control import ask

    link = f"{ask('url')['url']}&to=job/{job.id}"
    print(link, flush=True)
    if sys.stdout.isatty():
        from luzia_client.web.opening import open_link

        open_link(link)
    return exit_codes.OK


def _work(job: Job) -> Directory:
    if job.worktree is not None:
        tree = job.worktree
        remedy = f"Its commits are on the branch {tree.branch} of the project, unless it was deleted."
        return Directory(tree.directory, f"the worktree of job {job.id}", remedy)
    return Directory(job.cwd, f"the directory of job {job.id}", f"Its records remain: `luzia open --logs {job.id}`.")


def _records(job: Job) -> Directory:
    if job.directory is None:
        raise Refused(ErrorCode.UNKNOWN_ATTEMPT, f"job {job.id} has not started, and has no records yet")
    return Directory(job.directory, f"the records of job {job.id}", f"Run it again with `luzia retry {job.id}`.")


def _exec(argv: list[str], directory: str, job: Job) -> int:
    """Replace this process by a program in a directory. Raises OSError with the program's name."""
    sys.stdout.flush()
    os.chdir(directory)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and programs inherit that
        signal.signal(number, signal.SIG_DFL)
    os.execvpe(argv[0], argv, {**os.environ, "PWD": directory, "LUZIA_OPEN": job.id})
