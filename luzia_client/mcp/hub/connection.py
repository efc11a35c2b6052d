"""The messages of one relay: lines on its connection, and streams of the SDK."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, jsonrpc_message_adapter
from pydantic import ValidationError

from luzia_client.mcp.hub.server import AgentServer
from luzia_client.mcp.relay.meeting import LineSplitter

_READ_BYTES = 256 * 1024

Incoming = MemoryObjectSendStream[SessionMessage | Exception]
Outgoing = MemoryObjectReceiveStream[SessionMessage]


async def serve_lines(agent: AgentServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one agent until its relay closes the connection."""
    incoming, to_server = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    from_server, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    async with anyio.create_task_group() as group:
        group.start_soon(_read, reader, writer, incoming)
        group.start_soon(_write, writer, outgoing)
        try:
            await agent.server.run(to_server, from_server, agent.server.create_initialization_options())
        finally:
            agent.close()
            group.cancel_scope.cancel()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, incoming: Incoming) -> None:
    splitter = LineSplitter()
    async with incoming:
        while data := await _receive(reader):
            for line, _ in splitter.feed(data):
                if not line.strip():
                    continue
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValidationError:
                    writer.write(_refusal(line))
                    with suppress(ConnectionError):  # the next read sees the end, too
                        await writer.drain()
                    continue
                try:
                    await incoming.send(SessionMessage(message))
                except anyio.BrokenResourceError:
                    return  # the server has ended


async def _receive(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_READ_BYTES)
    except ConnectionError:
        return b""


async def _write(writer: asyncio.StreamWriter, outgoing: Outgoing) -> None:
    try:
        async with outgoing:
            async for message in outgoing:
                writer.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await writer.drain()
    except ConnectionError:
        return  # the reader sees the end, too


def _refusal(line: bytes) -> bytes:
    """The answer to a line that is no message."""
    number: object = None
    code, words = PARSE_ERROR, "the line is not JSON"
    try:
        message = msgspec.json.decode(line)
    except msgspec.DecodeError as exc:
        words = f"the line is not JSON: {exc}"
    else:
        code, words = INVALID_REQUEST, "the line is no request, notification or response of JSON-RPC 2.0"
        if isinstance(message, dict) and isinstance(message.get("id"), int | str):
            number = message["id"]
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": words}}) + b"\n"
