"""The messages of one relay: lines on its connection, and streams of the SDK."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, JSONRPCNotification, jsonrpc_message_adapter
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
                except ValidationError as exc:
                    await _refuse(writer, _refusal(line, exc))
                    continue
                if isinstance(message, JSONRPCNotification) and "id" in json.loads(line):
                    text = "the `id` of a request is no string and no integer"
                    await _refuse(writer, _error(None, INVALID_REQUEST, text))
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


async def _refuse(writer: asyncio.StreamWriter, refusal: bytes) -> None:
    """Answer a line, and wait until the relay reads."""
    writer.write(refusal)
    with suppress(ConnectionError):  # the next read sees the end, too
        await writer.drain()


async def _write(writer: asyncio.StreamWriter, outgoing: Outgoing) -> None:
    try:
        async with outgoing:
            async for message in outgoing:
                writer.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await writer.drain()
    except ConnectionError:
        return  # the reader sees the end, too


def _refusal(line: bytes, exc: ValidationError) -> bytes:
    """The answer to a line that is no message."""
    for problem in exc.errors(include_url=False, include_input=False):
        if problem["type"] == "json_invalid":
            return _error(None, PARSE_ERROR, f"the line is not JSON: {problem['ctx']['error']}")
    message = json.loads(line)
    number = message.get("id") if isinstance(message, dict) else None
    words = "the line is no request, notification or response of JSON-RPC 2.0"
    return _error(number if type(number) in (int, str) else None, INVALID_REQUEST, words)


def _error(number: int | str | None, code: int, words: str) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": words}}) + b"\n"
