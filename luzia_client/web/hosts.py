"""The daemons of other hosts for the web server: one client a host, over the link that all clients of this user share.

A host that does not answer delays only the requests for it.
"""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec

from luzia_protocol import requests

from luzia_client.api.async_caller import AsyncCaller
from luzia_client.hosts import HostError, background
from luzia_client.hosts.link_files import path_of
from luzia_client.hosts.settings import Host, find_host, read_hosts
from luzia_client.transport.endpoint import ConnectionLostError, DaemonUnreachableError
from luzia_client.web import bounded_command, operations
from luzia_client.web.errors import WebError

RETRY_S = 5.0
"""How long a host that could not be reached is not tried again."""
DIFF_TIMEOUT_S = 60.0
MAX_DIFF_BYTES = 2 * 1024 * 1024
_LUZIA = "import sys; from luzia_client.cli.main import main; sys.exit(main())"


class FarChanges(msgspec.Struct, frozen=True):
    """What a job of another host has changed. text: the diff as git prints it. truncated: it is longer than sent."""

    job: str
    text: str
    truncated: bool


class Failure(msgspec.Struct, frozen=True):
    """Why a host could not be reached. at: when, on a steady clock."""

    at: float
    problem: HostError


class Hosts:
    """The hosts that are configured now."""

    def __init__(self) -> None:
        self._callers: dict[str, AsyncCaller] = {}
        self._opening: dict[str, asyncio.Task[str]] = {}
        self._failures: dict[str, Failure] = {}

    def names(self) -> list[str]:
        """Their names. Raises HostError for a configuration with a mistake."""
        return list(read_hosts())

    async def call(self, name: str, request: requests.Request) -> bytes:
        """Make a request of the daemon there, as operations.call does. Raises LuziaError."""
        host = find_host(name)
        caller = self._callers.setdefault(name, AsyncCaller(path_of(name, "sock"), False, 0.0))
        try:
            return await operations.call(caller, request)
        except ConnectionLostError:
            raise
        except DaemonUnreachableError:
            await self._open(host)
        return await operations.call(caller, request)

    async def caller(self, name: str) -> AsyncCaller:
        """The client of a host whose link is open. Raises LuziaError."""
        await self.open(name)
        return self._callers.setdefault(name, AsyncCaller(path_of(name, "sock"), False, 0.0))

    async def open(self, name: str) -> str:
        """The socket of the link to a host, which is open now. Raises LuziaError."""
        return await self._open(find_host(name))

    async def _open(self, host: Host) -> str:
        """All who ask at the same time wait for the same start; a failure counts for RETRY_S seconds."""
        failure = self._failures.get(host.name)
        if failure is not None and time.monotonic() - failure.at < RETRY_S:
            raise failure.problem
        task = self._opening.get(host.name)
        if task is None:
            task = self._opening[host.name] = asyncio.create_task(self._start(host))
        return await asyncio.shield(task)

    async def _start(self, host: Host) -> str:
        try:
            opened = await background.open_link(host)
        except HostError as exc:
            self._failures[host.name] = Failure(time.monotonic(), exc)
            raise
        finally:
            del self._opening[host.name]
        self._failures.pop(host.name, None)
        return opened.socket

    async def diff(self, name: str, job: str) -> FarChanges:
        """What a job there has changed, by the `luzia diff` of that host. Raises WebError."""
        words = ["--host", find_host(name).name, "diff", "--", job]
        try:
            printed = await bounded_command.run(
                [sys.executable, "-P", "-c", _LUZIA, *words], MAX_DIFF_BYTES, DIFF_TIMEOUT_S
            )
        except TimeoutError as exc:
            raise WebError(504, "host_unreachable", f"host {name} has not sent the changes in time") from exc
        if printed.status and not printed.truncated:
            said = printed.stderr.decode(errors="replace").strip().removeprefix("luzia: ")
            raise WebError(409, "worktree_failed", said or f"luzia diff failed on host {name}")
        return FarChanges(job, printed.stdout.decode(errors="replace"), printed.truncated)
