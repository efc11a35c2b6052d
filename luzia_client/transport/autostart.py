"""Start luziad when none answers: once, under a lock, however many commands race."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from luzia_protocol import environment

from luzia_client.transport.connection import DaemonUnreachableError, dial

READY_TIMEOUT_S = 20.0
MAY_NOT_START = 3
"""luziad's exit status when it was started `--on-demand` and its configuration says `autostart = false`."""
CONFIG_WRONG = 2
"""luziad's exit status for mistakes in the configuration, which it then names on stderr."""

_PATH_VARIABLES = ("LUZIA_RUNTIME_DIR", "LUZIA_SOCKET", "LUZIA_STATE_DIR", "LUZIA_JOBS_DIR", "LUZIA_CONFIG")
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
"""What systemd tells its own child, for example the terminal; a daemon that inherits it would believe it."""
_children: list[subprocess.Popen[bytes]] = []
"""Daemons that this process started: kept, so that Python reaps them if they end before it does."""


class Mark(NamedTuple):
    """A place in the daemon's log: what follows it was written by the daemon that is being started."""

    path: str
    offset: int


def ensure_daemon(socket: str, *, resuming: bool = False) -> None:
    """Make a daemon answer on `socket`, unless it must not be started from here.

    resuming: only if it crashed; one that somebody stopped comes back when a new command asks for it.
    Raises DaemonUnreachableError, which says why there is none.
    """
    reason, remedy = _forbidden(socket)
    if reason:
        raise DaemonUnreachableError(f"no daemon answers on {socket}, and {reason}", remedy)
    start(socket, on_demand=True, resuming=resuming)


def start(socket: str, *, on_demand: bool, resuming: bool = False) -> bool:
    """Start a daemon unless one answers; returns whether this call started it.

    on_demand: nobody asked for a daemon by name, so `[daemon] autostart = false` is respected.
    resuming: as for ensure_daemon.
    """
    with start_lock() as lock:
        if answers(socket):
            return False
        if resuming and os.fstat(lock).st_size:
            raise DaemonUnreachableError("the daemon was stopped", "Start it with `luzia daemon start`.")
        launch(socket, lock, on_demand=on_demand)
    return True


def launch(socket: str, lock: int, *, on_demand: bool) -> None:
    """Start a daemon, and say so on a terminal. lock: what `start_lock` gave."""
    _launch(socket, on_demand=on_demand)
    os.ftruncate(lock, 0)
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"luzia: started luziad (log: {environment.log_file()})", file=sys.stderr)


def mark_stopped(lock: int) -> None:
    """Take note that the daemon is ended on purpose, so that those who follow a job do not start it again.

    lock: what `start_lock` gave; the next start takes the note away.
    """
    os.pwrite(lock, b"stopped\n", 0)


def answers(socket: str) -> bool:
    """True when somebody listens on the socket."""
    try:
        dial(socket).close()
    except OSError:
        return False
    return True


def command() -> list[str]:
    """How to run luziad: with this interpreter, or the program beside this one."""
    if sys.executable and os.access(sys.executable, os.X_OK):
        return [sys.executable, "-m", "luziad"]
    return [os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "luziad")]


def daemon_environment(socket: str) -> dict[str, str]:
    """The daemon's environment: the caller's, with paths that hold in any working directory."""
    env = {name: value for name, value in os.environ.items() if name not in _SUPERVISOR_VARIABLES}
    for name in _PATH_VARIABLES:
        if env.get(name):
            env[name] = os.path.abspath(env[name])
    if socket != environment.socket_path():
        env["LUZIA_SOCKET"] = socket
    return env


def config_mistakes(path: str) -> list[str]:
    """What luziad has to say against a configuration file, a line a mistake; empty when it is good.

    Raises DaemonUnreachableError when luziad cannot be asked.
    """
    argv = [*command(), "--check-config"]
    env = {**daemon_environment(environment.socket_path()), "LUZIA_CONFIG": path}
    try:
        result = subprocess.run(
            argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=READY_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise DaemonUnreachableError(f"luziad cannot be run: {exc}", "Install luzia again.") from exc
    said = [line.removeprefix("luziad: ") for line in result.stderr.decode(errors="replace").splitlines() if line]
    if result.returncode not in (0, CONFIG_WRONG):
        why = said[-1] if said else f"exit status {result.returncode}"
        raise DaemonUnreachableError(f"luziad --check-config failed: {why}", "Install luzia again.")
    return said if result.returncode else []


def _forbidden(socket: str) -> tuple[str, str]:
    """Why no daemon may be started for this socket from here, and what to do; empty when it may."""
    by_hand = "Start it with `luzia daemon start`."
    if os.environ.get("LUZIA_NO_AUTOSTART"):
        return "LUZIA_NO_AUTOSTART is set", by_hand
    if os.environ.get("LUZIA_JOB_ID"):
        # It would get the job's environment and end with the job.
        return "a job does not start one", "Start it outside of the job with `luzia daemon start`."
    if socket.startswith(environment.SYSTEM_RUNTIME_DIR + "/") and os.geteuid() != 0:
        return "it is the system service's socket", "As root: `systemctl start luziad`."
    return "", ""


@contextmanager
def start_lock() -> Iterator[int]:
    """Hold `start.lock` in the runtime directory, which is made when it is missing: nobody else starts a daemon."""
    directory = environment.runtime_dir()
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        _check_owner(directory)
        lock = os.open(os.path.join(directory, "start.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise DaemonUnreachableError(
            f"the runtime directory {directory} cannot be used: {exc.strerror}",
            "Set LUZIA_RUNTIME_DIR to a directory of your own; `luzia doctor` checks it.",
        ) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def _check_owner(directory: str) -> None:
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise DaemonUnreachableError(
            f"the runtime directory {directory} is not yours",
            "Set LUZIA_RUNTIME_DIR to a directory of your own, or have the other one removed.",
        )


def _launch(socket: str, *, on_demand: bool) -> None:
    """Start luziad detached, and return when it is ready."""
    argv = command()
    read_end, write_end = os.pipe()
    try:
        log, mark = _open_log()
        try:
            process = subprocess.Popen(
                [*argv, "--ready-fd", str(write_end), *(["--on-demand"] if on_demand else [])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=daemon_environment(socket),
                start_new_session=True,
                pass_fds=[write_end],
            )
        except OSError as exc:
            raise DaemonUnreachableError(
                f"luziad cannot be run: {argv[0]}: {exc.strerror}", "Install luzia again."
            ) from exc
        finally:
            os.close(log)
            os.close(write_end)
        _children[:] = [child for child in _children if child.poll() is None] + [process]
        _await_ready(read_end, process, mark)
    finally:
        os.close(read_end)


def _open_log() -> tuple[int, Mark]:
    path = environment.log_file()
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise DaemonUnreachableError(
            f"the daemon's log {path} cannot be written: {exc.strerror}",
            "Make the state directory writable, or set LUZIA_STATE_DIR.",
        ) from exc
    return log, Mark(path, os.fstat(log).st_size)


def _await_ready(read_end: int, process: subprocess.Popen[bytes], mark: Mark) -> None:
    """Read `ready` from the pipe; raise what luziad said when it ends or takes too long instead."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    poll = select.poll()
    poll.register(read_end, select.POLLIN)
    said = b""
    while b"\n" not in said:
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            raise DaemonUnreachableError(
                f"luziad (pid {process.pid}) is not ready after {READY_TIMEOUT_S:.0f} s",
                f"Its log is {mark.path}.",
            )
        data = os.read(read_end, 4096)
        if not data:
            raise _start_failed(process, mark)
        said += data
    if said.strip() != b"ready":
        raise DaemonUnreachableError(f"luziad said {said!r} instead of ready", f"Its log is {mark.path}.")


def _start_failed(process: subprocess.Popen[bytes], mark: Mark) -> DaemonUnreachableError:
    """The pipe was closed without `ready`, so luziad ends: say why, in its own words."""
    try:
        status: int | None = process.wait(5)
    except subprocess.TimeoutExpired:
        status = None
    said = last_line(mark)
    if status == MAY_NOT_START:
        return DaemonUnreachableError(
            f"no daemon runs, and commands may not start it: {said}", "Start it with `luzia daemon start`."
        )
    return DaemonUnreachableError(
        f"luziad did not start: {said or f'exit status {status}'}",
        f"Its log is {mark.path}; `luzia doctor` checks the set-up.",
    )


def last_line(mark: Mark) -> str:
    """The last line of the log after the mark, without its program's name; empty when there is none."""
    try:
        with open(mark.path, "rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(mark.offset, end - _LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
    except FileNotFoundError:
        return ""  # somebody has deleted the state directory meanwhile
    return next((line.strip().removeprefix("luziad: ") for line in reversed(lines) if line.strip()), "")
