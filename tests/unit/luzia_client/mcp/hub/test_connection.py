"""The lines of a relay: what nobody reads takes no memory, and whoever reads has every answer."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import Any, cast

import anyio

from luzia_client.mcp.hub.connection import serve_lines
from luzia_client.mcp.hub.server import AgentServer

LINES = 50_000
DEADLINE_S = 60.0


class Deaf:
    """A server of an agent that gets no message."""

    server = SimpleNamespace(create_initialization_options=lambda: None)

    def __init__(self) -> None:
        self.server.run = self.run

    async def run(self, incoming: Any, *_: object) -> None:
        async for _ in incoming:
            raise AssertionError("no line is a message")

    def close(self) -> None:
        pass


async def test_refusals_that_nobody_reads_are_not_collected_and_all_come_when_they_are_read() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=theirs)
    serving = asyncio.create_task(serve_lines(cast(AgentServer, Deaf()), reader, writer))
    agent_reader, agent_writer = await asyncio.open_connection(sock=ours)
    agent_writer.write(b"bad\n" * LINES)
    largest = 0
    with anyio.fail_after(DEADLINE_S):
        for number in range(LINES):
            largest = max(largest, writer.transport.get_write_buffer_size())
            assert b"not JSON" in await agent_reader.readline(), number
        agent_writer.close()
        await serving
    writer.close()
    assert largest < 1 << 20
