"""Serves clients that want HTTP: on the loopback interface, to who has the token."""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import socket

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from luzia_protocol import environment

from luzia_client.http.connections import BACKLOG, BoundedProtocol
from luzia_client.mcp.hub.server import AgentServer
from luzia_client.mcp.hub.session import Session

HOST = "127.0.0.1"
PATH = "/mcp"
KEEP_ALIVE_S = 75
"""How long an unused connection stays open: longer than clients keep theirs, so that none sends into a closed one."""
_REFUSAL = b"This server needs the token that `luzia mcp serve --http` names: Authorization: Bearer TOKEN\n"


def token_file() -> str:
    """Where the token is, which only the user can read."""
    return os.path.join(environment.state_dir(), "mcp.token")


async def serve_http(port: int, session: Session, over: asyncio.Event) -> None:
    """Serve until the hub is told to end. port: 0 is any; the one that is used is printed."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen()  # before the line that says where, so that who reads it can connect
    port = listener.getsockname()[1]
    names = [f"{name}:{port}" for name in (HOST, "localhost")]
    security = TransportSecuritySettings(allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names])
    agents = AgentServer(session, has_connection=False)
    app = agents.server.streamable_http_app(streamable_http_path=PATH, transport_security=security)
    config = uvicorn.Config(
        TokenCheck(app, read_token()),
        http=BoundedProtocol,
        backlog=BACKLOG,
        log_level="warning",
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    print(f"MCP over HTTP: http://{HOST}:{port}{PATH}\nThe bearer token is in {token_file()}", flush=True)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    ending = asyncio.create_task(over.wait())
    await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    server.should_exit = True
    await serving
    agents.close()


def read_token() -> str:
    """The token, which is made when there is none yet."""
    path = token_file()
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        with open(path, encoding="ascii") as file:
            token = file.read().strip()
        if token:
            return token
        os.unlink(path)  # the process that made it could not write it: the disk was full
        return read_token()
    token = secrets.token_urlsafe(32)
    with open(made, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token


class TokenCheck:
    """Lets only requests with the token through. token: what they have to send."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                await _refuse(send)
                return
        await self._app(scope, receive, send)


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"www-authenticate", b"Bearer")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": _REFUSAL})
