"""The setup of a new worktree: a shell command of its project, which runs as a part of the first attempt.

So its output is in the attempt's stderr, and a cancellation or a timeout ends it as it ends the agent.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from luziad.supervise.regular_files import UnusableFile, read_regular

_SCRIPT = """\
(cd "$2" && exec /bin/sh -c "$1") </dev/null >&2
status=$?
if [ "$status" -ne 0 ]; then echo "$status" >"$4"; exit "$status"; fi
: >"$3"
shift 4
exec "$@"
"""
_MAX_STATUS_BYTES = 8


class Setup(NamedTuple):
    """A setup that is due. directory: where it runs. done: the file that is created when it has succeeded."""

    command: str
    directory: str
    done: str


def with_setup(setup: Setup, failed: str, argv: Sequence[str]) -> list[str]:
    """The command that runs the setup, and then the command `argv` in its place if it succeeds.

    failed: the file that gets its exit status otherwise.
    """
    return ["/bin/sh", "-c", _SCRIPT, "luzia-setup", setup.command, setup.directory, setup.done, failed, *argv]


def failed_file(job_directory: str, attempt: int) -> str:
    """The path of the file that says that the setup of this attempt has failed."""
    return f"{job_directory}/{attempt}/setup-failed"


def read_failure(job: str, failed: str, stderr: str) -> str | None:
    """Why the attempt has failed if that is because of its setup; None if it is not.

    failed: its failed_file. stderr: its file for stderr, which does not exist if stderr goes into stdout.
    """
    try:
        status = read_regular(failed, _MAX_STATUS_BYTES).decode(errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError, UnusableFile):
        return None
    option = " --stderr" if os.path.exists(stderr) else ""
    return f"the setup of its worktree failed with exit status {status}: `luzia logs{option} {job}` shows its output"
