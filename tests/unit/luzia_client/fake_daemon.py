"""A daemon on a real socket that answers what a test tells it to."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

DEADLINE_S = 30.0
JOB = "113754-a2f5"
DISPATCHED = {"job": JOB, "name": f"agent:overbits:{JOB}", "project": "overbits", "created": True}
HUNG_UP = object()
"""What a script returns to close the connection instead of answering."""

Script = Callable[[dict[str, Any]], Any]


def job(state: str = "running", job_id: str = JOB, **fields: Any) -> dict[str, Any]:
    """A job as the wire shows it."""
    return {
        "id": job_id,
        "name": f"agent:overbits:{job_id}",
        "project": "overbits",
        "agent": "shell",
        "task": "true",
        "state": state,
        "created_at": "2026-01-02T03:04:05+00:00",
        **fields,
    }


def info(**fields: Any) -> dict[str, Any]:
    """The answer to `info`."""
    return {
        "version": "0.1.0",
        "protocol": 1,
        "pid": os.getpid(),
        "started_at": "2026-01-02T03:04:05+00:00",
        "uptime_s": 65.0,
        "socket": "/x/luzia.sock",
        "runtime_dir": "/x",
        "state_dir": "/x/state",
        "jobs_dir": "/x/state/jobs",
        "config_file": "/x/config.toml",
        "log_file": None,
        "counts": {"running": 2, "queued": 1},
        "seq": 7,
        "slots": 4,
        "slots_used": 2,
        "connections": 1,
        "subscribers": 0,
        "rss_bytes": 30_000_000,
        "max_jobs": 1000,
        "storage": "ok",
        "last_snapshot": None,
        "managed_by": "user",
        "fork_server_pid": 1,
        **fields,
    }


class FakeDaemon:
    """Listens on a socket and answers each request with the frames that a script returns.

    A request's `id` goes into the answer, and into `ids` instead of `requests`.

    script: request -> one frame, a list of frames, raw bytes, or HUNG_UP (also as the last of a list).
    """

    def __init__(self, path: Path | str, script: Script) -> None:
        self.path = str(path)
        self.script = script
        self.requests: list[dict[str, Any]] = []
        self.ids: list[Any] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def ops(self) -> list[str]:
        """The ops that were asked for, in order."""
        return [request["op"] for request in self.requests]

    def close(self) -> None:
        """Go away, with all connections, and leave no socket file. Harmless when it is gone already."""
        if self._listener.fileno() == -1:
            return
        Path(self.path).unlink()
        _hang_up(self._listener)
        self.hang_up()

    def hang_up(self) -> None:
        """Close all connections and go on listening."""
        while self._open:
            _hang_up(self._open.pop())

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            try:
                for line in lines:
                    request = json.loads(line)
                    if request.get("op") == "unsubscribe":
                        continue  # of a client that leaves a stream
                    self.requests.append(request)
                    number = request.pop("id", None)
                    self.ids.append(number)
                    if not self._answer(connection, self.script(request), number):
                        break
            except OSError:
                return
        _hang_up(connection)

    def _answer(self, connection: socket.socket, answer: Any, number: Any) -> bool:
        for frame in answer if isinstance(answer, list) else [answer]:
            if frame is HUNG_UP:
                return False
            echoed = {} if number is None else {"id": number}
            data = frame
            if not isinstance(frame, bytes):
                data = json.dumps(echoed | frame, separators=(",", ":")).encode() + b"\n"
            connection.sendall(data)
        return True


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may have been closed before
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def luzia(
    *words: str | bytes, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command `luzia` in a process of its own, as the console script does."""
    script = "import sys; from luzia_client.cli.main import main; sys.exit(main())"
    result = subprocess.run(
        [sys.executable, "-c", script, *words],
        input=stdin,
        capture_output=True,
        env={**os.environ, **(env or {})},
        timeout=DEADLINE_S,
    )
    return subprocess.CompletedProcess(result.args, result.returncode, result.stdout.decode(), result.stderr.decode())
