"""Runs luzia commands in processes of their own on the shell's terminal."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from luzia_protocol.errors import LuziaError

from luzia_client.cli.args.errors import UsageError


class CommandFailedError(LuziaError):
    """A command has failed; the message is what it has said."""


_CODE = "import sys; from luzia_client.cli.main import main; sys.exit(main())"


def command_argv(words: Sequence[str]) -> list[str]:
    """The command line of a luzia command with this interpreter, without modules of the working directory (-P)."""
    return [sys.executable, "-P", "-c", _CODE, *words]


async def run_command(words: Sequence[str]) -> int:
    """Run a command on the terminal; returns its exit status, 128 plus the number for a signal.

    Ctrl-C reaches only the command. Raises UsageError if the line is too long for a process.
    """
    return await run_program(command_argv(words))


async def run_program(argv: Sequence[str], directory: str | None = None, env: Mapping[str, str] | None = None) -> int:
    """Run a program on the terminal; returns its exit status, and raises UsageError, like `run_command`.

    directory, env: where it runs, and its variables; None for those of this process.
    """
    with _signals_ignored(), _terminal_restored():
        try:
            process = await asyncio.create_subprocess_exec(*argv, cwd=directory, env=env)
        except (OSError, ValueError) as exc:
            raise _start_error(exc) from exc
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
    return status if status >= 0 else 128 - status


async def run_for_output(words: Sequence[str], max_bytes: int) -> bytes:
    """What a command prints that needs no terminal, at most `max_bytes` of it. Raises CommandFailedError."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command_argv(words), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(process.stderr.read())
    try:
        printed = b""
        while len(printed) < max_bytes and (data := await process.stdout.read(max_bytes - len(printed))):
            printed += data
        if len(printed) == max_bytes:
            process.terminate()
        elif await process.wait():
            raise CommandFailedError(" ".join((await errors).decode(errors="replace").split()).removeprefix("luzia: "))
        return printed
    finally:
        if process.returncode is None:
            process.terminate()
        errors.cancel()


def run_script_command(words: Sequence[str]) -> int:
    """Run a command of a script, with an empty standard input; returns its exit status like `run_command`."""
    try:
        status = subprocess.run(command_argv(words), stdin=subprocess.DEVNULL, check=False).returncode
    except (OSError, ValueError) as exc:
        raise _start_error(exc) from exc
    return status if status >= 0 else 128 - status


def _start_error(exc: OSError | ValueError) -> UsageError:
    """The error for a command that could not be started."""
    if isinstance(exc, ValueError):
        return UsageError("the line contains a NUL character", "Remove it.")
    if exc.errno == errno.E2BIG:
        return UsageError("the line is too long for a command", "Put the task in a file: @FILE.")
    return UsageError(f"cannot start the command: {exc.strerror}")


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """Ignore Ctrl-C and Ctrl-\\, which the terminal also sends to the shell."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT)}
    for number in before:
        signal.signal(number, lambda *_: None)  # the command would inherit SIG_IGN
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """Restore the terminal settings, which a killed command may leave without echo."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


async def line_entered() -> None:
    """Wait until the user has pressed Enter."""
    loop = asyncio.get_running_loop()
    entered: asyncio.Future[None] = loop.create_future()
    terminal = sys.stdin.fileno()

    def read() -> None:
        os.read(terminal, 4096)
        if not entered.done():
            entered.set_result(None)

    loop.add_reader(terminal, read)
    try:
        await entered
    finally:
        loop.remove_reader(terminal)
