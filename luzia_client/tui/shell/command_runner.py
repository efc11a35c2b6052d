"""Runs luzia commands on the shell's terminal, each in a process of its own, exactly as the command line does."""

from __future__ import annotations

import asyncio
import errno
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from luzia_client.cli.failure import UsageError

_CODE = "import sys; from luzia_client.cli.main import main; sys.exit(main())"


def command_argv(words: Sequence[str]) -> list[str]:
    """How to run a luzia command with this interpreter, which takes no module from the working directory (-P)."""
    return [sys.executable, "-P", "-c", _CODE, *words]


async def run_command(words: Sequence[str]) -> int:
    """Run a command with the terminal to itself; returns its exit status, 128 and the number for a signal.

    Ctrl-C is the command's. Raises UsageError when the line is too long for a process.
    """
    with _signals_ignored(), _terminal_restored():
        try:
            process = await asyncio.create_subprocess_exec(*command_argv(words))
        except (OSError, ValueError) as exc:
            raise _start_error(exc) from exc
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
    return status if status >= 0 else 128 - status


def run_script_command(words: Sequence[str]) -> int:
    """The same in a script: the command's standard input is empty, for the script's is the script."""
    try:
        status = subprocess.run(command_argv(words), stdin=subprocess.DEVNULL, check=False).returncode
    except (OSError, ValueError) as exc:
        raise _start_error(exc) from exc
    return status if status >= 0 else 128 - status


def _start_error(exc: OSError | ValueError) -> UsageError:
    """Why no process took the words."""
    if isinstance(exc, ValueError):
        return UsageError("the line has a NUL character", "A task is plain text.")
    if exc.errno == errno.E2BIG:
        return UsageError("the line is too long for a command", "Put the task into a file: @FILE.")
    return UsageError(f"no command can be started: {exc.strerror}")


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """The terminal sends Ctrl-C and Ctrl-\\ to the shell as well; it lives on."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT)}
    for number in before:
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the command would inherit
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """A command that was killed may have left the terminal without echo."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
