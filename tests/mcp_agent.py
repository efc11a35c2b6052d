"""An agent as luzia's MCP server sees it: the SDK's own client, behind a relay of its own."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent

from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia

ERAS = ("legacy", "2026-07-28")
"""The two eras of the protocol, by the name that the client has for each."""


class McpLuzia:
    """luzia: whose jobs the agents dispatch."""

    def __init__(self, luzia: PrivateLuzia) -> None:
        self.luzia = luzia
        self.hub_socket = Path(luzia.root) / "run" / "mcp.sock"

    @asynccontextmanager
    async def agent(
        self, era: str = ERAS[1], env: dict[str, str] | None = None, wrapper: str = "", **options: Any
    ) -> AsyncIterator[Client]:
        """A client that has started a relay.

        env: more variables of the agent. wrapper: a shell script that starts the relay, its arguments, for the agent.
        options: of the client.
        """
        argv = self.luzia.command("mcp")
        command, *arguments = ["sh", "-c", wrapper, "sh", *argv] if wrapper else argv
        variables = self.luzia.env | (env or {})
        server = StdioServerParameters(command=command, args=arguments, env=variables, cwd=self.luzia.project)
        async with Client(server, mode=era, **options) as client:
            yield client

    def hub_pid(self) -> int:
        """The process that listens on the hub's socket."""
        with socket.socket(socket.AF_UNIX) as connected:
            connected.connect(str(self.hub_socket))
            return int(memoryview(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)).cast("i")[0])

    def end_hub(self, number: int = signal.SIGTERM) -> None:
        """End the hub, and wait until it has ended."""
        pid = self.hub_pid()
        process = os.pidfd_open(pid)
        try:
            os.kill(pid, number)
            poll = select.poll()
            poll.register(process, select.POLLIN)
            assert poll.poll(DEADLINE_S * 1000), "the hub did not end"
        finally:
            os.close(process)


@contextmanager
def mcp_luzia(config: str = "", claude: Path | None = None) -> Iterator[McpLuzia]:
    """A luzia and its hub, for a `with` block.

    config: the text of config.toml; {root} becomes its directory. claude: a Python program to be found as `claude`.
    """
    with private_luzia() as luzia:
        if claude is not None:
            program = Path(luzia.root, "bin", "claude")
            program.parent.mkdir()
            program.write_text(f'#!/bin/sh\nexec {sys.executable} {claude} "$@"\n')
            program.chmod(0o755)
            luzia.env["PATH"] = f"{program.parent}:{luzia.env['PATH']}"
        Path(luzia.root, "config.toml").write_text(config.replace("{root}", luzia.root))
        luzia.client()
        served = McpLuzia(luzia)
        try:
            yield served
        finally:
            for path in Path(luzia.root, "run").glob("mcp*.sock"):
                served.hub_socket = path
                try:
                    served.end_hub()
                except (ConnectionRefusedError, ProcessLookupError):
                    continue  # it was killed


def value(result: CallToolResult) -> dict[str, Any]:
    """The object that a successful call returned."""
    assert not result.is_error, result.content
    found: dict[str, Any] = result.structured_content
    return found


def words(result: CallToolResult) -> str:
    """The words of a call that failed."""
    assert result.is_error, result
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text
