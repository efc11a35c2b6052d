"""Pushes metrics and traces to an OpenTelemetry collector."""

from __future__ import annotations

import threading
from pathlib import Path

from luzia_client.metrics.exporter import Exporter, ListenError, state_file
from luzia_client.metrics.otlp import Collector
from luzia_client.metrics.spans import SpanTotals
from luzia_client.metrics.store import TotalsFile
from luzia_client.metrics.tracer import Tracer

PUSH_EVERY_S = 60.0
"""How often the metrics are pushed. Spans are sent when their attempts end."""


def push(socket: str, state: Path | None, url: str) -> None:
    """Push until it cannot continue. Raises why.

    state: the file of the totals; the cursor of the traces is beside it. url: the base address of the collector.
    """
    totals = state_file(state)
    file = TotalsFile(totals.with_name(f"{totals.stem}.traces.json"), SpanTotals)
    if not file.lock():
        raise ListenError(f"another `luzia metrics --otlp` uses {file.path}", "Stop it, or choose a file with --state.")
    collector = Collector(url)
    exporter = Exporter(socket, state, alone=False)
    failure: list[BaseException] = []
    failed = threading.Event()

    def trace() -> None:
        try:
            Tracer(socket, file, collector.send_spans).run()
        except BaseException as exc:
            failure.append(exc)
            failed.set()

    threading.Thread(target=trace, name="tracer", daemon=True).start()
    while True:
        collector.send_metrics(exporter.families())  # what is not accepted now comes with the next
        if failed.wait(PUSH_EVERY_S):
            raise failure[0]
