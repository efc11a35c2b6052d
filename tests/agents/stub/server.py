"""A stand-in for a model's server on loopback: what agents talk to in tests.

POST …/messages                         Anthropic Messages
POST …/responses                        OpenAI Responses
POST …/chat/completions                 OpenAI Chat Completions
POST …/models/M:streamGenerateContent   Gemini, also :generateContent
GET  …/models                           a list with one model
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from agents.stub.asked import Asked, Body
from agents.stub.refusals import refusal
from agents.stub.script import next_step
from agents.stub.wire import ANSWERS, TOKENS_IN, Events

LONGEST_S = 600.0
"""How long a request is held at most; a test's own deadlines are shorter."""


class StubModel:
    """The running server. port: where. heard: what was asked so far. gate: opens for answers of `stub:gate`."""

    def __init__(self) -> None:
        self.heard: list[Asked] = []
        self.gate = threading.Event()
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.model = self
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    def at_the_gate(self) -> bool:
        """Whether an agent has done its work and waits for the last answer."""
        return any(asked.scenario == "gate" and is_closing(asked) for asked in self.heard)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Let go of every request that is held, and end."""
        self.over.set()
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def stub_model() -> Iterator[StubModel]:
    """A server for a `with` block."""
    model = StubModel()
    model.start()
    try:
        yield model
    finally:
        model.stop()


def is_closing(asked: Asked) -> bool:
    """Whether the answer will be the one that ends the turn."""
    return bool(asked.tools) and not next_step(asked).tool


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    model: StubModel

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show a failure of the stand-in's own; that an agent went away is none."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Tell the models."""
        if not self._path().endswith("/models"):
            return self._json(404, {"error": {"message": "not found", "type": "not_found_error"}})
        card = {"id": "stub-model", "object": "model", "type": "model", "display_name": "Stub", "created": 0}
        return self._json(200, {"object": "list", "data": [card], "models": [], "has_more": False})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Answer as the script says."""
        body, path = json.loads(self._body() or b"{}"), self._path()
        if path.endswith(("/count_tokens", ":countTokens")):
            return self._json(200, {"input_tokens": TOKENS_IN, "totalTokens": TOKENS_IN})
        dialect = _dialect(path)
        if dialect is None:
            return self._json(404, {"error": {"message": "not found", "type": "not_found_error"}})
        if dialect == "gemini":
            body |= {"stream": path.endswith(":streamGenerateContent")}
            body.setdefault("model", path.rpartition("/")[2].partition(":")[0])
        return self._answer(Asked(dialect, body))

    def _answer(self, asked: Asked) -> None:
        model = self.server.model
        model.heard.append(asked)
        if refused := refusal(asked.dialect, asked.scenario, asked.model):
            return self._json(refused.status, refused.body, refused.headers)
        if asked.scenario == "hang":
            self.close_connection = True
            model.over.wait(LONGEST_S)
            return None
        if asked.scenario == "gate" and is_closing(asked):
            model.gate.wait(LONGEST_S)
        events, whole = ANSWERS[asked.dialect](asked, next_step(asked))
        if not asked.stream:
            return self._json(200, whole)
        return self._stream(events[: len(events) // 2] if asked.scenario == "drop" else events)

    def _path(self) -> str:
        return self.path.partition("?")[0].rstrip("/")

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        data = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _json(self, status: int, body: Body, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _stream(self, events: Events) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("cache-control", "no-cache")
        self.send_header("connection", "close")
        self.end_headers()
        for name, data in events:
            text = data if isinstance(data, str) else json.dumps(data)
            self.wfile.write((f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on the screen."""


def _dialect(path: str) -> str | None:
    endings = {"/messages": "messages", "/chat/completions": "chat", "/responses": "responses"}
    if path.endswith((":streamGenerateContent", ":generateContent")):
        return "gemini"
    return next((dialect for ending, dialect in endings.items() if path.endswith(ending)), None)
