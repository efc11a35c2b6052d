"""Checks every request before anything else sees it, and adds to every reply the headers that protect the page."""

from __future__ import annotations

from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luzia_protocol.framing import MAX_FRAME_BYTES

from luzia_client.web.access import Access
from luzia_client.web.credentials import Credentials
from luzia_client.web.errors import WebError, error_response

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
ANSWERS = "/answer/"
"""What the paths begin with whose link takes the place of a session; their pages have forms."""
OPEN_PATHS = ("/api/session",)
"""What a browser without a session may request of the API: to get one."""


class Guard:
    """Passes on only requests that come from the page itself, in a session.

    The files of the page hold nothing of the user's, so they need no session.
    """

    def __init__(self, app: ASGIApp, access: Access, credentials: Credentials) -> None:
        self._app = app
        self._access = access
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except WebError as exc:
            await self._refuse(exc, scope, receive, send)
            return
        with suppress(ClientDisconnect):  # it has gone before its request was whole, and nothing can answer it
            await self._app(scope, _bounded(receive), _protected(scope, send))

    def _check(self, scope: Scope) -> None:
        connection = HTTPConnection(scope)
        headers = connection.headers
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._access.knows_host(host):
            raise WebError(
                421,
                "unknown_host",
                "the request names a host that is not this server",
                "Open the link of `luzia web url`.",
            )
        if not self._access.is_from_proxy(headers):
            raise WebError(403, "not_from_proxy", "the request did not come through the proxy")
        path = scope["path"]
        if not path.startswith("/api/"):
            return
        method = scope.get("method", "")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise WebError(403, "foreign_origin", "the request comes from another origin")
        if (scope["type"] == "websocket" or method not in ("GET", "HEAD")) and not self._access.knows_origin(
            host, headers.get("origin", "")
        ):
            raise WebError(403, "foreign_origin", "the request comes from another origin")
        if method == "POST":
            _check_body(headers)
        session = self._credentials.find_session(connection.cookies.get(self._access.cookie, ""))
        if session is None and path not in OPEN_PATHS:
            raise WebError(401, "no_session", "you are not signed in", "Run `luzia web url`, and open the link.")
        scope["luzia_session"] = session

    async def _refuse(self, exc: WebError, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4000 + exc.status})
            return
        await error_response(exc)(scope, receive, _protected(scope, send))


def _check_body(headers: Headers) -> None:
    if headers.get("content-type", "") not in ("application/json", "application/json; charset=utf-8"):
        raise WebError(415, "not_json", "the content type must be application/json")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_FRAME_BYTES:
        raise _too_large()


def _too_large() -> WebError:
    return WebError(413, "frame_too_large", "the request is larger than 4 MiB")


def _bounded(receive: Receive) -> Receive:
    """`receive` that refuses a body without a length, once it is too large."""
    size = 0

    async def receive_bounded() -> Message:
        nonlocal size
        message = await receive()
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            if size > MAX_FRAME_BYTES:
                raise _too_large()
        return message

    return receive_bounded


def _protected(scope: Scope, send: Send) -> Send:
    """`send` with the headers of every reply."""
    answers = scope["path"].startswith(ANSWERS)
    stored = not answers and not scope["path"].startswith("/api/")

    async def send_protected(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if answers:
                headers["content-security-policy"] = POLICY.replace("form-action 'none'", "form-action 'self'")
            headers["cache-control"] = "no-cache" if stored else "no-store"
        await send(message)

    return send_protected
