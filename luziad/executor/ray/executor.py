"""The executor that runs attempts on a cluster, see base.py. The daemon's loop does no more than pass lines on."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import importlib.util
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from luzia_protocol import environment
from luzia_protocol.jobs import Bounds

from luziad.executor.base import AttemptObserver, Launch
from luziad.executor.ray import guard, home, wire
from luziad.executor.ray.client import BridgeClient
from luziad.executor.ray.demand import Demand, NodeResources, demand_of, find_lack
from luziad.executor.ray.home import Record, failed_start
from luziad.jobs.attempt import AttemptEnd, AttemptRef, LostAttempt, NotStarted
from luziad.jobs.requirements import Requirements
from luziad.supervise import attempt_files
from luziad.supervise.system_errors import describe_error

log = logging.getLogger(__name__)

T = TypeVar("T")

_NOT_INSTALLED = (
    f"luzia[ray] is not installed in luziad's environment. {environment.install_extra('ray')}; then restart luziad"
)


class Settings(Protocol):
    """[executors.NAME], see ExecutorConfig in config/schema.py."""

    @property
    def address(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def lease_s(self) -> float: ...
    @property
    def shared_filesystem(self) -> bool: ...


def make_clusters(
    configured: Mapping[str, Settings],
    state_dir: str,
    directory: Callable[[AttemptRef], str],
    pool: concurrent.futures.Executor | None,
) -> dict[str, RayExecutor]:
    """The executors of the configured clusters. state_dir: the daemon's, for the locks of the bridges."""
    return {
        name: RayExecutor(name, settings, os.path.join(state_dir, f"executor-{name}.lock"), directory, pool)
        for name, settings in configured.items()
    }


class _Attempt(msgspec.Struct, eq=False):
    """An attempt that has not ended. is_sent: the bridge knows of it. early: commands until then.

    started: the observer knows of its start. cancelled: set when it has to end. demand: what it needs of a node, while
    that matters.
    """

    ref: AttemptRef
    is_sent: bool = False
    started: bool = False
    demand: Demand | None = None
    cancelled: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    early: list[bytes] = []
    problem: str | None = None
    wait: asyncio.Task[None] | None = None


class RayExecutor:
    """Runs attempts on a cluster.

    name: in the configuration. lock: a file of the bridge. directory: of an attempt. pool: for short file operations.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        lock: str,
        directory: Callable[[AttemptRef], str],
        pool: concurrent.futures.Executor | None,
    ) -> None:
        self._name = name
        self._settings = settings
        self._directory = directory
        self._pool = pool
        arguments = [f"--address={settings.address}", f"--namespace={settings.namespace}", f"--lock={lock}"]
        arguments += [f"--lease={settings.lease_s}", *(["--shared"] if settings.shared_filesystem else [])]
        self._bridge = BridgeClient(arguments, self._take, self._restarted)
        self._attempts: dict[AttemptRef, _Attempt] = {}
        self._writes: dict[int, asyncio.Future[str | None]] = {}
        self._next_write = 0
        self._nodes: list[NodeResources] | None = None
        self._cluster_problem: str | None = None
        self._refusal: str | None = None
        self._stopped = False
        self._observer: AttemptObserver

    async def start(self, observer: AttemptObserver) -> None:
        """Begin to connect to the cluster."""
        self._observer = observer
        if importlib.util.find_spec("ray") is None:  # which imports nothing
            self._refusal = self._cluster_problem = _NOT_INSTALLED
            log.error("ray_not_installed executor=%s", self._name)
        else:
            self._bridge.start()

    async def stop(self) -> None:
        """Stop watching and starting attempts; running ones continue."""
        self._stopped = True
        for attempt in self._attempts.values():
            if attempt.wait is not None:
                attempt.wait.cancel()
        self._attempts.clear()
        for reply in self._writes.values():
            reply.cancel()
        await self._bridge.stop()

    @property
    def bridge_pid(self) -> int | None:
        """The process of the bridge; None while there is none."""
        return self._bridge.pid

    @property
    def cluster_problem(self) -> str | None:
        """Why the cluster cannot be used, as far as it is known; None when it can."""
        return self._cluster_problem

    def unsupported_reason(self, bounds: Bounds) -> str | None:
        """Why these limits cannot be enforced on the nodes; None when they can: that on memory, for each process."""
        if bounds.max_processes is None and bounds.max_cpus is None:
            return None
        return f"limits on processes and CPU are not enforced on the nodes of executor {self._name}"

    @property
    def is_refused(self) -> bool:
        """Whether the problem does not end by itself."""
        return self._refusal is not None

    def infeasible_reason(self, requirements: Requirements) -> str | None:
        """Why a job could never run there, as far as it is known; None when it could."""
        return None if self._nodes is None else find_lack(demand_of(requirements), self._nodes)

    def cluster_changed(self, event: wire.Cluster) -> None:
        """Take in what is known of the cluster now."""
        self._cluster_problem = event.problem
        self._refusal = event.problem if event.is_refused else None
        self._nodes = None if event.problem is not None else event.nodes
        if event.problem is not None:
            log.warning("cluster_has_problem executor=%s problem=%s", self._name, event.problem)
        else:
            log.info("cluster_has_nodes executor=%s nodes=%d", self._name, len(event.nodes))

    def submit(self, launch: Launch) -> None:
        """Start an attempt, at most once ever. Call this only after `starting` is committed."""
        if launch.ref in self._attempts or self._stopped:
            return
        assert launch.remote is not None
        attempt = self._attempts[launch.ref] = _Attempt(launch.ref, demand=demand_of(launch.remote.requirements))
        attempt.wait = asyncio.get_running_loop().create_task(self._submit(attempt, launch))

    def attach(self, ref: AttemptRef, grace_s: float) -> None:
        """Find an attempt that is active according to the store, and watch it or report its end."""
        if ref in self._attempts or self._stopped:
            return
        attempt = self._attempts[ref] = _Attempt(ref)
        attempt.wait = asyncio.get_running_loop().create_task(self._attach(attempt))

    def pause(self, ref: AttemptRef) -> None:
        """Suspend the attempt until it is resumed or cancelled. Idempotent."""
        self._command(ref, guard.PAUSE)

    def resume(self, ref: AttemptRef) -> None:
        """Resume the attempt. Idempotent."""
        self._command(ref, guard.RESUME)

    def cancel(self, ref: AttemptRef) -> None:
        """End the attempt: TERM, grace time, KILL to its whole process tree. Idempotent."""
        self._command(ref, guard.TERMINATE)

    def close_stdin(self, ref: AttemptRef) -> None:
        """Close the stdin of an agent that was started with a `first_line`."""
        self._command(ref, guard.CLOSE_STDIN)

    def problem(self, ref: AttemptRef) -> str | None:
        """Why it is not known what became of an attempt; None when nothing is wrong."""
        attempt = self._attempts.get(ref)
        if attempt is None:
            return None
        return attempt.problem or self._cluster_problem or self._lack(attempt)

    def _lack(self, attempt: _Attempt) -> str | None:
        """Why an attempt cannot be placed now: a node may be gone since its dispatch."""
        if attempt.demand is None or attempt.started or self._nodes is None:
            return None
        return find_lack(attempt.demand, self._nodes)

    async def write_stdin(self, ref: AttemptRef, line: str) -> None:
        """Write a line to an agent that was started with a `first_line`. Raises OSError when it is not delivered."""
        self._next_write += 1
        number = self._next_write
        reply = self._writes[number] = asyncio.get_running_loop().create_future()
        try:
            self._bridge.send(wire.Write(number, ref.job, ref.attempt, line))
            error = await reply
        finally:
            del self._writes[number]
        if error is not None:
            raise OSError(error)

    async def _submit(self, attempt: _Attempt, launch: Launch) -> None:
        directory, remote = self._directory(launch.ref), launch.remote
        assert remote is not None
        tree = remote.tree
        record = Record(max_log_bytes=launch.max_log_bytes, tree=None if tree is None else tree.path)
        try:
            await self._await_earlier(attempt)
            if attempt.cancelled.is_set():
                self._ended(launch.ref, NotStarted("cancelled before it started"))
                return
            if self._refusal is not None:
                self._ended(launch.ref, failed_start(self._refusal))
                return
            streams = [attempt_files.STDOUT, *([] if launch.merge_stderr else [attempt_files.STDERR])]
            await self._in_thread(home.create, directory, launch.prompt, record, streams)
        except OSError as exc:
            self._ended(
                launch.ref, NotStarted(f"its directory cannot be made: {describe_error(exc)}", is_shortage=True)
            )
            return
        request = msgspec.structs.asdict(launch)
        del request["ref"], request["remote"]
        if launch.bounds is not None:
            request["bounds"] = msgspec.structs.asdict(launch.bounds)
        request.update(job=launch.ref.job, attempt=launch.ref.attempt)
        text = json.dumps(request).encode()
        directories, copied = list(remote.git_directories), list(remote.copied)
        place = None if tree is None else wire.Tree(tree.path, tree.branch, tree.repository, directories, copied)
        self._send(attempt, wire.Submit(*launch.ref, directory, text, demand_of(remote.requirements), place))

    async def _await_earlier(self, attempt: _Attempt) -> None:
        """Wait until the attempt before this one has certainly ended, if it was lost: its lease has to end."""
        ref = attempt.ref
        if ref.attempt < 2:
            return
        record = await self._in_thread(home.read_record, self._directory(AttemptRef(ref.job, ref.attempt - 1)))
        if record is None or record.runs_until is None:
            return
        longest_s = home.longest_run_s(self._settings.lease_s)  # the clock may have been set meanwhile
        left_s = min(max(0.0, record.runs_until - time.time()), longest_s)
        attempt.problem = f"attempt {ref.attempt - 1} was lost, and its node may run it for up to {longest_s:g} s more"
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(attempt.cancelled.wait(), left_s)
        attempt.problem = None

    async def _attach(self, attempt: _Attempt) -> None:
        directory = self._directory(attempt.ref)
        try:
            record = await self._in_thread(home.read_record, directory)
        except (OSError, ValueError) as exc:
            self._ended(attempt.ref, LostAttempt(f"its record cannot be read: {describe_error(exc)}"))
            return
        if record is None:
            self._ended(attempt.ref, NotStarted("the daemon has ended before the cluster heard of it"))
        else:
            self._send(attempt, wire.Attach(*attempt.ref, directory))

    def _send(self, attempt: _Attempt, request: wire.Submit | wire.Attach) -> None:
        if self._attempts.get(attempt.ref) is not attempt:
            return
        attempt.is_sent = True
        self._bridge.send(request)
        for letter in attempt.early:
            self._bridge.send(wire.Command(*attempt.ref, letter.decode()))

    def _command(self, ref: AttemptRef, letter: bytes) -> None:
        attempt = self._attempts.get(ref)
        if attempt is None:
            return
        if letter == guard.TERMINATE:
            attempt.cancelled.set()
        if attempt.is_sent:
            self._bridge.send(wire.Command(*ref, letter.decode()))
        else:
            attempt.early = [*attempt.early, letter]

    def _restarted(self) -> None:
        """A bridge runs: it finds the attempts that an earlier one has known."""
        for attempt in self._attempts.values():
            if attempt.is_sent:
                self._bridge.send(wire.Attach(*attempt.ref, self._directory(attempt.ref)))
                if attempt.cancelled.is_set():
                    self._bridge.send(wire.Command(*attempt.ref, guard.TERMINATE.decode()))
        for reply in self._writes.values():
            if not reply.done():
                reply.set_result("the connection to the cluster was lost")

    def _take(self, event: wire.Event) -> None:
        if isinstance(event, wire.Cluster):
            self.cluster_changed(event)
            return
        if isinstance(event, wire.Written):
            reply = self._writes.get(event.n)
            if reply is not None and not reply.done():
                reply.set_result(event.error)
            return
        ref = AttemptRef(event.job, event.attempt)
        if ref not in self._attempts:
            return
        if isinstance(event, wire.Started):
            if not self._attempts[ref].started:
                self._attempts[ref].started = True
                ran_s = max(0.0, time.time() - event.started_at)
                self._observer.attempt_started(ref, event.pid, event.started_at, ran_s)
        elif isinstance(event, wire.Problem):
            self._attempts[ref].problem = event.text
        else:
            self._ended(ref, event.end)

    def _ended(self, ref: AttemptRef, end: AttemptEnd) -> None:
        if self._attempts.pop(ref, None) is not None:
            self._observer.attempt_ended(ref, end)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, functools.partial(work, *arguments))
