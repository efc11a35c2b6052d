"""The application: the paths of the API and the files of the page, behind the guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from luzia_protocol import replies, requests
from luzia_protocol.errors import LuziaError
from luzia_protocol.jobs import Job
from luzia_protocol.version import VERSION

from luzia_client.api.async_caller import AsyncCaller
from luzia_client.hosts.settings import LOCAL
from luzia_client.web import operations, review, work
from luzia_client.web.access import SESSION_S, About, Access, TokenRequest
from luzia_client.web.answers import Answers
from luzia_client.web.credentials import Credentials, Session
from luzia_client.web.errors import WebError, error_response, invalid_request
from luzia_client.web.files import PageFiles
from luzia_client.web.guard import Guard
from luzia_client.web.hosts import Hosts
from luzia_client.web.machine import Doctor, read_machine
from luzia_client.web.openapi import describe
from luzia_client.web.streams import Tab, server_sent_events

STATIC = Path(__file__).parent / "static"
T = TypeVar("T")

_encode = msgspec.json.encode


class WebApp:
    """The handlers. socket: the path of the daemon's socket."""

    def __init__(self, access: Access, credentials: Credentials, socket: str) -> None:
        self._access = access
        self._credentials = credentials
        self._socket = socket
        self._caller = AsyncCaller(socket, True, 0.0)
        self._hosts = Hosts()
        self._doctor = Doctor()

    def build(self) -> ASGIApp:
        """The application for a server."""
        app = Starlette(routes=self.routes, exception_handlers={LuziaError: _refused})
        return Guard(app, self._access, self._credentials)

    @property
    def routes(self) -> list[BaseRoute]:
        """The paths and what answers them."""
        return [
            Route("/api/session", self.start_session, methods=["POST"]),
            Route("/api/session/end", self.end_session, methods=["POST"]),
            Route("/api/about", self.about),
            Route("/api/openapi.json", self.openapi),
            Route("/api/events", self.events),
            WebSocketRoute("/api/socket", self.tab),
            Route("/api/output", self.output),
            Route("/api/diff", self.diff),
            Route("/api/review", self.review),
            Route("/api/merge", self.merge, methods=["POST"]),
            Route("/api/send_back", self.send_back, methods=["POST"]),
            Route("/api/machine", self.machine),
            Route("/api/doctor", self.doctor),
            Route("/api/hosts/{host}/output", self.output),
            Route("/api/hosts/{host}/diff", self.far_diff),
            Route("/api/hosts/{host}/{op}", self.operation, methods=["GET", "POST"]),
            Route("/api/{op}", self.operation, methods=["GET", "POST"]),
            *Answers(self._socket, read_only=self._access.read_only).routes(),
            Mount("/", PageFiles(STATIC)),
        ]

    async def start_session(self, request: Request) -> Response:
        """Exchange a token for the cookie of a session."""
        secret = self._credentials.start_session(_decode(await request.body(), TokenRequest).token)
        response = _ok({})
        response.set_cookie(
            self._access.cookie,
            secret,
            max_age=int(SESSION_S),
            httponly=True,
            samesite="strict",
            secure=self._access.is_secure,
            path="/",
        )
        return response

    async def end_session(self, request: Request) -> Response:
        """End the session of the browser."""
        self._credentials.end_session(request.scope["luzia_session"])
        response = _ok({})
        response.delete_cookie(
            self._access.cookie, path="/", httponly=True, samesite="strict", secure=self._access.is_secure
        )
        return response

    async def about(self, request: Request) -> Response:
        """What the page must know of its server."""
        session: Session = request.scope["luzia_session"]
        left_s = self._credentials.remaining_s(session)
        return _ok(About(VERSION, self._access.read_only, left_s, self._hosts.names()))

    async def openapi(self, _: Request) -> Response:
        """The description of the API."""
        return Response(_encode(describe()), media_type="application/json")

    async def operation(self, request: Request) -> Response:
        """A request of the protocol, by the name of its op, for this machine or another host."""
        op = request.path_params["op"]
        if request.method == "POST":
            asked = operations.decode_request(op, await request.body(), read_only=self._access.read_only)
        else:
            query = request.query_params.multi_items()
            asked = operations.request_of_query(op, query, read_only=self._access.read_only)
        if isinstance(asked, operations.STREAMS):
            raise WebError(400, "bad_request", f"{op} is a stream", "Use /api/events, or the WebSocket /api/socket.")
        host = request.path_params.get("host", LOCAL)
        if host == LOCAL:
            body = await operations.call(self._caller, asked)
        else:
            body = await self._hosts.call(host, operations.for_another_host(asked))
        return Response(b'{"ok":' + body + b"}", media_type="application/json")

    async def events(self, request: Request) -> Response:
        """The events as server-sent events, after `Last-Event-ID` or the parameter `after`."""
        last = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        if last and not last.isdecimal():
            raise WebError(400, "bad_request", f"invalid seq '{last}'", "Pass the id of the last event.")
        stream = server_sent_events(self._socket, int(last) if last else None)
        return StreamingResponse(stream, media_type="text/event-stream")

    async def tab(self, websocket: WebSocket) -> None:
        """The web socket of a tab."""
        await Tab(websocket, self._socket, self._hosts).run(self._credentials, websocket.scope["luzia_session"])

    async def output(self, request: Request) -> Response:
        """All output of an attempt as a file, exactly as it was written."""
        query = request.query_params.multi_items()
        asked = operations.request_of_query("logs", query, read_only=self._access.read_only)
        assert isinstance(asked, requests.Logs)
        host = request.path_params.get("host", LOCAL)
        caller = self._caller if host == LOCAL else await self._hosts.caller(host)
        pieces = operations.read_output(caller, asked)
        first = await anext(pieces)  # an error is a reply, not half a file

        async def whole() -> AsyncIterator[bytes]:
            yield first
            async for piece in pieces:
                yield piece

        headers = {"content-disposition": "attachment"}
        return StreamingResponse(whole(), media_type="text/plain; charset=utf-8", headers=headers)

    async def diff(self, request: Request) -> Response:
        """What a job has changed."""
        job = await self._job(request.query_params.get("job", ""))
        return _ok(await asyncio.to_thread(work.read_changes, job))

    async def far_diff(self, request: Request) -> Response:
        """What a job of another host has changed."""
        return _ok(await self._hosts.diff(request.path_params["host"], request.query_params.get("job", "")))

    async def merge(self, request: Request) -> Response:
        """Merge the branch of a job."""
        self._refuse_reader()
        wanted = _decode(await request.body(), work.Merge)
        job = await self._job(wanted.job)
        return _ok(await asyncio.to_thread(work.merge, job, wanted, self._socket))

    async def review(self, request: Request) -> Response:
        """What of a job's work is not merged yet."""
        job = await self._job(request.query_params.get("job", ""))
        return _ok(await asyncio.to_thread(review.read_review, job))

    async def send_back(self, request: Request) -> Response:
        """Send a job back to its agent."""
        self._refuse_reader()
        wanted = _decode(await request.body(), review.SendBack)
        job = await self._job(wanted.job)
        return _ok(await asyncio.to_thread(review.send_back, job, wanted, self._socket))

    def _refuse_reader(self) -> None:
        """Raise WebError if the server is read-only."""
        if self._access.read_only:
            raise WebError(403, "read_only", "this server is read-only", "Start it without --read-only.")

    async def machine(self, _: Request) -> Response:
        """The load, the memory and the disk of the machine."""
        info = await self._caller.request(requests.Info(), replies.DaemonInfo)
        return _ok(await asyncio.to_thread(read_machine, info.state_dir))

    async def doctor(self, _: Request) -> Response:
        """What `luzia doctor` finds."""
        return _ok(await self._doctor.examine())

    async def _job(self, name: str) -> Job:
        return (await self._caller.request(requests.Status(job=name), replies.StatusResult)).job


def _decode(body: bytes, kind: Callable[..., T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)  # type: ignore[no-any-return]
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise invalid_request(exc, body) from exc


def _ok(value: Any) -> Response:
    return Response(_encode({"ok": value}), media_type="application/json")


async def _refused(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, LuziaError)
    return error_response(exc)
