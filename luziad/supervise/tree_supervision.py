"""Looks after an agent's process tree until nothing is left of it, and after its output meanwhile.

It hears by signals: SIGCHLD, that a child has ended; SIGTERM, that the attempt is to be ended; SIGTSTP, that it is to
be paused, and SIGCONT, that it may go on; SIGIO, that something was written. Of SIGTSTP and SIGCONT the kernel keeps
the later one. SIGUSR1 tells that nobody will talk to the agent any more.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from luziad.supervise import cap, cgroup, tree

LEFTOVER_GRACE_S = 2.0
SETTLED_S = 0.05
"""An agent that runs for so long is no short command: only now is done for it what takes time."""

_FIRST_KILL_PAUSE_S = 0.02
_LONGEST_KILL_PAUSE_S = 1.0
_HEARD = {signal.SIGCHLD, signal.SIGTERM, signal.SIGTSTP, signal.SIGCONT, signal.SIGIO, signal.SIGUSR1}


class Care:
    """One agent's tree, of which this process is the subreaper; all signals are blocked.

    group: the cgroup in which the agent was born. output: limits what it prints. grace_s: from TERM to KILL.
    keep_children: what it leaves behind when it ends by itself goes on. ended: is told its status, what it used, and
    whether it had been asked to end. problem: is told what goes wrong with the output. hang_up: ends its stdin.
    """

    def __init__(
        self,
        agent: int,
        *,
        group: cgroup.Group | None,
        output: cap.OutputCap,
        grace_s: float,
        keep_children: bool,
        ended: Callable[[int, Any, bool], None],
        problem: Callable[[str], None],
        hang_up: Callable[[], None],
    ) -> None:
        self._agent = agent
        self._group = group
        self._output: cap.OutputCap | None = output
        self._grace_s = grace_s
        self._keep_children = keep_children
        self._tell_ended = ended
        self._tell_problem = problem
        self._hang_up = hang_up
        self._settle_at: float | None = time.monotonic() + SETTLED_S
        self._cancelled = self._ended = self._stopped = False
        self._paused = self._is_frozen = False
        self._kill_at: float | None = None
        self._kill_pause_s = _FIRST_KILL_PAUSE_S

    def run(self) -> None:
        """Reap until no child is left: the agent goes its way, then the rest of its tree is ended."""
        while self._reap():
            waits = [self._settle_s(), self._output_s(), self._ending_s()]
            self._hear(_wait(min((wait for wait in waits if wait is not None), default=None)))
        self._resume()  # what is kept must not be held for ever
        if self._output is not None:
            self._with_output(self._output.trim)

    def _reap(self) -> bool:
        """Reap what has ended; False when nothing is left to look after."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == self._agent:
                self._ended = True
                self._tell_ended(status, usage, self._stopped)
            if pid == 0:
                return not (self._ended and self._keep_children and not self._cancelled)

    def _hear(self, number: int | None) -> None:
        if number == signal.SIGTERM:
            self._cancelled = True
        elif number == signal.SIGTSTP and not self._cancelled and not self._ended:
            self._pause()
        elif number == signal.SIGCONT:
            self._resume()
        elif number == signal.SIGIO and self._output is not None:
            self._output.written()
        elif number == signal.SIGUSR1:
            self._hang_up()

    def _pause(self) -> None:
        """Let nothing of the tree run: by its cgroup, or else by stopping every process."""
        self._paused = True
        self._leave_group()
        self._is_frozen = self._group is not None and self._group.freeze(True)
        if not self._is_frozen:
            tree.stop_below(os.getpid())

    def _resume(self) -> None:
        if not self._paused:
            return
        self._paused = False
        if self._is_frozen and self._group is not None:
            self._group.freeze(False)
        else:
            tree.signal_below(os.getpid(), signal.SIGCONT)

    def _settle_s(self) -> float | None:
        """Seconds until the agent is no short command any more; then leave its cgroup, and limit its output."""
        if self._settle_at is None:
            return None
        left_s = self._settle_at - time.monotonic()
        if left_s > 0:
            return left_s
        self._settle_at = None
        self._leave_group()
        if self._output is not None:
            self._with_output(self._output.begin)
        return None

    def _output_s(self) -> float | None:
        """Seconds until the next look at the output, which is taken when it is time."""
        return None if self._output is None else self._with_output(self._output.wait_s)

    def _with_output(self, work: Callable[[], float | None]) -> float | None:
        try:
            return work()
        except OSError as error:
            if cap.is_impossible(error):
                self._output = None
                self._tell_problem(f"its output cannot be limited here: {error.strerror}")
            return None

    def _ending_s(self) -> float | None:
        """End the tree when it is time; returns the seconds until the next step, None when there is none."""
        if not self._ended and not self._cancelled:
            return None
        now = time.monotonic()
        if self._kill_at is None:
            self._stopped = not self._ended
            self._resume()
            tree.signal_below(os.getpid(), signal.SIGTERM)
            self._kill_at = now + (min(self._grace_s, LEFTOVER_GRACE_S) if self._ended else self._grace_s)
        if now < self._kill_at:
            return self._kill_at - now
        self._kill_all()
        pause_s, self._kill_pause_s = self._kill_pause_s, min(self._kill_pause_s * 2, _LONGEST_KILL_PAUSE_S)
        return pause_s

    def _kill_all(self) -> None:
        """KILL the tree. Whatever was forked while it was read is met by the next call."""
        self._leave_group()
        if self._group is not None:
            self._group.kill()
        tree.signal_below(os.getpid(), signal.SIGKILL)  # also what somebody has moved into another cgroup

    def _leave_group(self) -> None:
        if self._group is not None and self._group.inside:
            self._group.leave()


def _wait(timeout_s: float | None) -> int | None:
    """Sleep until a signal comes and return which, or None when `timeout_s` seconds are over."""
    if timeout_s is None:
        return signal.sigwaitinfo(_HEARD).si_signo
    info = signal.sigtimedwait(_HEARD, timeout_s)
    return info.si_signo if info else None
