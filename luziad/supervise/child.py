"""Starts the agent: its streams, its directory, its session, its program.

posix_spawn(3) does not copy the shim's memory, which takes a third of the time of fork and exec, and it reports at
once why a program cannot be started.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any

from luziad.supervise import attempt_files

_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None, use_errno=True).prctl
_prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]

_REASONS = {
    errno.ENOENT: "its interpreter (the program its first line names) does not exist",
    errno.ENOEXEC: "it is neither a program for this machine nor a script with a #! line",
    errno.E2BIG: "its arguments and environment are larger than the system allows",
    errno.ETXTBSY: "another process is writing to the program's file",
}
_DIRECTORY_PROBLEMS = {
    errno.ENOENT: "no longer exists",
    errno.ENOTDIR: "no longer exists",
    errno.EACCES: "is not accessible",
}


class StartError(Exception):
    """Why the agent cannot be started, for the user."""


FORK_SERVER_NAME = ctypes.create_string_buffer(b"luzia-forks")
SHIM_NAME = ctypes.create_string_buffer(b"luzia-shim")
"""Created before any fork: a shim that creates such a buffer copies twenty pages of memory."""


def name_process(name: ctypes.Array[ctypes.c_char]) -> None:
    """Set the name that tools such as `ps` and `top` show."""
    _prctl(_PR_SET_NAME, ctypes.addressof(name), 0, 0, 0)


def become_subreaper() -> None:
    """Make orphans among this process's descendants its own children."""
    if _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def start(request: dict[str, Any], directory: int) -> int:
    """Start the agent in a session of its own and return its process id.

    directory: the attempt's, where its output goes. Raises StartError, and OSError when the disk is full.
    """
    files = _streams(request, directory)
    _enter(request["cwd"])
    try:
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(files)]
        return _spawn(request["argv"], request["env"], actions, request.get("umask"))
    finally:
        os.chdir("/")  # so that the shim does not keep the project's file system busy
        for fd in set(files):
            os.close(fd)


def _streams(request: dict[str, Any], directory: int) -> tuple[int, int, int]:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    if request.get("first_line") is not None:
        stdin = os.open(attempt_files.STDIN, os.O_RDONLY, dir_fd=directory)
    elif request["stdin_prompt"]:
        stdin = os.open(attempt_files.PROMPT, os.O_RDONLY, dir_fd=directory)
    else:
        stdin = os.open(os.devnull, os.O_RDONLY)
    stdout = os.open(attempt_files.STDOUT, flags, 0o600, dir_fd=directory)
    if request["merge_stderr"]:
        return stdin, stdout, stdout
    return stdin, stdout, os.open(attempt_files.STDERR, flags, 0o600, dir_fd=directory)


def _enter(cwd: str) -> None:
    try:
        os.chdir(cwd)
    except OSError as error:
        problem = _DIRECTORY_PROBLEMS.get(error.errno or 0, f"is not accessible: {error.strerror}")
        raise StartError(f"directory {cwd} {problem}") from error


def _spawn(argv: list[str], env: dict[str, str], actions: list[tuple[int, int, int]], umask: int | None) -> int:
    program = _find(argv[0], env)
    own_umask = None if umask is None else os.umask(umask)
    try:
        return os.posix_spawn(program, argv, env, file_actions=actions, setsid=True, setsigmask=())
    except PermissionError as error:
        raise StartError(f"cannot start '{argv[0]}': {program} is not executable") from error
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        reason = _REASONS.get(getattr(error, "errno", 0), words)
        raise StartError(f"cannot start '{argv[0]}': {reason}") from error
    finally:
        if own_umask is not None:
            os.umask(own_umask)


def _find(program: str, env: dict[str, str]) -> str:
    """The file of the program, found on the PATH of the agent's environment as execvp(3) does."""
    if "/" in program:
        candidates = [program]
    else:
        candidates = [f"{place or '.'}/{program}" for place in env.get("PATH", os.defpath).split(":")]
    not_executable = None
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and not os.path.isdir(candidate):
            return candidate
        if os.path.lexists(candidate) and not_executable is None:
            not_executable = candidate
    if not_executable is not None:
        problem = "is not executable" if os.path.exists(not_executable) else "is a dangling link"
        raise StartError(f"cannot start '{program}': {not_executable} {problem}")
    where = "no such program" if "/" in program else "no such program on PATH"
    raise StartError(f"cannot start '{program}': {where}")
