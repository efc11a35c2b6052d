"""The interface of everything that can run attempts. `local.py` runs them on this machine."""

from __future__ import annotations

from typing import Protocol

import msgspec

from luzia_protocol.jobs import Bounds

from luziad.jobs.attempt import AttemptEnd, AttemptRef


class Launch(msgspec.Struct, frozen=True):
    """All that is needed to start one attempt.

    argv: the command. env: its whole environment (secrets included: never log or store it).
    cwd: an absolute directory. prompt: what the agent was given, written to the attempt's `prompt` file.
    stdin_prompt: the agent reads that file on stdin; otherwise its stdin is /dev/null.
    first_line: instead, its stdin is a FIFO that begins with this line and can be talked into.
    merge_stderr: stderr goes into stdout. grace_s: seconds between TERM and KILL when the tree is ended.
    keep_children: what the agent leaves behind when it ends by itself goes on.
    bounds: what it may use at most; None is no limit.
    max_log_bytes: what is kept of its output, stdout and stderr together; the oldest goes first.
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


class Observer(Protocol):
    """Who hears what became of attempts; called on the event loop, each fact once per executor life."""

    def attempt_started(self, ref: AttemptRef, pid: int, started_at: float, ran_s: float) -> None:
        """The agent runs as `pid` since `started_at` (epoch seconds).

        ran_s: how long by a clock that nobody sets, which stands still while the machine sleeps.
        """

    def attempt_ended(self, ref: AttemptRef, end: AttemptEnd) -> None:
        """The attempt is over and its whole process tree is gone."""


class Executor(Protocol):
    """Runs attempts. None of the methods blocks; what happens is told to the observer."""

    async def start(self, observer: Observer) -> None:
        """Get ready to run attempts."""

    async def stop(self) -> None:
        """Stop watching and starting; running attempts go on."""

    def problem_with(self, bounds: Bounds) -> str | None:
        """Why these limits cannot be kept for an attempt, None when they can."""

    def submit(self, launch: Launch) -> None:
        """Start an attempt, at most once in all times. Call it only after the store has `starting`."""

    def attach(self, ref: AttemptRef) -> None:
        """Find out what became of an attempt that the store says is under way, and watch it on."""

    def pause(self, ref: AttemptRef) -> None:
        """Let nothing of the attempt run until it is resumed or ended. Asking twice is harmless."""

    def resume(self, ref: AttemptRef) -> None:
        """Let it run on. Harmless when it does."""

    def end(self, ref: AttemptRef) -> None:
        """End the attempt: TERM, grace, KILL to its whole process tree. Asking twice is harmless."""

    async def say(self, ref: AttemptRef, line: str) -> None:
        """Give a line to an agent that was started with a `first_line`. Raises OSError when it cannot be given."""

    def hang_up(self, ref: AttemptRef) -> None:
        """End the stdin of such an agent: nobody has anything more to say."""

    def output_path(self, ref: AttemptRef, stream: str) -> str:
        """The file that holds the attempt's `stdout` or `stderr`; it need not exist yet."""

    def job_directory(self, job: str) -> str:
        """The job's directory; it need not exist."""

    def forget(self, job: str) -> None:
        """Delete the job's directory. Its attempts must be over."""
