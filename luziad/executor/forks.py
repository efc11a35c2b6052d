"""The daemon's side of the fork server: keeps one running, gives it requests, hears its replies."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from luziad.executor import survivors
from luziad.jobs.attempt import AttemptRef, ExitRecord

log = logging.getLogger(__name__)

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_BOOT = "import sys; sys.path.append(sys.argv[1]); from luziad.supervise.forkserver import main; main()"
_COMMAND = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOT, _ROOT]

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 30.0
_STOP_S = 5.0


class Reply(msgspec.Struct, frozen=True):
    """One line from the fork server or a shim; see luziad/supervise/forkserver.py."""

    job: str
    attempt: int
    pid: int | None = None
    start_time: int | None = None
    refused: str | None = None
    agent_pid: int | None = None
    started_at: float = 0.0
    error: str | None = None
    end: ExitRecord | None = None
    problem: str | None = None

    @property
    def ref(self) -> AttemptRef:
        """The attempt that it is about."""
        return AttemptRef(self.job, self.attempt)

    @property
    def is_answer(self) -> bool:
        """True for what the fork server itself says about a request."""
        return self.pid is not None or self.refused is not None


class _Life:
    """One fork server process, and the pipe on which it and its shims reply, which may outlast it."""

    def __init__(self, process: asyncio.subprocess.Process, replies: int) -> None:
        self.process = process
        self.replies = replies
        self.rest = b""
        self.unanswered: set[AttemptRef] = set()
        self.has_answered = False

    @property
    def requests(self) -> asyncio.StreamWriter:
        """Where requests go."""
        assert self.process.stdin is not None
        return self.process.stdin


class Forks:
    """Starts the fork server, and again whenever it is needed and has died.

    replied: hears every line from the fork server and the shims. unanswered: hears of each request with
    which the fork server died, so that it may have forked a shim for it or not.
    """

    def __init__(self, replied: Callable[[Reply], None], unanswered: Callable[[AttemptRef], None]) -> None:
        self._replied = replied
        self._unanswered = unanswered
        self._current: _Life | None = None
        self._open: set[_Life] = set()
        self._waiting: dict[AttemptRef, bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = False
        self._failures = 0

    @property
    def pid(self) -> int | None:
        """The fork server's process, None while there is none."""
        return None if self._current is None else self._current.process.pid

    async def start(self) -> None:
        """Start the fork server; raises OSError when that is impossible."""
        self._adopt(await _spawn())

    async def stop(self) -> None:
        """End the fork server; shims go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        life, self._current = self._current, None
        if life is not None:
            life.requests.close()
            try:
                await asyncio.wait_for(life.process.wait(), _STOP_S)
            except TimeoutError:
                life.process.kill()
                await life.process.wait()
        for opened in list(self._open):
            self._close(opened)

    def send(self, ref: AttemptRef, request: bytes) -> None:
        """Give the fork server a request (a line), now or as soon as there is a fork server again."""
        life = self._current
        if life is None or life.requests.is_closing():
            self._waiting[ref] = request
            self._revive()
            return
        life.unanswered.add(ref)
        life.requests.write(request)

    def withdraw(self, ref: AttemptRef) -> bool:
        """Take back a request; False when it has been given to the fork server already."""
        return self._waiting.pop(ref, None) is not None

    def _adopt(self, life: _Life) -> None:
        self._current = life
        self._open.add(life)
        asyncio.get_running_loop().add_reader(life.replies, self._read, life)
        self._run(self._watch(life))
        waiting, self._waiting = self._waiting, {}
        for ref, request in waiting.items():
            self.send(ref, request)

    def _revive(self) -> None:
        if self._current is None and not self._starting:
            self._starting = True
            self._run(self._start_again())

    async def _start_again(self) -> None:
        """Start the fork server: at once, but after failures in a row with longer and longer pauses."""
        try:
            while True:
                if self._failures:
                    await asyncio.sleep(min(_FIRST_PAUSE_S * 2 ** (self._failures - 1), _LONGEST_PAUSE_S))
                try:
                    life = await _spawn()
                except OSError as error:
                    self._failures += 1
                    log.error("fork_server_not_started error=%s", error)
                else:
                    break
        finally:
            self._starting = False
        self._adopt(life)

    async def _watch(self, life: _Life) -> None:
        status = await life.process.wait()
        self._read(life)
        self._failures = 0 if life.has_answered else self._failures + 1
        log.warning("fork_server_died pid=%d status=%s", life.process.pid, status)
        self._current = None
        for ref in life.unanswered:
            self._unanswered(ref)
        if self._waiting:
            self._revive()

    def catch_up(self) -> None:
        """Take in all replies that are there, before something is concluded from their absence."""
        for life in list(self._open):
            self._read(life)

    def _read(self, life: _Life) -> None:
        """Take in all replies of one fork server and its shims that are there."""
        while life in self._open:
            try:
                chunk = os.read(life.replies, 65536)
            except BlockingIOError:
                return
            if not chunk:
                self._close(life)
                return
            *lines, life.rest = (life.rest + chunk).split(b"\n")
            for line in lines:
                reply = msgspec.json.decode(line, type=Reply)
                if reply.is_answer:
                    life.has_answered = True
                    life.unanswered.discard(reply.ref)
                self._replied(reply)

    def _close(self, life: _Life) -> None:
        self._open.discard(life)
        asyncio.get_running_loop().remove_reader(life.replies)
        os.close(life.replies)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _spawn() -> _Life:
    """Start a fork server in a session of its own, where no signal to the daemon's group reaches it."""
    replies, replies_out = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=replies_out,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    except BaseException:
        os.close(replies)
        raise
    finally:
        os.close(replies_out)
    return _Life(process, replies)


def _environment() -> dict[str, str]:
    """The daemon's, without the mark of a job that the daemon was started from: see survivors.py."""
    return {name: value for name, value in os.environ.items() if name != survivors.MARK}
