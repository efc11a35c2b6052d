"""The interface of executors, which run attempts: `local.py` on this machine, `ray/` on a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from luzia_protocol.jobs import Bounds, Worktree

from luziad.jobs.attempt import AttemptEnd, AttemptRef
from luziad.jobs.requirements import Requirements


class Remote(msgspec.Struct, frozen=True):
    """Where an attempt runs, if it is not this machine.

    executor: the name of its executor. requirements: what it needs there. tree: the job's worktree, which its node gets
    a copy of. git_directories: git's own directories for it. copied: paths in it of files that git does not have.
    """

    executor: str
    requirements: Requirements
    tree: Worktree | None
    git_directories: Sequence[str]
    copied: Sequence[str] = ()


class Launch(msgspec.Struct, frozen=True):
    """Everything that is needed to start one attempt.

    argv: the command. env: its whole environment, with secrets: never log or store it.
    cwd: an absolute directory. prompt: the agent's input, written to the attempt's `prompt` file.
    stdin_prompt: the agent's stdin is that file; otherwise it is /dev/null.
    umask: that of the agent; None is the daemon's.
    first_line: instead, its stdin is a FIFO that begins with this line and accepts more lines.
    merge_stderr: stderr goes into stdout. grace_s: seconds between TERM and KILL when the tree is ended.
    keep_children: children of an agent that ends by itself may outlive it.
    bounds: limits on its resources; None is no limit. nice: its nice value, 0 to 19.
    remote: None to run on this machine.
    max_log_bytes: limit on its stored output, stdout and stderr together; the oldest is dropped first.
    """

    ref: AttemptRef
    argv: list[str]
    env: dict[str, str]
    cwd: str
    prompt: str
    stdin_prompt: bool
    merge_stderr: bool
    grace_s: float
    keep_children: bool = False
    max_log_bytes: int = 1 << 50
    bounds: Bounds | None = None
    first_line: str | None = None
    umask: int | None = None
    nice: int = 0
    remote: Remote | None = None


class AttemptObserver(Protocol):
    """Hears of the start and the end of attempts, on the event loop, each once per run of the executor."""

    def attempt_started(self, ref: AttemptRef, pid: int, started_at: float, ran_s: float) -> None:
        """The agent is running as `pid` and started at `started_at` (epoch seconds).

        ran_s: how long it has run, on a clock that nobody sets and that stops while the machine sleeps.
        """

    def attempt_ended(self, ref: AttemptRef, end: AttemptEnd) -> None:
        """The attempt and its whole process tree have ended."""

    def start_hindered(self, problem: str) -> None:
        """The machine lacks something for attempts, which are tried again. No attempt has ended because of it."""


class ChangeWatcher(Protocol):
    """Tells of writes to files; FileWatcher."""

    def watch(self, path: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back at every write to a file, or to one in a directory. Returns a function that stops this.

        Raises OSError.
        """


class AttemptRunner(Protocol):
    """Runs attempts. No method blocks; the observer hears of starts and ends."""

    async def start(self, observer: AttemptObserver) -> None:
        """Prepare to run attempts."""

    async def stop(self) -> None:
        """Stop watching and starting attempts; running ones continue."""

    def unsupported_reason(self, bounds: Bounds) -> str | None:
        """Why these limits cannot be enforced; None when they can."""

    def submit(self, launch: Launch) -> None:
        """Start an attempt, at most once ever. Call this only after `starting` is committed."""

    def attach(self, ref: AttemptRef, grace_s: float) -> None:
        """Find an attempt that is active according to the store, and watch it or report its end.

        grace_s: as in its Launch.
        """

    def pause(self, ref: AttemptRef) -> None:
        """Suspend the attempt until it is resumed or cancelled. Idempotent."""

    def resume(self, ref: AttemptRef) -> None:
        """Resume the attempt. Idempotent."""

    def cancel(self, ref: AttemptRef) -> None:
        """End the attempt: TERM, grace time, KILL to its whole process tree. Idempotent.

        An attempt that does not end nevertheless is killed with its shim, and reported as lost.
        """

    def problem(self, ref: AttemptRef) -> str | None:
        """Why it is not known what became of an attempt, as text; None when nothing is wrong."""

    async def write_stdin(self, ref: AttemptRef, line: str) -> None:
        """Write a line to an agent that was started with a `first_line`. Raises OSError when it is not delivered."""

    def close_stdin(self, ref: AttemptRef) -> None:
        """Close the stdin of such an agent."""


class Executor(AttemptRunner, Protocol):
    """Runs attempts, and has their directories on this machine."""

    def output_path(self, ref: AttemptRef, stream: str) -> str:
        """The file of the attempt's `stdout` or `stderr`; it need not exist yet."""

    def output_paths(self, ref: AttemptRef) -> list[str]:
        """The files of all its streams; they need not exist yet."""

    def job_directory(self, job: str) -> str:
        """The job's directory; it need not exist."""

    def delete_job(self, job: str) -> asyncio.Future[str | None]:
        """Delete the job's directory; the result is why it could not be deleted yet. Its attempts must have ended."""
