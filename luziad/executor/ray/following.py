"""Follows one attempt on the cluster: submits or finds its actor, copies its output here, and brings its work back.

In this order, so that a bridge that is killed at any time is replaced by another one that loses nothing: all output,
the work, the record of the end; only then is the actor forgotten.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayError, RayTaskError

from luzia_protocol.version import VERSION

from luziad.executor.ray import code, guard, home, node, wire
from luziad.executor.ray.actor import AttemptActor
from luziad.executor.ray.code import Code, State
from luziad.executor.ray.demand import Demand
from luziad.executor.ray.home import Record
from luziad.executor.ray.node import Order, Report
from luziad.jobs.attempt import AttemptEnd, AttemptRef, LostAttempt, NotStarted
from luziad.supervise import attempt_files
from luziad.supervise.system_errors import describe_error
from luziad.worktrees.git import Git, GitError

log = logging.getLogger(__name__)

POLL_S = 20.0
"""How long a question for news waits for them on the node."""
PART_BYTES = 4 << 20
"""The size of the parts of a bundle."""
_UNAVAILABLE_PAUSE_S = 0.5
_FORGET_S = 5.0
_FULL_DISK_RETRY_S = 2.0
_CANCELLED = "cancelled before it started"


class Actors:
    """The actors of one daemon. namespace: where their names are unique. lease_s: see actor.py."""

    def __init__(self, namespace: str, lease_s: float) -> None:
        self._namespace = namespace
        self.lease_s = lease_s

    def create(self, ref: AttemptRef, demand: Demand) -> Any:
        """The actor of an attempt, which Ray may still have to place. This blocks."""
        return (
            ray.remote(AttemptActor)
            .options(
                name=_name(ref),
                namespace=self._namespace,
                lifetime="detached",
                get_if_exists=True,
                num_cpus=demand.cpus,
                num_gpus=demand.gpus,
                memory=demand.memory_bytes or None,
                resources=dict(demand.others) or None,
                max_restarts=0,
                max_task_retries=0,
                enable_task_events=False,
            )
            .remote(self._namespace, ref.job, ref.attempt, self.lease_s)
        )

    def find(self, ref: AttemptRef) -> Any:
        """The actor of an attempt, None if it does not exist any more, or without a cluster. This blocks."""
        if not ray.is_initialized():
            return None
        try:
            return ray.get_actor(_name(ref), namespace=self._namespace)
        except ValueError:
            return None


def _name(ref: AttemptRef) -> str:
    return f"job:{ref.job}:{ref.attempt}"


class Following:
    """One attempt. directory: its own, here. send: tells the daemon. shared: the nodes share this file system."""

    def __init__(
        self, ref: AttemptRef, directory: str, actors: Actors, send: Callable[[wire.Event], None], *, shared: bool
    ) -> None:
        self._ref = ref
        self._directory = directory
        self._actors = actors
        self._send = send
        self._shared = shared
        self._actor: Any = None  # a handle, once there is an actor: its methods are those of AttemptActor
        self._is_placed = False
        self._cancelled = False
        self._withdrawn = asyncio.Event()
        self._waiting: list[bytes] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._problem: str | None = None
        self._record = Record()

    async def await_connection(self, connected: asyncio.Event) -> bool:
        """Wait for the cluster; False when the attempt was cancelled meanwhile, and has ended."""
        record = await asyncio.to_thread(home.read_record, self._directory)
        self._record = record or Record()
        if self._record.ordered:
            await connected.wait()
            return True
        return await self._unless_withdrawn(connected.wait())

    async def fail(self, why: str) -> None:
        """End an attempt that cannot be submitted."""
        await self._end(home.failed_start(why))

    async def submit(self, request: wire.Submit) -> None:
        """Have the cluster run the attempt, and follow it to its end."""
        self._actor = await asyncio.to_thread(self._actors.create, self._ref, request.demand)
        if not await self._unless_withdrawn(self._place(request)):
            return
        await self._follow()

    async def attach(self) -> None:
        """Follow an attempt that another bridge has submitted."""
        if self._record.end is not None:
            await self._forget()
            self._tell_end(self._record.end)
            return
        self._actor = await asyncio.to_thread(self._actors.find, self._ref)
        if not self._record.ordered:
            await self._withdraw("the daemon has ended before a node was told to run it")
            return
        if self._actor is None:
            await self._lose("its node or its actor on the cluster has ended")
            return
        self._is_placed = True
        await self._follow()

    def command(self, letter: bytes) -> None:
        """Give the attempt a command: now, or when it is on a node."""
        if letter == guard.TERMINATE:
            self._cancelled = True
            self._withdrawn.set()
        if self._is_placed:
            self._call(letter)
        else:
            self._waiting.append(letter)

    async def write_stdin(self, line: str) -> str | None:
        """Write a line to the agent; returns why that is not possible."""
        if self._actor is None or not self._is_placed:
            return "the agent has not started"
        try:
            error: str | None = await self._actor.write_stdin.remote(os.fsencode(line) + b"\n")
        except RayError as exc:
            return _words(exc)
        return error

    async def _unless_withdrawn(self, work: Awaitable[bool]) -> bool:
        """Do the work; False if the attempt is cancelled meanwhile, or the work fails: then it has ended."""
        working = asyncio.ensure_future(work)
        withdrawn = asyncio.ensure_future(self._withdrawn.wait())
        await asyncio.wait((working, withdrawn), return_when=asyncio.FIRST_COMPLETED)
        withdrawn.cancel()
        if self._record.ordered:
            return bool(await working)
        if not working.done():
            working.cancel()
            await self._withdraw(_CANCELLED)
            return False
        return bool(await working)

    async def _place(self, request: wire.Submit) -> bool:
        """Send the code and the order to the node; False when that failed, and the attempt has ended."""
        actor = self._actor
        try:
            carried = await self._send_code(request) if request.tree is not None and not self._shared else None
            order = Order(request.request, self._directory, VERSION, carried, self._shared)
            sent = None if carried is None else carried.state
            await self._update(ordered=True, sent=sent)
            await actor.start.remote(msgspec.msgpack.encode(order))
        except (GitError, OSError, RayTaskError) as exc:
            await self._kill()
            await self.fail(f"its code cannot be sent: {_words(exc)}")
            return False
        except RayActorError as exc:
            if self._record.ordered:
                await self._lose(_words(exc))
            elif "creation task" in str(exc):
                await self.fail(f"its node cannot run luzia: {_words(exc)}")
            else:
                await self._end(NotStarted(_words(exc)))
            return False
        self._is_placed = True
        for letter in self._waiting:
            self._call(letter)
        return True

    async def _send_code(self, request: wire.Submit) -> Code:
        tree, actor = request.tree, self._actor
        assert tree is not None
        repository = hashlib.sha256(os.fsencode(tree.repository)).hexdigest()[:20]
        known = await actor.known_commits.remote(repository)
        with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
            carried, parts = await asyncio.to_thread(self._pack, tree, repository, known, scratch)
            for name in parts:
                offset = 0
                while content := await asyncio.to_thread(_read_part, os.path.join(scratch, name), offset):
                    await actor.receive.remote(name, offset, content)
                    offset += len(content)
        return carried

    def _pack(self, tree: wire.Tree, repository: str, known: list[str], scratch: str) -> tuple[Code, list[str]]:
        """What the node makes its copy from, and the parts that have to be sent for it, as files in `scratch`."""
        git, bundle = Git(os.environ), os.path.join(scratch, node.BUNDLE)
        state = code.find_state(git, tree.path, f"Uncommitted work of job {self._ref.job}")
        name = f"{self._ref.job}-{self._ref.attempt}"
        parts = [node.BUNDLE] if code.write_bundle(git, tree.path, state, known, name, bundle) else []
        copied = code.pack_files(tree.path, tree.copied, os.path.join(scratch, node.FILES)) if tree.copied else []
        identity = code.find_identity(git, tree.path)
        carried = Code(repository, tree.path, tree.directories, tree.branch, state, identity, copied)
        return carried, [*parts, *([node.FILES] if copied else [])]

    async def _follow(self) -> None:
        """Copy the output until the end; then bring the work back."""
        output = await asyncio.to_thread(home.Output, self._directory, self._record.max_log_bytes)
        started, actor, end = False, self._actor, None
        try:
            while end is None:
                sizes = output.sizes
                try:
                    packed = await actor.report.remote(
                        sizes[attempt_files.STDOUT], sizes[attempt_files.STDERR], POLL_S, started
                    )
                except ActorUnavailableError as exc:
                    self._tell_problem(f"its node cannot be reached: {_words(exc)}")
                    await asyncio.sleep(_UNAVAILABLE_PAUSE_S)
                    continue
                self._tell_problem(None)
                report = msgspec.msgpack.decode(packed, type=Report)
                for stream, content in ((attempt_files.STDOUT, report.stdout), (attempt_files.STDERR, report.stderr)):
                    if content:
                        await asyncio.to_thread(output.append, stream, content)
                if report.pid is not None and not started:
                    started = True
                    self._send(wire.Started(self._ref.job, self._ref.attempt, report.pid, report.started_at))
                for name, content in report.files.items():
                    await asyncio.to_thread(home.write_file, self._directory, name, content)
                end = report.end
            end = await self._bring_work(end)
        except RayError as exc:  # its node's own errors, too: they must not end the bridge, which others need
            await self._lose(_words(exc))
            return
        finally:
            await asyncio.to_thread(output.close)
        await self._end(end)

    async def _bring_work(self, end: AttemptEnd) -> AttemptEnd:
        """Bring the work into the job's worktree; returns the end, or that the work is lost."""
        if self._record.sent is None:
            return end
        actor, bundle = self._actor, os.path.join(self._directory, home.BUNDLE)
        while True:
            try:
                state = msgspec.msgpack.decode(await actor.pack_work.remote(), type=State | None)
                if state is None or state == self._record.sent:
                    return end
                offset = 0
                while part := await actor.read_work.remote(offset, PART_BYTES):
                    await asyncio.to_thread(_write_part, bundle, offset, part)
                    offset += len(part)
                break
            except RayTaskError as exc:
                return LostAttempt(f"its work could not be packed on its node, which keeps its files: {_words(exc)}")
            except ActorUnavailableError as exc:
                self._tell_problem(f"its node cannot be reached: {_words(exc)}")
                await asyncio.sleep(_UNAVAILABLE_PAUSE_S)
        path, sent = self._record.tree, self._record.sent
        assert path is not None
        while True:
            try:
                if not await self._apply(path, sent, state, bundle if offset else None):
                    return self._lost_work(f"{path} has been changed meanwhile", bundle)
            except (GitError, OSError) as exc:
                if not await asyncio.to_thread(home.lacks_room, path, exc):
                    return self._lost_work(describe_error(exc), bundle)
                problem = f"its work cannot be brought into {path}: {describe_error(exc)}; luziad tries again by itself"
                self._tell_problem(problem)
                await asyncio.sleep(_FULL_DISK_RETRY_S)
            else:
                self._tell_problem(None)
                return end

    def _lost_work(self, why: str, bundle: str) -> LostAttempt:
        return LostAttempt(f"its work could not be brought into the worktree: {why}; it is kept in {bundle}")

    async def _apply(self, path: str, sent: State, state: State, bundle: str | None) -> bool:
        """Make the worktree have the state; False if it is not what was sent any more. Raises GitError, OSError."""
        git = Git(os.environ)
        if bundle is not None:
            await asyncio.to_thread(code.read_bundle, git, path, bundle)
        if not self._record.applying:
            title = f"Uncommitted work of job {self._ref.job}"
            if not await asyncio.to_thread(code.has_state, git, path, sent, title):
                return False
            await self._update(applying=True)  # from here on, a change is not the user's
        await asyncio.to_thread(code.apply_state, git, path, state)
        if bundle is not None:
            await asyncio.to_thread(os.unlink, bundle)
        return True

    async def _withdraw(self, why: str) -> None:
        """End an attempt that no node was told to run. Its actor may wait for a place, which is given up."""
        await self._kill()
        await self._end(NotStarted(why))

    async def _lose(self, why: str) -> None:
        """End an attempt whose actor is gone. Its tree may be there until its lease has ended."""
        await self._update(runs_until=time.time() + home.longest_run_s(self._actors.lease_s))
        await self._end(LostAttempt(f"lost on the cluster: {why}"))

    async def _end(self, end: AttemptEnd) -> None:
        """Record the end durably; then forget the actor, and tell the daemon."""
        await self._update(end=end)
        await self._forget()
        self._tell_end(end)

    def _tell_end(self, end: AttemptEnd) -> None:
        self._send(wire.Ended(self._ref.job, self._ref.attempt, end))

    def _tell_problem(self, problem: str | None) -> None:
        if problem != self._problem:
            self._problem = problem
            self._send(wire.Problem(self._ref.job, self._ref.attempt, problem))

    async def _forget(self) -> None:
        """Have the node delete what it has of the attempt, and end its actor."""
        if self._actor is not None and self._is_placed and not isinstance(self._record.end, LostAttempt):
            try:
                await asyncio.wait_for(self._actor.forget.remote(), _FORGET_S)
            except (RayError, TimeoutError) as exc:
                log.warning("not_forgotten job=%s attempt=%d error=%s", *self._ref, _words(exc))
        await self._kill()

    async def _kill(self) -> None:
        actor = self._actor or await asyncio.to_thread(self._actors.find, self._ref)
        if actor is not None:
            await asyncio.to_thread(ray.kill, actor)

    async def _update(self, **fields: object) -> None:
        self._record = msgspec.structs.replace(self._record, **fields)
        await asyncio.to_thread(home.write_record, self._directory, self._record)

    def _call(self, letter: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self._command(letter))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _command(self, letter: bytes) -> None:
        """Give the command; again until the node can be reached, or the attempt is over."""
        while self._record.end is None:
            try:
                await self._actor.command.remote(letter)
            except ActorUnavailableError:
                await asyncio.sleep(_UNAVAILABLE_PAUSE_S)
            except RayActorError:
                return  # who follows it notices that, too
            else:
                return


def _read_part(file: str, offset: int) -> bytes:
    with open(file, "rb") as opened:
        return os.pread(opened.fileno(), PART_BYTES, offset)


def _write_part(file: str, offset: int, part: bytes) -> None:
    with open(file, "r+b" if offset else "wb") as opened:
        opened.seek(offset)
        opened.write(part)


def _words(error: BaseException) -> str:
    """What an error says in one line: what its node says, or the last line of what Ray says."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, (GitError, OSError)):
        return describe_error(cause)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
