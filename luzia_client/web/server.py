"""Runs the web server: its sockets, its control socket, and its end."""

from __future__ import annotations

import asyncio
import os
from types import FrameType

import uvicorn

from luzia_protocol import environment

from luzia_client.http.connections import BACKLOG, BoundedProtocol
from luzia_client.http.tls import TlsAcceptor, server_context
from luzia_client.http.websockets import BoundedWebSocket
from luzia_client.web import control
from luzia_client.web.access import Access
from luzia_client.web.app import WebApp
from luzia_client.web.credentials import Credentials
from luzia_client.web.listening import Options, access_of, check_options, open_socket
from luzia_client.web.opening import remove_page

MAX_MESSAGE_BYTES = 64 * 1024
"""The size of a message that a tab may send."""
PROXY_PING_S = 50.0
"""How often a tab behind a proxy is pinged: proxies close connections that are silent for a minute."""


class Server(uvicorn.Server):
    """Uvicorn without its ten wakeups a second: it waits for the signal to stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Wait for the end."""
        self._loop = asyncio.get_running_loop()
        await self.on_tick(0)
        if not self.should_exit:
            await self._stopping.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, from a handler of signals, which does not wake the event loop."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)


class WebServer:
    """The web server of a user."""

    def __init__(self, options: Options, socket: str) -> None:
        """Open its sockets; socket is the daemon's path. Raises ArgumentError and OSError."""
        check_options(options)
        self._options = options
        self._tls = None
        if options.tls_cert is not None and options.tls_key is not None:
            self._tls = TlsAcceptor(server_context(options.tls_cert, options.tls_key), BoundedProtocol)
        self._listening = open_socket(options)
        self._access = access_of(options, self._listening)
        for directory in (environment.runtime_dir(), environment.state_dir()):
            os.makedirs(directory, mode=0o700, exist_ok=True)
        self._credentials = Credentials(os.path.join(environment.state_dir(), "web-sessions.json"))
        self._app = WebApp(self._access, self._credentials, socket).build()

    @property
    def access(self) -> Access:
        """The rules for its requests."""
        return self._access

    def make_link(self) -> str:
        """A link that starts a session; its fragment is never sent, and is in no log."""
        return f"{self._access.origins[0]}/#token={self._credentials.make_token()}"

    async def run(self) -> None:
        """Serve until a signal ends it."""
        behind_proxy = self._access.header is not None or self._options.origin is not None
        config = uvicorn.Config(
            self._app,
            http=self._tls or BoundedProtocol,  # type: ignore[arg-type]
            backlog=BACKLOG,
            ws=BoundedWebSocket,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=PROXY_PING_S if behind_proxy else None,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        try:
            async with control.listen(self._handle):
                await Server(config).serve(sockets=[self._listening])
        finally:
            remove_page()

    def _handle(self, command: str) -> dict[str, str]:
        """The reply to a command of the control socket."""
        if command == "url":
            return {"url": self.make_link()}
        if command == "sign-out":
            return {"ended": str(self._credentials.end_all())}
        return {"error": f"unknown command {command}"}
