"""The agent's process between fork and exec: it waits for its release, takes its place, becomes the agent."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import signal
from typing import Any, NoReturn

from luziad.supervise import record

_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None, use_errno=True).prctl
_prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]

_REASONS = {
    errno.ENOENT: "its interpreter (the program its first line names) does not exist",
    errno.ENOEXEC: "it is neither a program for this machine nor a script with a #! line",
    errno.E2BIG: "its arguments and environment are larger than the system allows",
    errno.ETXTBSY: "somebody is writing to the program's file",
}


class CannotStart(Exception):
    """Why the agent cannot be started, in words for the user."""


FORK_SERVER_NAME = ctypes.create_string_buffer(b"luzia-forks")
SHIM_NAME = ctypes.create_string_buffer(b"luzia-shim")
"""Made before any fork: a shim that makes such a buffer itself copies twenty pages of memory for it."""


def name_process(name: ctypes.Array[ctypes.c_char]) -> None:
    """Set the name that tools such as `ps` and `top` show."""
    _prctl(_PR_SET_NAME, ctypes.addressof(name), 0, 0, 0)


def become_subreaper() -> None:
    """Make orphans among this process's descendants its own children."""
    if _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Agent:
    """The shim's side of the agent's process.

    The process waits for a byte on one pipe; when that is closed without one, as it is by the shim's death,
    it ends without becoming the agent. On another pipe it says in words why the agent could not be started.
    """

    def __init__(self, request: dict[str, Any], directory: int) -> None:
        gate, self._release = os.pipe()
        self._failure, report = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._release)
            _become(request, directory, gate, report)
        os.close(gate)
        os.close(report)

    def release(self) -> None:
        """Let the process become the agent."""
        with contextlib.suppress(BrokenPipeError):  # somebody has killed it: its end will tell
            os.write(self._release, b"+")
        os.close(self._release)

    def discard(self) -> None:
        """Make the process end without becoming the agent, and reap it."""
        os.close(self._release)
        os.waitpid(self.pid, 0)

    @property
    def failure(self) -> int:
        """The descriptor that gets readable when it is known whether the agent could be started."""
        return self._failure

    def why_not(self) -> str | None:
        """Say why the agent could not be started; None when it could. Call it once, after the process's end."""
        why = os.read(self._failure, select.PIPE_BUF).decode()
        os.close(self._failure)
        return why or None


def _become(request: dict[str, Any], directory: int, gate: int, report: int) -> NoReturn:
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if not os.read(gate, 1):
            os._exit(0)
        try:
            _redirect(request, directory)
            _enter(request["cwd"])
            _execute(request["argv"], request["env"])
        except CannotStart as why:
            os.write(report, record.clip(str(why)).encode())
        except Exception as error:
            os.write(report, record.clip(f"cannot start the command: {error}").encode())
    finally:
        os._exit(127)


def _redirect(request: dict[str, Any], directory: int) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    if request["stdin_prompt"]:
        os.dup2(os.open(record.PROMPT, os.O_RDONLY, dir_fd=directory), 0)
    os.dup2(os.open(record.STDOUT, flags, 0o600, dir_fd=directory), 1)
    if request["merge_stderr"]:
        os.dup2(1, 2)
    else:
        os.dup2(os.open(record.STDERR, flags, 0o600, dir_fd=directory), 2)


def _enter(cwd: str) -> None:
    try:
        os.chdir(cwd)
    except (FileNotFoundError, NotADirectoryError):
        raise CannotStart(f"directory {cwd} is not there any more") from None
    except PermissionError:
        raise CannotStart(f"directory {cwd} may not be entered") from None


def _execute(argv: list[str], env: dict[str, str]) -> NoReturn:
    program = argv[0]
    if "/" in program:
        candidates = [program]
    else:
        path = env.get("PATH", os.defpath)
        candidates = [os.path.join(directory or ".", program) for directory in path.split(":")]
    not_executable = None
    for candidate in candidates:
        try:
            os.execve(candidate, argv, env)
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            if os.path.isfile(candidate) and isinstance(error, FileNotFoundError):
                raise CannotStart(f"cannot start '{program}': {_REASONS[errno.ENOENT]}") from error
            if os.path.exists(candidate):
                not_executable = candidate
        except (OSError, ValueError) as error:
            reason = _REASONS.get(getattr(error, "errno", 0), str(error))
            raise CannotStart(f"cannot start '{program}': {reason}") from error
    if not_executable is not None:
        raise CannotStart(f"cannot start '{program}': {not_executable} is not executable")
    where = "no such program" if "/" in program else "no such program on PATH"
    raise CannotStart(f"cannot start '{program}': {where}")
