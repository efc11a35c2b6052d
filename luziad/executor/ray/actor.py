"""The actor of an attempt: Ray starts it on the node that it chooses, and it outlives the daemon and its bridge.

It holds a lease: while the head of the cluster counts its node among those that are alive, the attempt may run. When
the head has not said so for longer than the lease, the attempt is ended here, because the daemon may start another one.
"""

from __future__ import annotations

import asyncio
import threading
import time

import msgspec
import ray

from luziad.executor.ray import guard
from luziad.executor.ray.node import NodeAttempt, Order
from luziad.jobs.attempt import AttemptRef

_PROBES = 5
"""How often in a lease the head is asked."""


class AttemptActor:
    """An attempt on this node.

    All structs are passed as msgpack, so that a node with another version of luzia can read and refuse them.
    """

    def __init__(self, namespace: str, job: str, attempt: int, lease_s: float) -> None:
        self._attempt = NodeAttempt(namespace, AttemptRef(job, attempt))
        self._lease_s = lease_s
        self._alive_at = time.monotonic()
        self._fencing: asyncio.Task[None] | None = None

    async def has_order(self) -> bool:
        """Whether it was told what to run."""
        return self._attempt.has_order

    async def known_commits(self, repository: str) -> list[str]:
        """The commits that need not be sent."""
        return await asyncio.to_thread(self._attempt.known_commits, repository)

    async def receive(self, part: str, offset: int, content: bytes) -> None:
        """Take bytes of a part of the code; see NodeAttempt.receive."""
        await asyncio.to_thread(self._attempt.receive, part, offset, content)

    async def start(self, order: bytes) -> str:
        """Begin the attempt, once; returns the address of its node."""
        self._attempt.start(msgspec.msgpack.decode(order, type=Order))
        if self._fencing is None:
            self._fencing = asyncio.get_running_loop().create_task(self._keep_lease())
        return str(ray.util.get_node_ip_address())

    async def report(self, stdout: int, stderr: int, wait_s: float, started: bool) -> bytes:
        """The output from these offsets, as soon as there is news; see NodeAttempt.report."""
        found = await self._attempt.report(stdout, stderr, wait_s, started=started)
        return msgspec.msgpack.encode(found)

    async def command(self, letter: bytes) -> None:
        """Give the guard a command."""
        self._attempt.command(letter)

    async def write_stdin(self, line: bytes) -> str | None:
        """Write a line to the agent; returns why that is not possible."""
        try:
            await asyncio.to_thread(self._attempt.write_stdin, line)
        except OSError as exc:
            return str(exc.strerror)
        return None

    async def pack_work(self) -> bytes:
        """Make the bundle with the work, and return its state."""
        return msgspec.msgpack.encode(await asyncio.to_thread(self._attempt.pack_work))

    async def read_work(self, offset: int, size: int) -> bytes:
        """A part of that bundle; empty at its end."""
        return await asyncio.to_thread(self._attempt.read_work, offset, size)

    async def forget(self) -> None:
        """Delete all that the node has of the attempt."""
        await asyncio.to_thread(self._attempt.forget)

    async def _keep_lease(self) -> None:
        node = ray.get_runtime_context().get_node_id()
        # A thread of its own: without a head the question may not be answered at all.
        threading.Thread(target=self._probe, args=(node,), daemon=True).start()
        pause_s = self._lease_s / _PROBES / 2
        while not self._attempt.has_ended:
            await asyncio.sleep(pause_s)
            if time.monotonic() - self._alive_at > self._lease_s:
                self._attempt.command(guard.FENCE)
                return

    def _probe(self, node: str) -> None:
        while not self._attempt.has_ended:
            asked_at = time.monotonic()
            try:
                if any(each["NodeID"] == node and each["Alive"] for each in ray.nodes()):
                    self._alive_at = asked_at
            except Exception:  # Ray has no common class for what happens without a head; the lease runs on
                time.sleep(self._lease_s / _PROBES)
                continue
            time.sleep(self._lease_s / _PROBES)
