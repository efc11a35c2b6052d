"""The fork server: a small process that reads attempts from stdin and forks a shim for each.

One shim is forked in advance and waits with warm memory, so that the next attempt does not wait for the fork.

Each input line is one attempt in JSON (see `shim.run`). The output line for it has `pid` and `start_time` of its shim,
or `refused` with the reason. Shims write to the same pipe: `agent_pid` and `started_at`, or an `error`. The fork server
ends at the end of its stdin; shims continue.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource  # noqa: F401 (os.wait4 needs it, and a shim must not import)
import select
import signal
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from luziad.supervise import boot_clock, cgroup, child, shim, tree
from luziad.supervise.system_errors import describe_error, is_shortage

REQUESTS = 0
_CHUNK_BYTES = 1 << 18


def main() -> None:
    """Serve until stdin ends."""
    _close_stray_files()
    wakeup = _take_over_signals()
    os.set_blocking(shim.REPLIES, False)
    child.name_process(child.FORK_SERVER_NAME)
    poller = select.poll()
    poller.register(REQUESTS, select.POLLIN)
    poller.register(wakeup[0], select.POLLIN)
    boot_clock.boot_id()  # read now, remembered in every shim
    base = cgroup.find_base()
    if base is not None:
        cgroup.sweep(base)
    gc.disable()
    gc.freeze()
    requests = LineReader()
    shims = ShimPool(wakeup, base)
    while True:
        shims.prepare()
        for fd, _ in poller.poll():
            if fd == REQUESTS:
                if not requests.read():
                    return
                while requests.lines:
                    shims.start(requests.lines.popleft())
            else:
                os.read(fd, 4096)
                shims.reap()


class LineReader:
    """Splits stdin into lines, and scans every byte once.

    lines: the complete lines. Removing one leaves no copy behind, so that no shim inherits it.
    """

    def __init__(self) -> None:
        self.lines: deque[bytes] = deque()
        self._parts: list[bytes] = []

    def read(self) -> bool:
        """Read available input; False at its end."""
        chunk = os.read(REQUESTS, _CHUNK_BYTES)
        first, *rest = chunk.split(b"\n")
        self._parts.append(first)
        for part in rest:
            self.lines.append(b"".join(self._parts))
            self._parts = [part]
        return bool(chunk)


def _close_stray_files() -> None:
    """Close descriptors that the daemon left open, such as a socket that systemd passed to it."""
    open_files = [int(name) for name in os.listdir("/proc/self/fd")]
    os.closerange(3, max(open_files) + 1)


def _take_over_signals() -> tuple[int, int]:
    """Block all signals but SIGCHLD, which wakes the poll through the returned pipe.

    Agents inherit the dispositions, so every other signal gets its default.
    """
    signals = signal.valid_signals()
    signal.pthread_sigmask(signal.SIG_SETMASK, signals - {signal.SIGCHLD})
    for number in signals - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_DFL)
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _ignore)
    return reader, writer


def _ignore(number: int, frame: FrameType | None) -> None:
    """A signal handler: the signal only wakes the poll."""


class ShimPool:
    """Forks shims, one of them in advance, and reaps them.

    wakeup: the two ends of the pipe that SIGCHLD writes to, which a shim must not keep. base: the directory for the
    cgroups of attempts, None without one.
    """

    def __init__(self, wakeup: tuple[int, int], base: str | None) -> None:
        self._wakeup = wakeup
        self._base = base
        self._spare: tuple[int, int] | None = None  # its pid, and the pipe of its request
        self._start_times: dict[int, int | None] = {}  # of running shims

    def prepare(self) -> None:
        """Fork a spare shim for the next attempt, unless there is one."""
        if self._spare is not None:
            return
        try:
            reader, writer = os.pipe()
        except OSError:
            return  # as below
        try:
            pid = self._fork(lambda: _wait_for_request(reader, writer))
        except OSError:
            os.close(writer)  # the next attempt tries again, and reports it
        else:
            self._spare = (pid, writer)
        os.close(reader)

    def start(self, line: bytes) -> None:
        """Give an attempt to the spare shim, or else to a new one, and report that shim to the daemon."""
        request = json.loads(line)
        try:
            pid = self._hand_over(line) or self._fork(lambda: request)
        except OSError as error:
            _send_reply(request, refused=f"cannot start: {describe_error(error)}", shortage=is_shortage(error))
        else:
            _send_reply(request, pid=pid, start_time=self._start_times[pid])

    def reap(self) -> None:
        """Reap the shims that have ended."""
        try:
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                if self._spare is not None and self._spare[0] == pid:
                    os.close(self._spare[1])
                    self._spare = None
                start_time = self._start_times.pop(pid)
                if self._base is not None:
                    cgroup.remove(f"{self._base}/{cgroup.name_of(pid, start_time)}")
        except ChildProcessError:
            return

    def _hand_over(self, line: bytes) -> int | None:
        """Give the request to the spare shim and return its pid; None when there is no spare, or it has died."""
        if self._spare is None:
            return None
        pid, writer = self._spare
        self._spare = None
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(writer, rest) :]
        except BrokenPipeError:
            return None  # a truncated request is invalid JSON, so the spare has not started it
        finally:
            os.close(writer)
        return pid

    def _fork(self, request: Callable[[], dict[str, Any] | None]) -> int:
        """Fork a shim that runs what `request` returns in it."""
        # Blocked across the fork, because a shim waits for this signal and never unblocks it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            pid = os.fork()
            if pid == 0:
                _become_shim(request, self._wakeup, self._base)
            # Only this process reaps the shim, so its entry in /proc still exists.
            self._start_times[pid] = None
            with contextlib.suppress(OSError):  # out of descriptors: the daemon finds the shim by its lock
                self._start_times[pid] = tree.start_time(pid)
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _wait_for_request(reader: int, writer: int) -> dict[str, Any] | None:
    """In the spare shim: warm up and wait for a request; None when the fork server ends first."""
    os.close(writer)
    shim.warm_up()
    parts = []
    while part := os.read(reader, _CHUNK_BYTES):
        parts.append(part)
    os.close(reader)
    try:
        request: dict[str, Any] = json.loads(b"".join(parts))
    except ValueError:
        return None
    return request


def _become_shim(
    get_request: Callable[[], dict[str, Any] | None], wakeup: tuple[int, int], base: str | None
) -> NoReturn:
    status, fork_server = 1, os.getppid()
    group: cgroup.Cgroup | None = None
    request: dict[str, Any] | None = None
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in wakeup:
            os.close(fd)
        # A shim outlives the daemon: it must not keep the daemon's stderr open, which may be a pipe.
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 2)
        os.close(null)
        child.name_process(child.SHIM_NAME)
        group = _enter_group(base)
        request = get_request()
        if request is not None:
            shim.run(request, group)
        status = 0
    except Exception as error:
        if request is not None:
            shim.send_reply(request, error=f"the shim failed: {type(error).__name__}: {error}")
    finally:
        if group is not None and os.getppid() != fork_server:
            group.leave()  # the fork server, which would delete it, has ended
            cgroup.remove(group.path)
        os._exit(status)


def _enter_group(base: str | None) -> cgroup.Cgroup | None:
    if base is not None:
        with contextlib.suppress(OSError):  # the limit of cgroups may be reached: then the attempt runs without one
            return cgroup.Cgroup(base, cgroup.name_of(os.getpid(), tree.start_time(os.getpid())))
    return None


def _send_reply(request: dict[str, Any], **fields: Any) -> None:
    """Send the daemon a line, and wait while the pipe is full."""
    while not shim.send_reply(request, **fields):
        pass
