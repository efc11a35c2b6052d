"""The guard of one attempt on a node: the parent of its shim, which ends the attempt when its actor has ended.

Ray kills the direct children of a worker that ends. This process is a grandchild, in a session of its own, and notices
at the end of its stdin that the worker has ended. Then nobody watches the attempt any more, and it is ended, so that
another attempt elsewhere is not a second one at the same time.

stdin: the request (one line of JSON, see supervise/shim.py), then one letter a line: see COMMANDS. stdout: one line of
JSON when the agent has started, and one with the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from typing import Any, NoReturn

import msgspec

from luziad.executor import attempt_directory, pidfd
from luziad.executor.attempt_directory import Finished
from luziad.jobs.attempt import AttemptEnd, LostAttempt
from luziad.supervise import child, shim, tree

TERMINATE, PAUSE, RESUME, CLOSE_STDIN = b"T", b"P", b"C", b"I"
COMMANDS = {
    TERMINATE: (signal.SIGTERM, signal.SIGCONT),
    PAUSE: (signal.SIGTSTP,),
    RESUME: (signal.SIGCONT,),
    CLOSE_STDIN: (signal.SIGUSR1,),
}
"""What the shim gets for a line of stdin."""
FENCE = b"F"
"""End the attempt within FENCE_GRACE_S, whatever its grace time is."""

FENCE_GRACE_S = 2.0
KILL_DELAY_S = 15.0
"""How long after the grace time the tree may take to end; then the shim and all of its tree are killed."""


class Line(msgspec.Struct, omit_defaults=True):
    """A line of stdout. pid, started_at: of the agent. end: how the attempt has ended; its tree is gone."""

    pid: int | None = None
    started_at: float = 0.0
    end: AttemptEnd | None = None


def main() -> None:
    """Leave the worker's children, and guard the attempt."""
    # Those of the worker stay open across exec with uvloop, and the pipe of stdout must end with this process.
    os.closerange(3, max(map(int, os.listdir("/proc/self/fd"))) + 1)
    guard = os.fork()
    if guard:
        os.close(0)
        os.close(1)
        os.waitpid(guard, 0)
        return
    os.setsid()
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError):  # the C library keeps some for itself
            signal.signal(number, signal.SIG_DFL)
    request, rest = _read_request()
    Guard(request, rest).run()


class Guard:
    """request: that of the shim. rest: what was read of stdin after it."""

    def __init__(self, request: dict[str, Any], rest: bytes) -> None:
        self._directory = str(request["directory"])
        self._grace_s = float(request["grace_s"])
        self._rest = rest
        self._kill_at: float | None = None
        self._failure: str | None = None
        self._start_failed = False
        self._replies, replies_out = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._replies)
            _become_shim(request, replies_out)
        os.close(replies_out)
        self._shim = os.pidfd_open(self._pid)
        self._start_time = tree.start_time(self._pid)

    def run(self) -> None:
        """Pass commands on until the attempt has ended, and write its end."""
        poller = select.poll()
        for descriptor in (0, self._shim, self._replies):
            poller.register(descriptor, select.POLLIN)
        self._obey(self._rest)
        while True:
            left_s = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
            ready = {descriptor for descriptor, _ in poller.poll(None if left_s is None else left_s * 1000)}
            if self._replies in ready and not self._read_replies():
                poller.unregister(self._replies)
            if self._shim in ready:
                os.waitpid(self._pid, 0)
                while self._read_replies():
                    pass
                _write(Line(end=self._find_end()))
                return
            if 0 in ready:
                commands = os.read(0, 4096)
                if commands:
                    self._obey(commands)
                else:
                    poller.unregister(0)
                    self._fence("the worker of the cluster that watched it has ended")
            elif not ready and left_s is not None:
                why = self._failure or "its shim did not end it, and was killed"
                found = attempt_directory.end_by_force(self._directory, (self._pid, self._start_time), why)
                _write(Line(end=found.end))
                return

    def _obey(self, commands: bytes) -> None:
        for command in commands.split(b"\n"):
            if command == FENCE:
                self._fence("its node had no connection to the head of the cluster for longer than its lease")
            for number in COMMANDS.get(command, ()):
                pidfd.send(self._shim, number)
            if command == TERMINATE:
                self._kill_within(self._grace_s + KILL_DELAY_S)

    def _fence(self, why: str) -> None:
        self._failure = why
        for number in COMMANDS[TERMINATE]:
            pidfd.send(self._shim, number)
        self._kill_within(min(self._grace_s, FENCE_GRACE_S))

    def _kill_within(self, seconds: float) -> None:
        at = time.monotonic() + seconds
        self._kill_at = at if self._kill_at is None else min(self._kill_at, at)

    def _read_replies(self) -> bool:
        """Take in what the shim has sent, a line at once; False at its end."""
        lines = os.read(self._replies, 65536)
        for line in lines.splitlines():
            reply = json.loads(line)
            if (error := reply.get("error")) is not None:
                self._failure, self._start_failed = error, "end" not in reply
            if (agent := reply.get("agent_pid")) is not None:
                _write(Line(pid=agent, started_at=reply["started_at"]))
        return bool(lines)

    def _find_end(self) -> AttemptEnd:
        found = attempt_directory.reconcile(self._directory, self._failure, start_failed=self._start_failed)
        return found.end if isinstance(found, Finished) else LostAttempt("its shim has ended before it was recorded")


def _read_request() -> tuple[dict[str, Any], bytes]:
    content = bytearray()
    while b"\n" not in content:
        part = os.read(0, 1 << 18)
        if not part:
            os._exit(1)  # the worker has ended before it said what to run
        content += part
    line, _, rest = bytes(content).partition(b"\n")
    return json.loads(line), rest


def _become_shim(request: dict[str, Any], replies: int) -> NoReturn:
    status = 1
    try:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(replies, shim.REPLIES)
        os.dup2(null, 2)
        os.closerange(3, max(null, replies) + 1)
        child.name_process(child.SHIM_NAME)
        shim.run(request)
        status = 0
    except Exception as error:
        shim.send_reply(request, error=f"the shim failed: {type(error).__name__}: {error}")
    finally:
        os._exit(status)


def _write(line: Line) -> None:
    with contextlib.suppress(BrokenPipeError):  # the worker has ended
        os.write(1, msgspec.json.encode(line) + b"\n")


if __name__ == "__main__":
    main()
