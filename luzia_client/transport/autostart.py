"""Starts luziad when none is listening: once, under a lock, however many commands try at the same time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from luzia_protocol import environment
from luzia_protocol.regular_files import open_locked, open_regular

from luzia_client.transport.background import start_server
from luzia_client.transport.daemon_process import find_daemon
from luzia_client.transport.endpoint import DaemonUnreachableError, NoDaemonError, connect_socket
from luzia_client.transport.service import service_of

READY_TIMEOUT_S = 20.0
LOCK_TIMEOUT_S = 60.0
"""How long another process may take to start or stop a daemon."""
LISTEN_TIMEOUT_S = 10.0
"""How long a running daemon may not be listening: it is starting, or its socket was deleted."""
LISTEN_CHECK_S = 0.05
_START_HINT = "Start it with `luzia daemon start`."
_INSTALL_HINT = "Reinstall luzia."
EXIT_AUTOSTART_DISABLED = 3
"""luziad's exit status after `--on-demand` when its configuration has `autostart = false`."""
EXIT_CONFIG_INVALID = 2
"""luziad's exit status for errors in the configuration, which it lists on stderr."""

_PATH_VARIABLES = ("LUZIA_RUNTIME_DIR", "LUZIA_SOCKET", "LUZIA_STATE_DIR", "LUZIA_JOBS_DIR", "LUZIA_CONFIG")
_ROOTS_DIRECTORIES = (
    "HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
)
"""Variables that `su` and `sudo` may keep: the daemon of root and its jobs would write into directories of a user."""
_LOG_TAIL_BYTES = 8192
_SUPERVISOR_VARIABLES = frozenset(
    {
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "SYSTEMD_EXEC_PID",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
    }
)
"""Variables that systemd sets for its own child, such as the terminal, and that a daemon must not inherit from it."""
_children: list[subprocess.Popen[bytes]] = []
"""The daemons that this process has started, kept so that Python reaps those that end first."""


def ensure_daemon(socket: str, *, resuming: bool = False) -> None:
    """Start a daemon unless one is listening on `socket`.

    resuming: only if the last one crashed. One that was stopped on purpose is started by the next command.
    Raises DaemonUnreachableError, which says why it was not started.
    """
    if _await_listening(socket):
        return
    reason, hint = _refusal(socket)
    if reason:
        raise NoDaemonError(socket, hint, reason)
    start_daemon(socket, on_demand=True, resuming=resuming)


def start_daemon(socket: str, *, on_demand: bool, resuming: bool = False) -> bool:
    """Start a daemon unless one is listening; returns whether this call started it.

    on_demand: respect `autostart = false` in [daemon]. resuming: as for ensure_daemon.
    """
    with start_lock() as lock:
        if is_listening(socket) or _await_listening(socket):
            return False
        if resuming and os.fstat(lock).st_size:
            raise DaemonUnreachableError("the daemon was stopped", _START_HINT)
        try:
            launch_daemon(socket, lock, on_demand=on_demand)
        except DaemonUnreachableError:
            if not _await_listening(socket):
                raise
            return False  # another process, such as systemd, has started one at the same time
    return True


def launch_daemon(socket: str, lock: int, *, on_demand: bool) -> None:
    """Start a daemon, and report it on a terminal. lock: the file descriptor from `start_lock`."""
    _spawn(socket, on_demand=on_demand)
    os.ftruncate(lock, 0)
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"luzia: started luziad (log: {environment.log_file()})", file=sys.stderr)


def record_stop(lock: int) -> None:
    """Record that the daemon was stopped on purpose, so that commands that follow a job do not start it again.

    lock: the file descriptor from `start_lock`. The next start clears the record.
    """
    os.pwrite(lock, b"stopped\n", 0)


def is_listening(socket: str) -> bool:
    """True when a process is listening on the socket."""
    try:
        connect_socket(socket).close()
    except (OSError, ValueError):
        return False
    return True


def _await_listening(socket: str) -> bool:
    """Wait for a daemon that is running and about to listen on `socket`; False when none is running.

    A daemon whose socket was deleted listens again after a moment. Raises DaemonUnreachableError if it does not.
    """
    deadline = time.monotonic() + LISTEN_TIMEOUT_S
    while (daemon := find_daemon()) is not None:
        if is_listening(socket):
            return True
        is_elsewhere = daemon.socket not in ("", socket)
        if is_elsewhere or daemon.is_suspended or time.monotonic() > deadline:
            raise DaemonUnreachableError(*daemon.problem(socket))
        time.sleep(LISTEN_CHECK_S)
    return False


def daemon_command() -> list[str]:
    """The command that runs luziad: with this interpreter, or the program next to this one."""
    if sys.executable and os.access(sys.executable, os.X_OK):
        return [sys.executable, "-m", "luziad"]
    return [os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "luziad")]


def daemon_environment(socket: str) -> dict[str, str]:
    """The daemon's environment: the caller's, with absolute paths and without directories of other users."""
    env = {name: value for name, value in os.environ.items() if name not in _SUPERVISOR_VARIABLES}
    for name in _ROOTS_DIRECTORIES if os.geteuid() == 0 else ("XDG_RUNTIME_DIR",):
        if name in env and not environment.is_usable(env[name]):
            del env[name]
    for name in _PATH_VARIABLES:
        if env.get(name):
            env[name] = os.path.abspath(env[name])
    if socket != environment.socket_path():
        env["LUZIA_SOCKET"] = socket
    return env


def config_errors(path: str) -> list[str]:
    """The errors that luziad finds in a configuration file, one a line; empty when it is valid.

    Raises DaemonUnreachableError when luziad cannot be run.
    """
    argv = [*daemon_command(), "--check-config"]
    env = {**daemon_environment(environment.socket_path()), "LUZIA_CONFIG": path}
    try:
        result = subprocess.run(
            argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=READY_TIMEOUT_S, check=False
        )
    except OSError as exc:
        raise DaemonUnreachableError(f"cannot run luziad: {argv[0]}: {exc.strerror}", _INSTALL_HINT) from exc
    except subprocess.TimeoutExpired as exc:
        raise DaemonUnreachableError(
            f"luziad did not check {path} within {READY_TIMEOUT_S:.0f} s", _START_HINT
        ) from exc
    lines = [line.removeprefix("luziad: ") for line in result.stderr.decode(errors="replace").splitlines() if line]
    if result.returncode not in (0, EXIT_CONFIG_INVALID):
        reason = lines[-1] if lines else f"exit status {result.returncode}"
        raise DaemonUnreachableError(f"luziad --check-config failed: {reason}", _INSTALL_HINT)
    return lines if result.returncode else []


def _refusal(socket: str) -> tuple[str, str]:
    """Why a daemon must not be started for this socket from here, and what to do; both empty when it may be."""
    if os.environ.get("LUZIA_NO_AUTOSTART"):
        return "LUZIA_NO_AUTOSTART is set", _START_HINT
    if os.environ.get("LUZIA_JOB_ID"):
        # It would inherit the job's environment and be ended with the job.
        return "a job does not start one", "Start it outside the job with `luzia daemon start`."
    service = service_of(socket)
    if service is not None:
        owner = "the system service has" if service.is_system else "your systemd service has"
        return f"{owner} this socket", service.start_hint()
    return "", ""


@contextmanager
def start_lock() -> Iterator[int]:
    """Lock `start.lock` in the runtime directory, created if needed, so that no other one starts a daemon."""
    directory = environment.runtime_dir()
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        _check_private(directory)
        lock = open_locked(os.path.join(directory, "start.lock"), LOCK_TIMEOUT_S)
    except OSError as exc:
        raise DaemonUnreachableError(
            f"cannot use the runtime directory {directory}: {exc.filename}: {exc.strerror}",
            "Set LUZIA_RUNTIME_DIR to a directory that you own; `luzia doctor` checks it.",
        ) from exc
    try:
        yield lock
    finally:
        os.close(lock)


def _check_private(directory: str) -> None:
    """Raise DaemonUnreachableError unless the directory is this user's, and no other user can write to it."""
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise DaemonUnreachableError(
            f"the runtime directory {directory} belongs to another user",
            "Set LUZIA_RUNTIME_DIR to a directory that you own, or remove this one.",
        )
    if status.st_mode & 0o022:
        raise DaemonUnreachableError(
            f"other users can write to the runtime directory {directory}",
            f"Remove what is not yours from it and run `chmod go-w {directory}`, or set LUZIA_RUNTIME_DIR.",
        )


def _spawn(socket: str, *, on_demand: bool) -> None:
    """Start luziad detached, and return when it is ready."""
    argv = daemon_command()
    options = [*(["--on-demand"] if on_demand else []), "--reset-inherited"]
    log = _open_log()
    try:
        log_end = os.fstat(log).st_size
        process, line = start_server(argv, options, log, daemon_environment(socket), READY_TIMEOUT_S)
    except OSError as exc:
        raise DaemonUnreachableError(f"cannot run luziad: {argv[0]}: {exc.strerror}", _INSTALL_HINT) from exc
    finally:
        os.close(log)
    _children[:] = [child for child in _children if child.poll() is None] + [process]
    hint = f"See its log {environment.log_file()}."
    if line is None:
        raise DaemonUnreachableError(f"luziad (pid {process.pid}) is not ready after {READY_TIMEOUT_S:.0f} s", hint)
    if not line:
        raise _start_failed(process, log_end)
    if line != "ready":
        raise DaemonUnreachableError("luziad sent an unexpected ready message", hint)


def _open_log() -> int:
    """The daemon's log. Raises DaemonUnreachableError; nothing is left in another user's directory."""
    path = environment.log_file()
    directory = environment.state_dir()
    if os.path.exists(directory) and os.stat(directory).st_uid != os.geteuid():
        raise DaemonUnreachableError(
            f"the state directory {directory} belongs to another user",
            "Set LUZIA_STATE_DIR to a directory of your own.",
        )
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        return open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError as exc:
        raise DaemonUnreachableError(
            f"cannot write the daemon's log {path}: {exc.strerror}",
            "Make the state directory writable, or set LUZIA_STATE_DIR.",
        ) from exc


def _start_failed(process: subprocess.Popen[bytes], log_end: int) -> DaemonUnreachableError:
    """What to raise when luziad closed the pipe without `ready`: the last line that it logged."""
    try:
        status: int | None = process.wait(5)
    except subprocess.TimeoutExpired:
        status = None
    reason = _last_log_line(log_end)
    if status == EXIT_AUTOSTART_DISABLED:
        return DaemonUnreachableError(
            f"the daemon is not running, and must not be started automatically: {reason}", _START_HINT
        )
    return DaemonUnreachableError(
        f"luziad did not start: {reason or f'exit status {status}'}",
        f"See its log {environment.log_file()}; `luzia doctor` checks the setup.",
    )


def _last_log_line(start: int) -> str:
    """The last line of the log after an offset, without the program's name; empty when there is none."""
    try:
        with open(open_regular(environment.log_file(), os.O_RDONLY), "rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(start, end - _LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
    except OSError:
        return ""  # the state directory was deleted in the meantime
    return next((line.strip().removeprefix("luziad: ") for line in reversed(lines) if line.strip()), "")
