"""What notices are sent to in tests: an HTTP server and an SMTP server, as fixtures."""

from __future__ import annotations

import email
import email.policy
import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller


class Sink:
    """An HTTP server that keeps what it is sent. answers: status and headers of the next requests; then 200.

    reply: the body of its replies.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.reply = b""
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = sink.answers.pop(0) if sink.answers else (200, {})
                if status == 200:
                    sink.bodies.append(content)
                    sink.headers.append(dict(self.headers))
                    sink.received.append(json.loads(content))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(sink.reply)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sink.reply)

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook/secret-path"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.received]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


class Mailbox:
    """An SMTP server. answers: the replies to the next messages; then 250."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.answers: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answers:
            return self.answers.pop(0)
        self.messages.append(envelope.content.decode())
        return "250 OK"

    def texts(self) -> list[str]:
        """The plain texts of the messages."""
        found = []
        for message in self.messages:
            part = email.message_from_string(message, policy=email.policy.default).get_body(("plain",))
            found.append("" if part is None else str(part.get_content()))
        return found


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    handler = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, "127.0.0.1", port)
    controller.start()
    yield handler, port
    controller.stop()


def cursor(database: Path) -> str | None:
    """Up to which event a notifier with this outbox has told; None before it follows a daemon."""
    if not database.exists():
        return None
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as opened:
            row = opened.execute("SELECT value FROM state WHERE name = 'seq'").fetchone()
    except sqlite3.OperationalError:
        return None
    return None if row is None else str(row[0])
