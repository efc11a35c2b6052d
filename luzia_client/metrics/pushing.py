"""Pushes metrics and traces to an OpenTelemetry collector."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from luzia_client.metrics.collector import of_traces
from luzia_client.metrics.exporter import Exporter, ListenError, state_file
from luzia_client.metrics.otlp import Collector
from luzia_client.metrics.spans import SpanTotals
from luzia_client.metrics.totals_file import TotalsFile
from luzia_client.metrics.tracer import Tracer

PUSH_EVERY_S = 60.0
"""How often the metrics are pushed. Spans are sent when their attempts end."""

STOP_S = 20.0
"""How long it waits at its end for the collector to accept what is being sent."""


def push(socket: str, state: Path | None, url: str) -> None:
    """Push until SIGTERM, or until it cannot continue. Raises why.

    state: the file of the totals; the cursor of the traces is beside it. url: the base address of the collector.
    """
    totals = state_file(state)
    file = TotalsFile(totals.with_name(f"{totals.stem}.traces.json"), SpanTotals)
    if not file.lock():
        raise ListenError(f"another `luzia metrics --otlp` uses {file.path}", "Stop it, or choose a file with --state.")
    collector = Collector(url)
    exporter = Exporter(socket, state, alone=False)
    failure: list[BaseException] = []
    ended = threading.Event()
    tracer = Tracer(socket, file, collector.send_spans)

    def trace() -> None:
        try:
            tracer.run()
        except BaseException as exc:
            failure.append(exc)
            ended.set()

    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    threading.Thread(target=trace, name="tracer", daemon=True).start()
    while True:
        families = [*exporter.families(), of_traces(tracer.dropped)]
        collector.send_metrics(families)  # what is not accepted now comes with the next
        if ended.wait(PUSH_EVERY_S):
            break
    if failure:
        raise failure[0]
    tracer.stop(STOP_S)
