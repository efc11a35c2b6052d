"""`luzia mcp`: carries an agent's lines to the hub and the hub's lines to the agent, whatever becomes of the hub.

A hub that is killed or replaced is met again: the conversation is opened once more, and what was not answered is
asked once more. Dispatches have keys, so that this makes no second job; what cannot be done twice gets an error.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time

from luzia_protocol import environment

from luzia_client.mcp.relay import meeting
from luzia_client.mcp.relay.ancestry import adopt_environment
from luzia_client.mcp.relay.meeting import LineSplitter

_READ_BYTES = 256 * 1024
_RECONNECT_S = 30.0
_PAUSE_S = 0.05
_NOT_TWICE = ("send", "answer", "merge")
"""Tools whose effect a second call would repeat."""
_OPENING = ("initialize", "notifications/initialized", "resources/subscribe", "resources/unsubscribe")
"""Messages that give a connection its state, which another hub has to learn."""
_LOST = (
    "The connection to luzia broke during this call: it may or may not have taken effect. Check with `status` first."
)

Message = dict[str, object]


def run() -> int:
    """Serve the agent on stdin and stdout until it closes them; returns the exit status."""
    adopt_environment()
    try:
        return Relay(environment.socket_path()).serve()
    except BrokenPipeError:
        return 0  # the agent has gone


class Relay:
    """daemon_socket: of the daemon in which the agent's jobs run."""

    def __init__(self, daemon_socket: str) -> None:
        self._daemon_socket = daemon_socket
        self._nonce = os.urandom(8).hex()
        self._hub: socket.socket | None = None
        self._from_hub = LineSplitter()
        self._is_met = False
        self._opening: list[bytes] = []
        self._pending: dict[str, tuple[bytes, str]] = {}
        """By the id of a request, as JSON: its line, and the tool that it calls."""

    def serve(self) -> int:
        """Carry lines until the agent closes its end."""
        poll = select.poll()
        poll.register(0, select.POLLIN)
        from_agent = LineSplitter()
        while True:
            if (hub := self._hub) is None:
                if not self._meet():
                    return 1
                continue  # the hub may be gone again
            poll.register(hub, select.POLLIN)
            ready = {number for number, _ in poll.poll()}
            poll.unregister(hub)
            if hub.fileno() in ready:
                self._read_hub(hub)
            if 0 in ready:
                data = os.read(0, _READ_BYTES)
                if not data:
                    return 0
                for line, is_cut in from_agent.feed(data):
                    self._from_agent(line, is_cut)

    # ------------------------------------------------------------------ from the agent

    def _from_agent(self, line: bytes, is_cut: bool) -> None:
        if not line.strip():
            return
        if is_cut:
            text = json.dumps(meeting.TOO_LARGE).encode()
            number = meeting.id_of_cut(line)
            _print(b'{"jsonrpc":"2.0","id":' + number + b',"error":{"code":-32600,"message":' + text + b"}}")
            return
        self._remember(line)
        self._send(line)

    def _remember(self, line: bytes) -> None:
        """Note what must be said again to another hub."""
        message = _decode(line)
        method = message.get("method")
        if method in _OPENING:
            self._opening.append(line)
        if _is_request(message):
            params = message.get("params")
            tool = params.get("name") if method == "tools/call" and isinstance(params, dict) else ""
            self._pending[json.dumps(message["id"])] = line, str(tool)
        elif method == "notifications/cancelled" and isinstance(params := message.get("params"), dict):
            self._pending.pop(json.dumps(params.get("requestId")), None)

    def _send(self, line: bytes) -> None:
        if self._hub is not None:
            try:
                self._hub.sendall(line + b"\n")
            except OSError:
                self._lose()

    # ------------------------------------------------------------------ from the hub

    def _read_hub(self, hub: socket.socket) -> None:
        try:
            data = hub.recv(_READ_BYTES)
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        for line, _ in self._from_hub.feed(data):
            if self._is_met:
                self._to_agent(line)
            else:
                self._is_met = True
                if _decode(line).get("retired"):  # it is older than this relay; the next one is not
                    self._lose()
                    return

    def _to_agent(self, line: bytes) -> None:
        """Pass a line on, unless it is the second answer to a request."""
        message = _decode(line) if line.find(b'"id"') >= 0 else {}
        is_answer = message.get("id") is not None and "method" not in message
        if not is_answer or self._pending.pop(json.dumps(message["id"]), None) is not None:
            _print(line)

    # ------------------------------------------------------------------ the hub's end and beginning

    def _lose(self) -> None:
        if self._hub is not None:
            self._hub.close()
            self._hub = None

    def _meet(self) -> bool:
        """Connect to a hub, and tell it everything that it has to know. False when there cannot be one."""
        try:
            self._hub = self._connect()
        except (OSError, ValueError) as exc:
            return self._give_up(f"cannot reach the MCP hub: {getattr(exc, 'strerror', None) or exc}")
        if self._hub is None:
            return self._give_up("cannot reach the MCP hub: it ends as soon as it has started")
        self._from_hub, self._is_met = LineSplitter(), False
        self._send(json.dumps(meeting.introduction(self._daemon_socket, self._nonce)).encode())
        self._say_again()
        return True

    def _connect(self) -> socket.socket | None:
        """A connection to the user's hub, or to one that is started; None after a time without any."""
        job = environment.current_job()
        paths = [meeting.hub_socket(self._daemon_socket)]
        if job:
            paths.append(meeting.hub_socket(self._daemon_socket, job))
        deadline = time.monotonic() + _RECONNECT_S
        while time.monotonic() < deadline:
            for path in paths:
                if (connected := meeting.connect(path)) is not None:
                    return connected
            from luzia_client.mcp.relay.starting import HubUnavailableError, start_hub

            try:
                start_hub(paths[-1], self._daemon_socket)
            except HubUnavailableError as exc:
                raise ValueError(str(exc)) from exc
            if (connected := meeting.connect(paths[-1])) is not None:
                return connected
            time.sleep(_PAUSE_S)
        return None

    def _say_again(self) -> None:
        """Tell another hub what the last one knew, and what it has not answered."""
        for line in self._opening:
            self._send(line)
        for number, (line, tool) in list(self._pending.items()):
            if line in self._opening:
                continue
            if tool in _NOT_TWICE:
                del self._pending[number]
                failure = {"content": [{"type": "text", "text": _LOST}], "isError": True}
                _print(json.dumps({"jsonrpc": "2.0", "id": json.loads(number), "result": failure}).encode())
            else:
                self._send(line)

    def _give_up(self, words: str) -> bool:
        """Say why there is no hub: to the agent, in answer to its first request, and on stderr."""
        print(f"luzia mcp: {words}", file=sys.stderr)
        waiting = list(self._pending) or _first_request()
        for number in waiting:
            error = {"code": -32603, "message": f"luzia mcp: {words}"}
            _print(json.dumps({"jsonrpc": "2.0", "id": json.loads(number), "error": error}).encode())
        return False


def _first_request() -> list[str]:
    """The id of the agent's first request, as JSON; none if there is none."""
    splitter = LineSplitter()
    while data := os.read(0, _READ_BYTES):
        for line, is_cut in splitter.feed(data):
            message = {} if is_cut else _decode(line)
            if _is_request(message):
                return [json.dumps(message["id"])]
    return []


def _is_request(message: Message) -> bool:
    """Whether there will be one answer, with the id of the message: also to what is no proper request."""
    return type(message.get("id")) in (int, str) and not message.keys() & {"result", "error"}


def _decode(line: bytes) -> Message:
    """The message in a line; empty if it is none, of which the hub tells the agent."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _print(line: bytes) -> None:
    """Write a line to the agent, all of it."""
    rest = memoryview(line + b"\n")
    while rest:
        rest = rest[os.write(1, rest) :]
