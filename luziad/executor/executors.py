"""Several executors behind one: each job is run by the one that it was dispatched to.

All directories of jobs are on this machine, and are the local executor's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from luzia_protocol.jobs import Bounds

from luziad.executor.base import AttemptObserver, AttemptRunner, Executor, Launch
from luziad.jobs.attempt import AttemptRef

_MISSING = "its executor {} is no longer configured: add it to [executors] again, and restart luziad"


class Executors:
    """local: that of this machine. others: by name. choice: the name of the executor of a job; None is this machine.

    An attempt whose executor was removed from the configuration is neither ended nor lost: it is found again when the
    daemon starts with that executor.
    """

    def __init__(
        self, local: Executor, others: Mapping[str, AttemptRunner], choice: Callable[[str], str | None]
    ) -> None:
        self._local = local
        self._others = others
        self._choice = choice

    async def start(self, observer: AttemptObserver) -> None:
        """Prepare to run attempts."""
        for each in (self._local, *self._others.values()):
            await each.start(observer)

    async def stop(self) -> None:
        """Stop watching and starting attempts; running ones continue."""
        for each in (*self._others.values(), self._local):
            await each.stop()

    def unsupported_reason(self, bounds: Bounds) -> str | None:
        """Why this machine cannot enforce these limits; None when it can."""
        return self._local.unsupported_reason(bounds)

    def submit(self, launch: Launch) -> None:
        """Start an attempt, at most once ever. Call this only after `starting` is committed."""
        executor = self._local if launch.remote is None else self._others[launch.remote.executor]
        executor.submit(launch)

    def attach(self, ref: AttemptRef, grace_s: float) -> None:
        """Find an attempt that is active according to the store, and watch it or report its end."""
        if (executor := self._of(ref)) is not None:
            executor.attach(ref, grace_s)

    def pause(self, ref: AttemptRef) -> None:
        """Suspend the attempt until it is resumed or cancelled. Idempotent."""
        if (executor := self._of(ref)) is not None:
            executor.pause(ref)

    def resume(self, ref: AttemptRef) -> None:
        """Resume the attempt. Idempotent."""
        if (executor := self._of(ref)) is not None:
            executor.resume(ref)

    def cancel(self, ref: AttemptRef) -> None:
        """End the attempt: TERM, grace time, KILL to its whole process tree. Idempotent."""
        if (executor := self._of(ref)) is not None:
            executor.cancel(ref)

    def problem(self, ref: AttemptRef) -> str | None:
        """Why it is not known what became of an attempt, as text; None when nothing is wrong."""
        executor = self._of(ref)
        return _MISSING.format(self._choice(ref.job)) if executor is None else executor.problem(ref)

    async def write_stdin(self, ref: AttemptRef, line: str) -> None:
        """Write a line to an agent that was started with a `first_line`. Raises OSError when it is not delivered."""
        if (executor := self._of(ref)) is None:
            raise OSError(_MISSING.format(self._choice(ref.job)))
        await executor.write_stdin(ref, line)

    def close_stdin(self, ref: AttemptRef) -> None:
        """Close the stdin of such an agent."""
        if (executor := self._of(ref)) is not None:
            executor.close_stdin(ref)

    def output_path(self, ref: AttemptRef, stream: str) -> str:
        """The file of the attempt's `stdout` or `stderr`; it need not exist yet."""
        return self._local.output_path(ref, stream)

    def output_paths(self, ref: AttemptRef) -> list[str]:
        """The files of all its streams; they need not exist yet."""
        return self._local.output_paths(ref)

    def job_directory(self, job: str) -> str:
        """The job's directory; it need not exist."""
        return self._local.job_directory(job)

    def delete_job(self, job: str) -> asyncio.Future[str | None]:
        """Delete the job's directory; the result is why it could not be deleted yet. Its attempts must have ended."""
        return self._local.delete_job(job)

    def _of(self, ref: AttemptRef) -> AttemptRunner | None:
        name = self._choice(ref.job)
        return self._local if name is None else self._others.get(name)
