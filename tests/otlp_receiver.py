"""A collector of OpenTelemetry as tests need one: it keeps what it is sent, or refuses it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Receiver:
    """A collector of OTLP over HTTP. away: it refuses everything, with that status. hated: a job it never takes."""

    def __init__(self, port: int = 0) -> None:
        self.spans: list[Span] = []
        self.metrics: dict[str, Any] = {}
        self.services: set[str] = set()
        self.away = 0
        self.hated = ""
        self.refused = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    content = gzip.decompress(content)
                status = receiver.take(self.path, content)
                self.send_response(status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, path: str, content: bytes) -> int:
        """Keep what a request brings; returns the status of the reply."""
        if self.away:
            self.refused += 1
            return self.away
        if path == "/v1/traces":
            if self.hated and self.hated.encode() in content:
                self.refused += 1
                return 400
            for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
                self.services |= {
                    each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
                }
                for scope in resource.scope_spans:
                    self.spans += scope.spans
        elif path == "/v1/metrics":
            for metrics in ExportMetricsServiceRequest.FromString(content).resource_metrics:
                self.metrics |= {metric.name: metric for scope in metrics.scope_metrics for metric in scope.metrics}
        else:
            return 404
        return 200

    def of(self, job: str) -> list[Span]:
        """The spans of a job."""
        return [span for span in self.spans if attributes(span)["luzia.job.id"] == job]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}


@contextmanager
def collector() -> Iterator[Receiver]:
    """A receiver for a `with` block."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()
