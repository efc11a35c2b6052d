"""The client of the fork server: keeps one running, sends requests and reads replies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import msgspec

from luziad.executor import survivors
from luziad.jobs.attempt import AttemptRef, ExitRecord
from luziad.supervise import boot_clock, cgroup

log = logging.getLogger(__name__)

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_BOOT = "import sys; sys.path.append(sys.argv[1]); from luziad.supervise.forkserver import main; main()"
PYTHON_COMMAND = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOT, _ROOT]

_FIRST_RETRY_S = 0.1
_MAX_RETRY_S = 30.0
_STOP_TIMEOUT_S = 5.0

ANSWER_TIMEOUT_S = 10.0
"""A fork server that answers none of its requests for this time is replaced: it may have been stopped."""

_PIPE_BYTES = 64 * 1024
"""What a pipe holds."""
_MAX_LINE_BYTES = 4096
"""PIPE_BUF: shims and fork servers write each line at once."""
_LINE_START = b'{"job": '


class Reply(msgspec.Struct, frozen=True):
    """One line from the fork server or a shim; see luziad/supervise/forkserver.py."""

    job: str
    attempt: int
    pid: Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)] | None = None
    start_time: int | None = None
    refused: str | None = None
    agent_pid: int | None = None
    started_at: float = 0.0
    error: str | None = None
    end: ExitRecord | None = None
    problem: str | None = None
    shortage: bool = False

    @property
    def ref(self) -> AttemptRef:
        """The attempt of the reply."""
        return AttemptRef(self.job, self.attempt)

    @property
    def is_response(self) -> bool:
        """True for a reply of the fork server itself to a request."""
        return self.pid is not None or self.refused is not None


class _ForkServer(msgspec.Struct, eq=False):
    """One fork server process, and the reply pipe of it and its shims, which may outlive it."""

    process: asyncio.subprocess.Process
    replies: int
    rest: bytes = b""
    unanswered: set[AttemptRef] = set()
    has_responded: bool = False
    has_garbage: bool = False
    deadline: asyncio.TimerHandle | None = None

    @property
    def requests(self) -> asyncio.StreamWriter:
        """The stream of requests."""
        assert self.process.stdin is not None
        return self.process.stdin


class ForkServerClient:
    """Starts the fork server, and restarts it when it is needed and has died.

    on_reply: called for every line from the fork server and the shims. on_lost_request: called for each request that
    was unanswered when the fork server died; a shim may have been forked for it. on_start_failure: called when the fork
    server cannot be started; it is tried again.
    """

    def __init__(
        self,
        on_reply: Callable[[Reply], None],
        on_lost_request: Callable[[AttemptRef], None],
        on_start_failure: Callable[[OSError], None],
    ) -> None:
        self._on_reply = on_reply
        self._on_lost_request = on_lost_request
        self._on_start_failure = on_start_failure
        self._current: _ForkServer | None = None
        self._open: set[_ForkServer] = set()
        self._waiting: dict[AttemptRef, bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = False
        self._failures = 0

    @property
    def pid(self) -> int | None:
        """The fork server's process, None while it is not running."""
        return None if self._current is None else self._current.process.pid

    async def start(self) -> None:
        """Start the fork server. Raises OSError."""
        self._connect(await _spawn())

    async def stop(self) -> None:
        """Stop the fork server; shims continue."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        server, self._current = self._current, None
        if server is not None:
            server.requests.close()
            try:
                await asyncio.wait_for(server.process.wait(), _STOP_TIMEOUT_S)
            except TimeoutError:
                server.process.kill()
                await server.process.wait()
        for opened in list(self._open):
            self._close(opened)

    def send(self, ref: AttemptRef, request: bytes) -> None:
        """Send a request (a line), now or when the fork server is running again."""
        server = self._current
        if server is None or server.requests.is_closing():
            self._waiting[ref] = request
            self._ensure_running()
            return
        server.unanswered.add(ref)
        if server.deadline is None:
            self._set_deadline(server)
        server.requests.write(request)

    def withdraw(self, ref: AttemptRef) -> bool:
        """Withdraw a request; False when it was already sent."""
        return self._waiting.pop(ref, None) is not None

    def _connect(self, server: _ForkServer) -> None:
        self._current = server
        self._open.add(server)
        asyncio.get_running_loop().add_reader(server.replies, self._read, server)
        self._run(self._watch(server))
        waiting, self._waiting = self._waiting, {}
        for ref, request in waiting.items():
            self.send(ref, request)

    def _set_deadline(self, server: _ForkServer) -> None:
        """Expect the next response in time, if there is one to come."""
        if server.deadline is not None:
            server.deadline.cancel()
        server.deadline = None
        if server.unanswered:
            server.deadline = asyncio.get_running_loop().call_later(ANSWER_TIMEOUT_S, self._replace, server)

    def _replace(self, server: _ForkServer) -> None:
        log.error("fork_server_does_not_answer pid=%d", server.process.pid)
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            server.process.kill()

    def _ensure_running(self) -> None:
        if self._current is None and not self._starting:
            self._starting = True
            self._run(self._restart())

    async def _restart(self) -> None:
        """Start the fork server: at once, or after consecutive failures with increasing delays."""
        try:
            while True:
                if self._failures:
                    await asyncio.sleep(min(_FIRST_RETRY_S * 2 ** (self._failures - 1), _MAX_RETRY_S))
                try:
                    server = await _spawn()
                except OSError as error:
                    self._failures += 1
                    log.error("fork_server_not_started error=%s", error)
                    self._on_start_failure(error)
                else:
                    break
        finally:
            self._starting = False
        self._connect(server)

    async def _watch(self, server: _ForkServer) -> None:
        status = await server.process.wait()
        self._read(server)
        self._failures = 0 if server.has_responded else self._failures + 1
        log.warning("fork_server_died pid=%d status=%s", server.process.pid, status)
        self._current = None
        lost, server.unanswered = server.unanswered, set()
        self._set_deadline(server)
        for ref in lost:
            self._on_lost_request(ref)
        if self._waiting:
            self._ensure_running()

    def read_replies(self) -> None:
        """Process all available replies, before anything is concluded from their absence."""
        for server in list(self._open):
            self._read(server)

    def _read(self, server: _ForkServer) -> None:
        """Process the replies of one fork server and its shims that are in the pipe now."""
        if server not in self._open:
            return
        try:
            chunk = os.read(server.replies, _PIPE_BYTES)
        except BlockingIOError:
            return
        if not chunk:
            self._close(server)
            return
        *lines, rest = (server.rest + chunk).split(b"\n")
        server.rest = rest[-_MAX_LINE_BYTES:]
        for line in lines:
            reply = _decode(line)
            if reply is None:
                self._report_garbage(server)
                continue
            if reply.is_response:
                server.has_responded = True
                server.unanswered.discard(reply.ref)
                self._set_deadline(server)
            self._on_reply(reply)

    def _report_garbage(self, server: _ForkServer) -> None:
        if not server.has_garbage:
            server.has_garbage = True
            log.warning("foreign_data_in_reply_pipe pid=%d", server.process.pid)

    def _close(self, server: _ForkServer) -> None:
        self._open.discard(server)
        if server.deadline is not None:
            server.deadline.cancel()
        asyncio.get_running_loop().remove_reader(server.replies)
        os.close(server.replies)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _decode(line: bytes) -> Reply | None:
    """The reply of a line, which may follow what another program has written into the pipe; None if there is none."""
    begin = line.rfind(_LINE_START)
    try:
        return None if begin < 0 else msgspec.json.decode(line[begin:], type=Reply)
    except msgspec.DecodeError:
        return None


def command() -> list[str]:
    """The fork server and its arguments: the native program if it has been built for this machine, or else Python's."""
    native = os.path.join(_ROOT, "luziad", "supervise", "native", "luzia-forks")
    if not os.access(native, os.X_OK):
        return PYTHON_COMMAND
    base = cgroup.find_base()
    if base is not None:
        cgroup.sweep(base)
    return [native, base or "", boot_clock.boot_id()]


async def _spawn() -> _ForkServer:
    """Start a fork server in its own session, so that it gets no signals to the daemon's process group."""
    replies, replies_out = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        process = await asyncio.create_subprocess_exec(
            *command(),
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
    return _ForkServer(process, replies)


def _environment() -> dict[str, str]:
    """The daemon's environment without ATTEMPT_VARIABLE, in case a job has started the daemon: see survivors.py."""
    return {name: value for name, value in os.environ.items() if name != survivors.ATTEMPT_VARIABLE}
