"""The hub's event loop: relays that come and go, and its own end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import msgspec

from luzia_protocol import environment
from luzia_protocol.version import VERSION

from luzia_client.api.async_caller import AsyncCaller
from luzia_client.mcp.hub.connection import serve_lines
from luzia_client.mcp.hub.listening import Listener
from luzia_client.mcp.hub.server import AgentServer
from luzia_client.mcp.hub.session import Introduction, Session
from luzia_client.mcp.relay.meeting import MAX_LINE_BYTES, version_number

IDLE_S = 600.0
"""How long a hub that was started by a relay stays without any."""
RECONNECT_S = 60.0
_FIRST_LINE_S = 10.0


def serve(listener: Listener, *, on_demand: bool, may_start_daemon: bool, http: int | None) -> None:
    """Serve relays until the hub is told to end, or, on demand, until it is not needed."""
    asyncio.run(Hub(listener, on_demand=on_demand, may_start_daemon=may_start_daemon).run(http))


class Hub:
    """may_start_daemon: a hub inside of a job may not, for the daemon would end with the job."""

    def __init__(self, listener: Listener, *, on_demand: bool, may_start_daemon: bool) -> None:
        self._listener = listener
        self._on_demand = on_demand
        self._may_start_daemon = may_start_daemon
        self._daemons: dict[str, AsyncCaller] = {}
        self._relays = 0
        self._over = asyncio.Event()
        self._idle: asyncio.TimerHandle | None = None

    async def run(self, http: int | None) -> None:
        """Serve until the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over.set)
        server = await asyncio.start_unix_server(self._serve_relay, sock=self._listener.socket, limit=MAX_LINE_BYTES)
        self._count(0)
        async with server:
            if http is not None:
                from luzia_client.mcp.hub.http import serve_http

                await serve_http(http, self.session(_http_caller()), self._over)
            else:
                await self._over.wait()
        for daemon in self._daemons.values():
            await daemon.close()

    def session(self, caller: Introduction) -> Session:
        """A session with the daemon that a caller names."""
        path = caller.socket
        if path not in self._daemons:
            self._daemons[path] = AsyncCaller(path, self._may_start_daemon, RECONNECT_S)
        return Session(caller, self._daemons[path])

    async def _serve_relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count(1)
        try:
            caller = await self._greet(reader, writer)
            if caller is not None:
                await serve_lines(AgentServer(self.session(caller)), reader, writer)
        except ConnectionError:
            pass  # the relay has gone, with its agent
        except asyncio.CancelledError:
            if not self._over.is_set():
                raise
        finally:
            writer.close()
            self._count(-1)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Introduction | None:
        """Exchange the first lines; None for a connection that is not served."""
        if _peer(writer) not in (os.geteuid(), 0):
            return None
        try:
            async with asyncio.timeout(_FIRST_LINE_S):
                caller = msgspec.json.decode(await reader.readuntil(b"\n"), type=Introduction)
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, msgspec.DecodeError):
            return None
        is_older = version_number(VERSION) < version_number(caller.version)
        writer.write(msgspec.json.encode({"luzia": "hub", "version": VERSION, "retired": is_older}) + b"\n")
        await writer.drain()
        if is_older:
            self._retire()
            return None
        return caller

    def _retire(self) -> None:
        """Leave the socket to a newer hub, and end when the last relay has gone."""
        self._listener.leave()
        self._on_demand = True
        self._count(0)

    def _count(self, change: int) -> None:
        self._relays += change
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._on_demand and not self._relays:
            delay_s = IDLE_S if self._listener.is_met else 0.0
            self._idle = asyncio.get_running_loop().call_later(delay_s, self._over.set)


def _http_caller() -> Introduction:
    """Who is served by HTTP: nobody tells in which directory and in which job it runs."""
    return Introduction(
        "http",
        socket=environment.socket_path(),
        env=environment.client_env(),
        umask=environment.process_umask(),
    )


def _peer(writer: asyncio.StreamWriter) -> int:
    """The user of the process at the other end."""
    connected: socket.socket = writer.get_extra_info("socket")
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(memoryview(credentials).cast("i")[1])
