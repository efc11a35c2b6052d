"""The requests of the protocol by the names of their ops, as the API of the web server offers them."""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from typing import Any, get_args, get_origin

import msgspec

from luzia_protocol import replies, requests
from luzia_protocol.environment import client_env, process_umask
from luzia_protocol.schedules import ScheduleAdd

from luzia_client.api.async_caller import AsyncCaller
from luzia_client.api.requests import CLEAN_TIMEOUT_S, READ_ONLY
from luzia_client.transport.endpoint import REQUEST_TIMEOUT_S
from luzia_client.web.errors import WebError, invalid_request

STREAMS = (requests.Subscribe, requests.Follow)
"""What the API answers with a stream, over the web socket."""
READING = (*READ_ONLY, requests.Wait, *STREAMS)
"""What a server that is read-only answers."""
MAX_WAIT_S = 60.0
"""How long a `wait` may keep a request of HTTP."""
_SLOW = (requests.Clean, requests.Discard, requests.RestoreWork, requests.Remove)


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


OPS: dict[str, type[requests.Request]] = {_tag(kind): kind for kind in get_args(requests.Request)}
"""Every op of the protocol and its request."""


def decode_request(op: str, body: bytes, *, read_only: bool) -> requests.Request:
    """The request that a body in JSON is. Raises WebError."""
    kind = _kind(op, read_only=read_only)
    try:
        fields = msgspec.json.decode(body or b"{}")
        if not isinstance(fields, dict):
            raise msgspec.ValidationError("Expected `object`")
        return complete(msgspec.convert({**fields, "op": op}, kind))
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise invalid_request(exc, body) from exc


def request_of_query(op: str, query: Sequence[tuple[str, str]], *, read_only: bool) -> requests.Request:
    """The request that the parameters of a URL are, for an op that only reads. Raises WebError."""
    kind = _kind(op, read_only=read_only)
    if kind not in READ_ONLY:
        raise WebError(405, "method_not_allowed", f"{op} needs POST")
    fields: dict[str, Any] = {"op": op}
    lists = {field.name for field in msgspec.structs.fields(kind) if get_origin(field.type) is list}
    for name, value in query:
        if name in lists:
            fields.setdefault(name, []).append(value)
        else:
            fields[name] = value
    try:
        return msgspec.convert(fields, kind, strict=False)
    except (msgspec.ValidationError, ValueError) as exc:
        raise invalid_request(exc) from exc


def _kind(op: str, *, read_only: bool) -> type[requests.Request]:
    kind = OPS.get(op)
    if kind is None:
        raise WebError(404, "bad_request", f"unknown op '{op}'", "See /api/openapi.json.")
    if read_only and kind not in READING:
        raise WebError(403, "read_only", "this server is read-only", "Start it without --read-only.")
    return kind


def complete(request: requests.Request) -> requests.Request:
    """The request with what a client of the command line adds: the variables of its shell, and a key.

    A key makes it safe to send a dispatch again after a connection has broken.
    """
    match request:
        case requests.Dispatch():
            request.client_env = client_env()
            request.umask = process_umask() if request.umask is None else request.umask
            request.key = request.key or _random_key()
        case requests.Graph():
            request.client_env = client_env()
            request.umask = process_umask() if request.umask is None else request.umask
            request.key = request.key or _random_key()
        case ScheduleAdd():
            request.job.client_env = client_env()
        case requests.Agents():
            request.client_env = client_env()
        case requests.Wait():
            request.parent = None  # the page is no job, and lends no slots
            request.timeout_s = min(MAX_WAIT_S if request.timeout_s is None else request.timeout_s, MAX_WAIT_S)
    return request


def for_another_host(request: requests.Request) -> requests.Request:
    """The request without what belongs to this machine: a job there inherits no variables of the server."""
    match request:
        case requests.Dispatch() | requests.Graph() | requests.Agents():
            request.client_env = {}
        case ScheduleAdd():
            request.job.client_env = {}
    return request


async def call(caller: AsyncCaller, request: requests.Request) -> bytes:
    """Make a request of the daemon; returns the object in its reply, as the daemon wrote it. Raises LuziaError."""
    if isinstance(request, requests.Info):
        request.unless_storage = None  # the page is told by its events
    timeout_s = CLEAN_TIMEOUT_S if isinstance(request, _SLOW) else REQUEST_TIMEOUT_S + MAX_WAIT_S
    request.id = None
    return bytes(await caller.request(request, msgspec.Raw, timeout_s))


async def read_output(caller: AsyncCaller, request: requests.Logs) -> AsyncIterator[bytes]:
    """All that an attempt has written to a stream until now, piece by piece. Raises LuziaError."""
    request.tail, request.offset, request.render = None, 0, "none"
    request.encoding, request.max_bytes = "base64", requests.MAX_OUTPUT_BYTES
    while True:
        piece = await caller.request(request, replies.Output)
        yield b64decode(piece.data)
        if piece.next_offset >= piece.size or not piece.data:
            return
        request.attempt, request.offset = piece.attempt, piece.next_offset


def _random_key() -> str:
    return f"web-{os.urandom(12).hex()}"
