"""Gives the metrics out: over HTTP, to a file, or as text."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from socket import AF_INET, AF_INET6, SHUT_RDWR, socket
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, generate_latest, make_wsgi_app, write_to_textfile
from prometheus_client.metrics_core import Metric

from luzia_protocol import environment
from luzia_protocol.errors import LuziaError

from luzia_client.metrics.collector import JobsCollector
from luzia_client.metrics.follower import Follower
from luzia_client.metrics.totals import Totals
from luzia_client.metrics.totals_file import TotalsFile


class ListenError(LuziaError):
    """The address cannot be listened on, or the file cannot be written."""


def state_file(chosen: Path | None) -> Path:
    """The file of the totals."""
    return chosen or Path(environment.state_dir(), "metrics.json")


class Exporter:
    """The metrics of the daemon on `socket`.

    state: the file of the totals; None is `metrics.json` in the state directory.
    alone: whether another `luzia metrics` with that file is an error; otherwise this one only reads it.
    """

    def __init__(self, socket: str, state: Path | None, *, alone: bool) -> None:
        self._file = TotalsFile(state_file(state), Totals)
        if not self._file.lock() and alone:
            raise ListenError(
                f"another `luzia metrics` uses {self._file.path}", "Stop it, or choose another file with --state."
            )
        self._follower = Follower(socket, self._file)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(JobsCollector(socket, self._follower))
        self._follower.start()

    def families(self) -> list[Metric]:
        """The metrics as they are now."""
        return list(self._registry.collect())

    def text(self) -> str:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry).decode()

    def write(self, path: Path) -> None:
        """Replace a file, for the textfile collector of node_exporter. Raises ListenError."""
        try:
            write_to_textfile(os.fspath(path), self._registry)
        except OSError as exc:
            raise ListenError(f"cannot write {path}: {exc.strerror}") from exc

    def serve(self, host: str, port: int) -> int:
        """Answer scrapes in threads from now on; returns the port. Raises ListenError."""
        kind = _IPv6Server if ":" in host else _Server
        try:
            server = make_server(host, port, make_wsgi_app(self._registry), kind, handler_class=_QuietHandler)
        except OSError as exc:
            raise ListenError(f"cannot listen on {host}:{port}: {exc.strerror}", "Choose another address.") from exc
        threading.Thread(target=server.serve_forever, args=(None,), name="metrics-server", daemon=True).start()
        return server.server_port

    def wait(self) -> None:
        """Wait until following the events fails. Raises why."""
        self._follower.join()


MAX_CONNECTIONS = 64
"""Connections at a time; beyond it the oldest of them is closed, which is most likely idle."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each scrape; the library's own server wakes twice a second."""

    daemon_threads = True
    address_family = AF_INET
    request_queue_size = 128
    """Connections that wait to be accepted; more are refused for a second and longer, by the kernel."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._open: dict[socket, None] = {}
        self._lock = threading.Lock()
        super().__init__(*arguments, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own; the oldest connection gives way when there are too many."""
        with self._lock:
            self._open[request] = None
            if len(self._open) > MAX_CONNECTIONS:
                oldest = next(iter(self._open))
                del self._open[oldest]
                with suppress(OSError):  # its peer has gone
                    oldest.shutdown(SHUT_RDWR)  # its thread closes it
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that was answered or has given way."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)


class _IPv6Server(_Server):
    address_family = AF_INET6


class _QuietHandler(WSGIRequestHandler):
    timeout = 30.0
    """Seconds that a connection may be silent."""

    def log_message(self, format: str, *args: object) -> None:
        """Log no scrapes."""
