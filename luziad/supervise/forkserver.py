"""The fork server: a small warm process that reads attempts from stdin and forks a shim for each.

One shim is forked in advance and waits, its memory warm, so that the next attempt need not wait for the fork.

One JSON line in is one attempt (see `shim.run`). One JSON line out says what became of it: `pid` and
`start_time` of its shim, or `refused` and why. Shims write to the same pipe: `agent_pid` and `started_at`,
or an `error`. The fork server ends when stdin does, and shims do not mind.
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

from luziad.supervise import cgroup, child, record, shim, tree

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
    record.boot_id()  # read now, remembered in every shim
    base = cgroup.find_base()
    if base is not None:
        cgroup.sweep(base)
    gc.disable()
    gc.freeze()
    requests = Lines()
    shims = Shims(wakeup, base)
    while True:
        shims.prepare()
        for fd, _ in poller.poll():
            if fd == REQUESTS:
                if not requests.read():
                    return
                while requests.whole:
                    shims.start(requests.whole.popleft())
            else:
                os.read(fd, 4096)
                shims.reap()


class Lines:
    """Splits what comes on stdin into lines; looks at every byte once, however long a line is.

    whole: the lines that are complete. Who takes one out has the only copy, so that no shim carries it along.
    """

    def __init__(self) -> None:
        self.whole: deque[bytes] = deque()
        self._parts: list[bytes] = []

    def read(self) -> bool:
        """Take in what is there; False at the end of the input."""
        chunk = os.read(REQUESTS, _CHUNK_BYTES)
        first, *rest = chunk.split(b"\n")
        self._parts.append(first)
        for part in rest:
            self.whole.append(b"".join(self._parts))
            self._parts = [part]
        return bool(chunk)


def _close_stray_files() -> None:
    """Close what the daemon may have left open, such as a socket that systemd passed to it."""
    open_files = [int(name) for name in os.listdir("/proc/self/fd")]
    os.closerange(3, max(open_files) + 1)


def _take_over_signals() -> tuple[int, int]:
    """Block all signals but SIGCHLD, which wakes the poll through the returned pipe; undo what was ignored.

    Whatever is set here reaches the agents, so every other signal gets its default meaning back.
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
    """Let a signal do nothing but wake the poll."""


class Shims:
    """Forks shims, one of them in advance, and reaps them.

    wakeup: the two ends of the pipe that SIGCHLD writes to, which a shim must not keep. base: where cgroups for
    attempts can be made, None when nowhere.
    """

    def __init__(self, wakeup: tuple[int, int], base: str | None) -> None:
        self._wakeup = wakeup
        self._base = base
        self._spare: tuple[int, int] | None = None  # its pid, and the pipe on which it waits for its request
        self._start_times: dict[int, int | None] = {}  # of the shims that live

    def prepare(self) -> None:
        """Fork the shim that the next attempt will have, unless it is there."""
        if self._spare is not None:
            return
        reader, writer = os.pipe()
        try:
            pid = self._fork(lambda: _wait_for_request(reader, writer))
        except OSError:
            os.close(writer)  # the next attempt tries again, and tells
        else:
            self._spare = (pid, writer)
        os.close(reader)

    def start(self, line: bytes) -> None:
        """Give an attempt to the spare shim, or else to a new one, and tell the daemon which."""
        request = json.loads(line)
        try:
            pid = self._hand_over(line) or self._fork(lambda: request)
        except OSError as error:
            _tell(request, refused=f"cannot start: {error}")
        else:
            _tell(request, pid=pid, start_time=self._start_times[pid])

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
        """The spare shim's pid when it has got the request; None when there is no spare, or it is dead."""
        if self._spare is None:
            return None
        pid, writer = self._spare
        self._spare = None
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(writer, rest) :]
        except BrokenPipeError:
            return None  # a request that is cut short is no JSON, so the spare cannot have begun with it
        finally:
            os.close(writer)
        return pid

    def _fork(self, request: Callable[[], dict[str, Any] | None]) -> int:
        """Fork a shim that carries out what `request` returns there."""
        # Blocked across the fork, because a shim waits for the signal and never unblocks it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            pid = os.fork()
            if pid == 0:
                _become_shim(request, self._wakeup, self._base)
            # The shim is reaped by this process alone, and later, so its entry in /proc is there.
            self._start_times[pid] = tree.start_time(pid)
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _wait_for_request(reader: int, writer: int) -> dict[str, Any] | None:
    """Be the spare shim: touch the memory that a shim needs, and wait; None when the fork server ends first."""
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
    group: cgroup.Group | None = None
    request: dict[str, Any] | None = None
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in wakeup:
            os.close(fd)
        # A shim outlives the daemon: it must not keep the daemon's stderr open, which may be somebody's pipe.
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
            shim.tell(request, error=f"the shim failed: {type(error).__name__}: {error}")
    finally:
        if group is not None and os.getppid() != fork_server:
            group.leave()  # nobody is left who would delete it
            cgroup.remove(group.path)
        os._exit(status)


def _enter_group(base: str | None) -> cgroup.Group | None:
    if base is not None:
        with contextlib.suppress(OSError):  # there may be too many: then the tree is ended without one
            return cgroup.Group(base, cgroup.name_of(os.getpid(), tree.start_time(os.getpid())))
    return None


def _tell(request: dict[str, Any], **facts: Any) -> None:
    """Tell the daemon a fact, and wait when it is too busy to read."""
    while not shim.tell(request, **facts):
        room = select.poll()
        room.register(shim.REPLIES, select.POLLOUT)
        room.poll()
