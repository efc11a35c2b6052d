"""One attempt on a node of the cluster, from its order to its end; it knows nothing of Ray.

What a node keeps of an attempt is below the spool directory: `jobs/JOB/N` is the attempt's directory, `trees/JOB-N` the
copy of the job's worktree, and `repositories` has the commits of earlier jobs, so that they are not sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import time
from typing import Any

import msgspec

from luzia_protocol import environment
from luzia_protocol.version import VERSION

from luziad.executor import attempt_directory, survivors
from luziad.executor.ray import code, guard, home
from luziad.executor.ray.code import Code, State
from luziad.jobs.attempt import AttemptEnd, AttemptRef, LostAttempt
from luziad.supervise import agent_stdin
from luziad.supervise.regular_files import UnusableFile, read_regular
from luziad.supervise.system_errors import describe_error
from luziad.worktrees.git import Git, GitError

CHUNK_BYTES = 64 * 1024
"""The most output of a stream in one answer: it is far below the size from which Ray uses its object store."""
LOOK_S = 0.1
"""How often the output is looked for while the bridge waits for it."""
SPOOL_VARIABLE = "LUZIA_SPOOL"
BUNDLE, FILES = "bundle", "files"
"""The parts of the code that are sent: the commits, and the files that git does not have."""

NODE_VARIABLES = ("HOME", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER")
"""Variables that are a node's own, unless it shares the file system with the daemon."""
SETUP_FAILED = "setup-failed"
"""Where the setup of a worktree leaves its exit status, see attempts/setup.py."""
_MAX_FILE_BYTES = 4096
_GUARD = (sys.executable, "-I", "-m", "luziad.executor.ray.guard")


class Order(msgspec.Struct):
    """What a node needs to run an attempt.

    request: that of the shim, as JSON. directory: the attempt's, on the daemon's host. version: of the daemon.
    code: what the copy of the worktree is made from; None if the attempt runs in a directory that exists on the node.
    shared: the node shares the file system and the variables of NODE_VARIABLES with the daemon.
    """

    request: bytes
    directory: str
    version: str
    code: Code | None = None
    shared: bool = False


class Report(msgspec.Struct, omit_defaults=True):
    """What has become of an attempt, and its output from where it was asked for.

    pid, started_at: of the agent, once it has started. end: how it has ended; only with the last output.
    files: small files that stand beside the output then, by name.
    """

    stdout: bytes = b""
    stderr: bytes = b""
    pid: int | None = None
    started_at: float = 0.0
    end: AttemptEnd | None = None
    files: dict[str, bytes] = {}


class NodeAttempt:
    """An attempt on this node. namespace: that of the daemon's actors."""

    def __init__(self, namespace: str, ref: AttemptRef) -> None:
        spool = os.environ.get(SPOOL_VARIABLE) or os.path.join(environment.state_dir(), "node")
        place = os.path.join(spool, namespace)
        self._ref = ref
        self._directory = os.path.join(place, "jobs", ref.job, str(ref.attempt))
        self._tree = os.path.join(place, "trees", f"{ref.job}-{ref.attempt}")
        self._repositories = os.path.join(place, "repositories")
        self._bundle = f"{self._directory}.bundle"
        self._files = f"{self._directory}.tar"
        self._guard: asyncio.subprocess.Process | None = None
        self._running: asyncio.Task[None] | None = None
        self._waiting: list[bytes] = []
        self._cancelled = False
        self._code: Code | None = None
        self._started = guard.Line()
        self._end: AttemptEnd | None = None
        self._changed = asyncio.Event()

    @property
    def has_order(self) -> bool:
        """Whether it was told what to run."""
        return self._running is not None

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return self._end is not None

    def known_commits(self, repository: str) -> list[str]:
        """The commits that need not be sent. This blocks."""
        return code.list_known(_git(), self._cache(repository))

    def receive(self, part: str, offset: int, content: bytes) -> None:
        """Take bytes of a part of the code, BUNDLE or FILES, at an offset. This blocks."""
        path = self._files if part == FILES else self._bundle
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(path, "r+b" if offset else "wb", opener=_open_own) as file:
            file.seek(offset)
            file.write(content)

    def start(self, order: Order) -> None:
        """Begin the attempt, once: an order that is repeated changes nothing."""
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run(order))

    async def report(self, stdout: int, stderr: int, wait_s: float, *, started: bool) -> Report:
        """The output from these offsets, as soon as there is news.

        started: the start is known. wait_s: after this time the answer may be without news.
        """
        deadline = time.monotonic() + wait_s
        while True:
            end = self._end  # before the output is read, so that the last of it is
            found = Report(self._read("stdout", stdout), self._read("stderr", stderr))
            more = len(found.stdout) == CHUNK_BYTES or len(found.stderr) == CHUNK_BYTES
            found.pid, found.started_at = self._started.pid, self._started.started_at
            found.end = None if more else end
            if found.end is not None:
                found.files = self._read_files()
            is_news = found.stdout or found.stderr or found.end is not None or (found.pid is not None and not started)
            if is_news or time.monotonic() >= deadline:
                return found
            await asyncio.sleep(LOOK_S)

    def command(self, letter: bytes) -> None:
        """Give the guard a command, see guard.py."""
        self._cancelled = self._cancelled or letter in (guard.TERMINATE, guard.FENCE)
        if self._guard is None:
            self._waiting.append(letter)
        elif self._guard.stdin is not None and not self._guard.stdin.is_closing():
            self._guard.stdin.write(letter + b"\n")

    def let_go(self) -> None:
        """Close the pipe to the guard, as the end of this process would: the guard ends the attempt."""
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()

    def write_stdin(self, line: bytes) -> None:
        """Write a line to the agent. This blocks. Raises OSError."""
        agent_stdin.write_line(self._directory, line)

    def pack_work(self) -> State | None:
        """Make the bundle with the work, and return its state; None if there is no worktree. This blocks.

        Raises GitError.
        """
        if self._code is None or not os.path.isdir(self._tree):
            return None
        git, sent = _git(), self._code.state
        state = code.find_state(git, self._tree, f"Uncommitted work of job {self._ref.job}")
        known = [sent.head, sent.work]
        if not code.write_bundle(git, self._tree, state, known, f"{self._ref.job}-{self._ref.attempt}", self._bundle):
            with open(self._bundle, "wb"):
                return state
        return state

    def read_work(self, offset: int, size: int) -> bytes:
        """A part of that bundle; empty at its end. This blocks."""
        with open(self._bundle, "rb") as file:
            return os.pread(file.fileno(), size, offset)

    def forget(self) -> None:
        """Delete all that the node has of the attempt. This blocks."""
        for directory in (self._directory, self._tree):
            shutil.rmtree(directory, ignore_errors=True)
        for file in (self._bundle, self._files):
            if os.path.exists(file):
                os.unlink(file)
        with contextlib.suppress(OSError):  # another attempt of the job has files here
            os.rmdir(os.path.dirname(self._directory))

    async def _run(self, order: Order) -> None:
        try:
            request = await asyncio.to_thread(self._prepare, order)
        except (GitError, OSError, ValueError) as exc:
            why = describe_error(exc) if isinstance(exc, OSError) else str(exc)
            self._end = home.failed_start(f"cannot start on its node: {why}")
            return
        if self._cancelled:
            self._end = home.failed_start("cancelled before it started", stopped=True)
            return
        await self._supervise(request)

    def _prepare(self, order: Order) -> bytes:
        """The request of the shim, with the paths and variables of this node."""
        request: dict[str, Any] = json.loads(order.request)
        if order.version != VERSION:
            raise ValueError(f"luzia {VERSION} is installed there, and the daemon has {order.version}")
        os.makedirs(os.path.dirname(self._directory), 0o700, exist_ok=True)
        pairs = [(order.directory, self._directory)]
        if order.code is not None:
            bundle = self._bundle if os.path.exists(self._bundle) else None
            code.make_copy(_git(), self._cache(order.code.repository), order.code, bundle, self._tree)
            if order.code.copied:
                code.unpack_files(_git(), self._tree, order.code.copied, self._files)
                os.unlink(self._files)
            self._code = order.code
            pairs = sorted([*pairs, *code.replaced_paths(order.code, self._tree)], key=lambda pair: -len(pair[0]))
        if os.path.exists(self._bundle):
            os.unlink(self._bundle)
        own = {} if order.shared else {name: os.environ[name] for name in NODE_VARIABLES if name in os.environ}
        env = {name: _replace(value, pairs) for name, value in request["env"].items() if name != "LUZIA_SOCKET"}
        request["env"] = {**env, **own, survivors.ATTEMPT_VARIABLE: self._directory}
        request["argv"] = [_replace(word, pairs) for word in request["argv"]]
        request["cwd"] = _replace(request["cwd"], pairs)
        request["directory"] = self._directory
        return json.dumps(request).encode() + b"\n"

    async def _supervise(self, request: bytes) -> None:
        process = await asyncio.create_subprocess_exec(
            *_GUARD, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd="/"
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request)
        self._guard = process
        for letter in self._waiting:
            process.stdin.write(letter + b"\n")
        end: AttemptEnd | None = None
        async for text in process.stdout:
            line = msgspec.json.decode(text, type=guard.Line)
            if line.end is None:
                self._started = line
            end = line.end or end
        process.stdin.close()
        await process.wait()
        if end is not None:
            self._end = end
            return
        why = "its guard was killed"
        found = await asyncio.to_thread(attempt_directory.end_by_force, self._directory, None, why)
        self._end = found.end if isinstance(found, attempt_directory.Finished) else LostAttempt(why)

    def _read(self, stream: str, offset: int) -> bytes:
        try:
            with open(os.path.join(self._directory, stream), "rb") as file:
                return os.pread(file.fileno(), CHUNK_BYTES, offset)
        except FileNotFoundError:
            return b""

    def _read_files(self) -> dict[str, bytes]:
        """The files that the daemon reads when it judges the attempt."""
        try:
            return {SETUP_FAILED: read_regular(os.path.join(self._directory, SETUP_FAILED), _MAX_FILE_BYTES)}
        except (FileNotFoundError, NotADirectoryError, UnusableFile):
            return {}

    def _cache(self, repository: str) -> str:
        return os.path.join(self._repositories, f"{repository}.git")


def _replace(text: str, pairs: list[tuple[str, str]]) -> str:
    for there, here in pairs:
        text = text.replace(there, here)
    return text


def _open_own(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _git() -> Git:
    return Git(os.environ)
