"""Runs a program in the foreground of the terminal, as a shell would, and leaves the terminal as it was.

The program shares the process group of this process, so that it gets what the terminal sends: Ctrl-C, Ctrl-Z, a new
size, and the loss of the terminal. This process waits: it stops when the program stops, so that the user's shell can
continue both, and it passes on a request to end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import NamedTuple

GRACE_S = 5.0
"""How long the program may take to end after it was asked to."""

_TERMINAL_VARIABLES = (
    "TERM",
    "COLORTERM",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "NO_COLOR",
    "TMUX",
    "STY",
    "SSH_TTY",
)
_RESET = (
    "\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[<u\x1b[>4m\x1b[0m\x1b[999;1H\r\n"
)
"""Leaves the alternate screen and the modes of mouse, pasting and keys, which a program that was killed does not.

The cursor goes to the last line: it may be anywhere."""


class Ended(NamedTuple):
    """How the program ended. was_told: because of a signal to this process, or because the terminal was lost."""

    exit_code: int | None
    signal: str | None
    was_told: bool


def run_in_foreground(argv: Sequence[str], env: Mapping[str, str], directory: str, umask: int | None) -> Ended:
    """Run the program to its end. stdin is a terminal. Raises OSError when it cannot be started.

    env: its environment, to which the variables are added that describe this terminal.
    """
    described = {name: value for name, value in os.environ.items() if name in _TERMINAL_VARIABLES}
    before = termios.tcgetattr(sys.stdin)
    waiting = _Waiting()
    with waiting:
        process = subprocess.Popen(
            argv,
            env={**{name: value for name, value in env.items() if name not in _TERMINAL_VARIABLES}, **described},
            cwd=directory,
            umask=-1 if umask is None else umask,
        )
        process.returncode = waiting.until_ended(process.pid)
    _restore(before, was_killed=process.returncode < 0)
    if process.returncode < 0:
        return Ended(None, signal.Signals(-process.returncode).name, waiting.was_told)
    return Ended(process.returncode, None, waiting.was_told)


class _Waiting:
    """What this process does with signals while the program runs."""

    def __init__(self) -> None:
        self.was_told = False
        self._pid: int | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> None:
        # Handlers, because the program would inherit that a signal is ignored.
        handlers = {
            signal.SIGINT: self._leave_to_the_program,
            signal.SIGQUIT: self._leave_to_the_program,
            signal.SIGTERM: self._pass_on,
            signal.SIGHUP: self._pass_on,
            signal.SIGALRM: self._kill,
        }
        for number, handler in handlers.items():
            self._before[number] = signal.signal(number, handler)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def until_ended(self, pid: int) -> int:
        """The exit status of the program, negative for a signal. Stops and continues with it."""
        self._pid = pid
        if self.was_told:
            self._pass_on(signal.SIGTERM, None)  # it came while the program was being started
        while True:
            _, status = os.waitpid(pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                return os.waitstatus_to_exitcode(status)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.kill(pid, signal.SIGCONT)

    def _leave_to_the_program(self, number: int, frame: FrameType | None) -> None:
        pass

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self.was_told = True
        if self._pid is not None:
            os.kill(self._pid, number)
            os.kill(self._pid, signal.SIGCONT)
            signal.setitimer(signal.ITIMER_REAL, GRACE_S)

    def _kill(self, number: int, frame: FrameType | None) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)


def _restore(before: list[object], *, was_killed: bool) -> None:
    """Give the terminal its modes back. Does nothing when it was lost."""
    handler = signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # the program may have left the foreground to another
    try:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)  # type: ignore[arg-type]
        if was_killed:
            sys.stdout.write(_RESET)
            sys.stdout.flush()
    except (termios.error, OSError):
        return
    finally:
        signal.signal(signal.SIGTTOU, handler)
