"""The bridge to a cluster: the process that is Ray's client for the daemon.

It reads requests from stdin and writes events to stdout (wire.py), and ends at the end of its stdin: the actors on the
cluster do not notice. One coroutine follows each attempt (following.py); calls of Ray that block run in threads.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import socket
import sys
from collections.abc import Coroutine
from typing import Any

import msgspec
import ray

from luziad.executor.ray import wire
from luziad.executor.ray.demand import NodeResources
from luziad.executor.ray.following import Actors, Following
from luziad.jobs.attempt import AttemptRef
from luziad.supervise.system_errors import describe_error

log = logging.getLogger(__name__)

WATCH_S = 1.0
"""How often the nodes of the cluster are looked at; the daemon hears of changes only."""
_KNOCK_S = 5.0
_FIRST_RETRY_S = 0.5
_MAX_RETRY_S = 15.0
_DIRECTORY_RETRY_S = 5.0
_MAX_LINE_BYTES = 1 << 28


def main() -> None:
    """Serve the daemon until its end."""
    parser = argparse.ArgumentParser(prog="luziad.executor.ray.bridge")
    for name in ("address", "namespace", "lock"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--lease", type=float, required=True)
    parser.add_argument("--shared", action="store_true")
    options = parser.parse_args()
    events = os.dup(1)
    os.dup2(2, 1)  # what Ray prints must not get between the events
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s")  # stderr is the daemon's
    asyncio.run(Bridge(options, events).run())


class Bridge:
    """options: the arguments of the command. events: the descriptor for events."""

    def __init__(self, options: argparse.Namespace, events: int) -> None:
        self._options = options
        self._events = events
        self._actors = Actors(options.namespace, options.lease)
        self._attempts: dict[AttemptRef, Following] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._connected = asyncio.Event()
        self._refusal: str | None = None

    async def run(self) -> None:
        """Serve until the end of stdin."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(_MAX_LINE_BYTES)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        self._run(self._connect())
        decoder = msgspec.json.Decoder(wire.Request)
        while line := await reader.readline():
            self._take(decoder.decode(line))
        os._exit(0)  # at once: another bridge waits for the lock, and Ray's threads may hang without a head

    def send(self, event: wire.Event) -> None:
        """Tell the daemon. It reads all the time; a pipe that is full delays what follows."""
        rest = memoryview(msgspec.json.encode(event) + b"\n")
        while rest:
            rest = rest[os.write(self._events, rest) :]

    def _take(self, request: wire.Request) -> None:
        if isinstance(request, wire.Write):
            self._run(self._write(request))
            return
        ref = AttemptRef(request.job, request.attempt)
        if isinstance(request, wire.Command):
            if ref in self._attempts:
                self._attempts[ref].command(request.letter.encode())
        elif ref not in self._attempts:
            self._attempts[ref] = self._following(ref, request.directory)
            self._run(self._follow(ref, request))

    def _following(self, ref: AttemptRef, directory: str) -> Following:
        return Following(ref, directory, self._actors, self.send, shared=self._options.shared)

    async def _follow(self, ref: AttemptRef, request: wire.Submit | wire.Attach) -> None:
        """Follow an attempt to its end; again when its directory here cannot be used for a time."""
        while True:
            following = self._attempts[ref]
            try:
                await self._serve(following, request)
            except OSError as exc:
                problem = f"its directory cannot be used: {describe_error(exc)}; luziad tries again by itself"
                self.send(wire.Problem(ref.job, ref.attempt, problem))
                await asyncio.sleep(_DIRECTORY_RETRY_S)
                request = wire.Attach(ref.job, ref.attempt, request.directory)
                self._attempts[ref] = self._following(ref, request.directory)
            else:
                del self._attempts[ref]
                return

    async def _serve(self, following: Following, request: wire.Submit | wire.Attach) -> None:
        if not await following.await_connection(self._connected):
            return
        if self._refusal is not None and isinstance(request, wire.Submit):
            await following.fail(self._refusal)
        elif isinstance(request, wire.Submit):
            await following.submit(request)
        elif self._refusal is None:
            await following.attach()

    async def _write(self, request: wire.Write) -> None:
        following = self._attempts.get(AttemptRef(request.job, request.attempt))
        error = "the attempt has ended" if following is None else await following.write_stdin(request.line)
        self.send(wire.Written(request.n, error))

    async def _connect(self) -> None:
        """Connect when no other bridge does any more, again until it succeeds, and watch the nodes then."""
        lock = os.open(self._options.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        delay_s = _FIRST_RETRY_S
        while True:
            try:
                await asyncio.to_thread(self._init)
            except OSError as exc:
                self.send(wire.Cluster(problem=f"no cluster at {self._options.address}: {describe_error(exc)}"))
            except (RuntimeError, ValueError) as exc:  # another version of Ray or Python, or an invalid address
                self._refusal = f"the cluster at {self._options.address} cannot be used: {_one_line(exc)}"
                self.send(wire.Cluster(problem=self._refusal, is_refused=True))
                self._connected.set()
                return
            else:
                break
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _MAX_RETRY_S)
        await self._watch()

    def _init(self) -> None:
        """Connect. Raises OSError, and what Ray raises for another version or an invalid address."""
        host, _, port = self._options.address.rpartition(":")
        # Ray itself would try for minutes, without a word.
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_S).close()
        ray.init(
            self._options.address,
            namespace=self._options.namespace,
            log_to_driver=False,
            logging_level="ERROR",
            include_dashboard=False,
        )

    async def _watch(self) -> None:
        known: list[NodeResources] | None = None
        while True:
            nodes = await asyncio.to_thread(_list_nodes)
            if nodes != known:
                self.send(wire.Cluster(nodes))
                known = nodes
            self._connected.set()
            await asyncio.sleep(WATCH_S)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A bridge with a fault ends: the daemon starts another one, which attaches all attempts.
            log.error("bridge_failed", exc_info=error)
            os._exit(1)


def _list_nodes() -> list[NodeResources]:
    alive = (node for node in ray.nodes() if node["Alive"])
    found = (NodeResources(node["NodeName"], dict(node["Resources"])) for node in alive)
    return sorted(found, key=lambda node: (node.name, sorted(node.total)))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]


if __name__ == "__main__":
    main()
