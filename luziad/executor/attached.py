"""The processes in whose terminals users have taken over sessions: notices their end, and ends them.

Such a process is no child of the daemon. It runs the agent in its terminal, reports how the agent has ended, and then
ends itself. What is left of the attempt when it has ended is killed, as with a shim that was killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor as Pool

from luziad.executor import pidfd, survivors
from luziad.jobs.attempt import Attached, AttemptRef
from luziad.supervise import tree
from luziad.supervise.boot_clock import boot_id

log = logging.getLogger(__name__)


def identify(pid: int) -> tuple[int, str] | None:
    """What tells a running process from a later one with its number: start time and boot; None when it has ended."""
    start_time = tree.start_time(pid)
    return None if start_time is None else (start_time, boot_id())


class AttachedProcesses:
    """Watches one process for each attempt in a terminal.

    output_path: the file of an attempt's output, in the attempt's directory. pool: where processes are looked for.
    """

    def __init__(self, output_path: Callable[[AttemptRef, str], str], pool: Pool) -> None:
        self._output_path = output_path
        self._pool = pool
        self._watched: dict[AttemptRef, tuple[int, Callable[[], None]]] = {}
        self._timers: dict[AttemptRef, asyncio.TimerHandle] = {}

    def variables(self, ref: AttemptRef) -> dict[str, str]:
        """The variables by which the processes of an attempt are found."""
        return {survivors.ATTEMPT_VARIABLE: self._directory(ref)}

    def watch(self, ref: AttemptRef, attached: Attached, ended: Callable[[], None]) -> bool:
        """Call back when the process has ended; False when it has ended already. Raises OSError."""
        fd = pidfd.open_process(attached.pid, attached.start_time) if attached.boot == boot_id() else None
        if fd is None:
            return False
        self._watched[ref] = (fd, ended)
        asyncio.get_running_loop().add_reader(fd, self._process_ended, ref)
        return True

    def stop(self, ref: AttemptRef, grace_s: float) -> None:
        """Ask the process to end its agent and itself; kill both when it does not do so in time. Idempotent."""
        watched = self._watched.get(ref)
        if watched is None or ref in self._timers:
            return
        pidfd.send(watched[0], signal.SIGTERM)
        self._timers[ref] = asyncio.get_running_loop().call_later(grace_s, self._kill, ref)

    def forget(self, ref: AttemptRef) -> None:
        """Watch the process no longer: it has reported the end."""
        timer = self._timers.pop(ref, None)
        if timer is not None:
            timer.cancel()
        watched = self._watched.pop(ref, None)
        if watched is not None:
            asyncio.get_running_loop().remove_reader(watched[0])
            os.close(watched[0])

    async def end_tree(self, ref: AttemptRef) -> None:
        """Kill the processes of the attempt that are left."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, survivors.kill_survivors, self._directory(ref), None)

    def close(self) -> None:
        """Watch nothing any more; the next daemon does."""
        for ref in [*self._watched]:
            self.forget(ref)

    def _process_ended(self, ref: AttemptRef) -> None:
        _, ended = self._watched[ref]
        self.forget(ref)
        ended()

    def _kill(self, ref: AttemptRef) -> None:
        log.warning("attached_process_killed job=%s attempt=%d", ref.job, ref.attempt)
        pidfd.send(self._watched[ref][0], signal.SIGKILL)

    def _directory(self, ref: AttemptRef) -> str:
        return os.path.dirname(self._output_path(ref, "stdout"))
