"""Supervises an agent's process tree until no process is left, and limits its output meanwhile.

Signals: SIGCHLD, a child has ended; SIGTERM, end the attempt; SIGTSTP, pause it; SIGCONT, resume it; SIGIO, output was
written; SIGUSR1, close the agent's stdin. Of SIGTSTP and SIGCONT the kernel keeps the later one.
native/supervisor.c does the same where it is built: a change is made in both.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Set
from typing import Any

from luziad.supervise import cgroup, machine_shutdown, output_limit, tree

LEFTOVER_GRACE_S = 2.0
SETTLED_S = 0.05
"""An agent that has run this long is not a short command: only then the slower steps are taken."""

_FIRST_KILL_PAUSE_S = 0.02
_LONGEST_KILL_PAUSE_S = 1.0
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGTSTP, signal.SIGCONT, signal.SIGIO, signal.SIGUSR1}


class TreeSupervisor:
    """Supervises one agent's tree. This process is its subreaper; all signals are blocked.

    group: the cgroup in which the agent was started. output: limits its output. grace_s: from TERM to KILL.
    keep_children: its children may outlive it when it ends by itself. on_end: called with its wait status, its resource
    usage, whether it was told to end, and whether that or its end is part of a shutdown. on_problem: called when its
    output cannot be limited. close_stdin: closes its stdin.
    """

    def __init__(
        self,
        agent: int,
        *,
        group: cgroup.Cgroup | None,
        output: output_limit.OutputLimit,
        grace_s: float,
        keep_children: bool,
        on_end: Callable[[int, Any, bool, bool], None],
        on_problem: Callable[[str], None],
        close_stdin: Callable[[], None],
    ) -> None:
        self._agent = agent
        self._group = group
        self._output: output_limit.OutputLimit | None = output
        self._grace_s = grace_s
        self._keep_children = keep_children
        self._on_end = on_end
        self._on_problem = on_problem
        self._close_stdin = close_stdin
        self._settle_at: float | None = time.monotonic() + SETTLED_S
        self._cancelled = self._ended = self._stopped = self._is_shutdown = False
        self._paused = self._is_frozen = False
        self._kill_at: float | None = None
        self._kill_pause_s = _FIRST_KILL_PAUSE_S

    def run(self) -> None:
        """Reap until no child is left: wait for the agent, then end the rest of its tree."""
        while self._reap():
            waits = [self._settle(), self._check_output(), self._end_tree()]
            self._handle_signal(_wait(_SIGNALS, min((wait for wait in waits if wait is not None), default=None)))
        self._resume()  # children that are kept must not stay paused
        if self._output is not None:
            self._with_output(self._output.trim)

    def _reap(self) -> bool:
        """Reap ended children; False when nothing is left to supervise."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == self._agent:
                self._ended = True
                self._handle_signal(_wait({signal.SIGTERM}, 0.0))  # at a shutdown, both get it at the same time
                self._on_end(status, usage, self._stopped, self._is_shutdown)
            if pid == 0:
                return not (self._ended and self._keep_children and not self._cancelled)

    def _handle_signal(self, info: signal.struct_siginfo | None) -> None:
        number = info.si_signo if info is not None else None
        if info is not None and number == signal.SIGTERM:
            self._cancelled = True
            self._is_shutdown = self._is_shutdown or machine_shutdown.is_shutdown(info.si_pid)
        elif number == signal.SIGTSTP and not self._cancelled and not self._ended:
            self._pause()
        elif number == signal.SIGCONT:
            self._resume()
        elif number == signal.SIGIO and self._output is not None:
            self._output.output_written()
        elif number == signal.SIGUSR1:
            self._close_stdin()

    def _pause(self) -> None:
        """Pause the tree: freeze its cgroup, or else stop every process."""
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

    def _settle(self) -> float | None:
        """Leave the agent's cgroup and limit its output once it is no short command; returns the seconds until then."""
        if self._settle_at is None:
            return None
        left_s = self._settle_at - time.monotonic()
        if left_s > 0:
            return left_s
        self._settle_at = None
        self._leave_group()
        if self._output is not None:
            self._with_output(self._output.watch)
        return None

    def _check_output(self) -> float | None:
        """Check the output if it is time; returns the seconds until the next check."""
        return None if self._output is None else self._with_output(self._output.check_due)

    def _with_output(self, work: Callable[[], float | None]) -> float | None:
        try:
            return work()
        except OSError as error:
            if output_limit.is_unsupported(error):
                self._output = None
                self._on_problem(f"its output cannot be limited on this file system: {error.strerror}")
            return None

    def _end_tree(self) -> float | None:
        """End the tree step by step if it is time; returns the seconds until the next step, None without one."""
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
        """Kill the tree. Processes forked meanwhile are killed by the next call."""
        self._leave_group()
        if self._group is not None:
            self._group.kill()
        tree.signal_below(os.getpid(), signal.SIGKILL)  # also processes that were moved to another cgroup

    def _leave_group(self) -> None:
        if self._group is not None and self._group.inside:
            self._group.leave()


def _wait(signals: Set[int], timeout_s: float | None) -> signal.struct_siginfo | None:
    """Wait for one of the signals and return it; None after `timeout_s` seconds."""
    return signal.sigwaitinfo(signals) if timeout_s is None else signal.sigtimedwait(signals, timeout_s)
