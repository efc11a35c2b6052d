"""Makes what OpenTelemetry's exporters send: spans of attempts, and the metric families as points."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode
from prometheus_client import Metric as Family
from prometheus_client.samples import Sample

from luzia_protocol.version import VERSION

from luzia_client.metrics import semconv
from luzia_client.metrics.spans import Span
from luzia_client.metrics.tracer import Answer

TIMEOUT_S = 10.0
"""How long a collector may take to accept something."""

WRONG_WAY = frozenset({401, 403, 404, 405, 407, 408})
"""Statuses that say nothing of what was sent: the token or the address is wrong. It is sent again later."""

RETRYABLE = frozenset({429, 502, 503, 504})
"""Statuses after which OTLP says to send again; after any other, never."""

_SCOPE = InstrumentationScope("luzia", VERSION)


class Collector:
    """An OpenTelemetry collector. url: its base address, to which the paths of the signals are added.

    The SDK reads headers, such as a token, from OTEL_EXPORTER_OTLP_HEADERS, and more attributes of the resource from
    OTEL_RESOURCE_ATTRIBUTES.
    """

    def __init__(self, url: str) -> None:
        base = url.rstrip("/")
        self._resource = Resource.create({semconv.SERVICE_NAME: "luzia"})
        self._reply: requests.Response | None = None
        session = requests.Session()
        session.hooks["response"].append(self._keep_reply)
        self._spans = OTLPSpanExporter(f"{base}/v1/traces", timeout=TIMEOUT_S, session=session)
        self._metrics = OTLPMetricExporter(f"{base}/v1/metrics", timeout=TIMEOUT_S)

    def send_spans(self, spans: Iterable[Span]) -> Answer:
        """Send spans; returns whether they were accepted. The SDK itself sends again for up to TIMEOUT_S."""
        self._reply = None
        if self._spans.export([self._span(span) for span in spans]) is SpanExportResult.SUCCESS:
            return Answer("accepted")
        if self._reply is None:
            return Answer("later", "the collector cannot be reached")
        status = self._reply.status_code
        return Answer("later" if status in RETRYABLE | WRONG_WAY else "refused", f"{status} {self._reply.reason}")

    def _keep_reply(self, reply: requests.Response, *_: object, **__: object) -> None:
        """The SDK tells only whether it has succeeded."""
        self._reply = reply

    def send_metrics(self, families: Iterable[Family]) -> bool:
        """Send the metrics as they are now; returns whether they were accepted."""
        now = time.time_ns()
        metrics = [Metric(family.name, family.documentation, "", _data(family, now)) for family in families]
        scoped = ScopeMetrics(_SCOPE, metrics, "")
        data = MetricsData([ResourceMetrics(self._resource, [scoped], "")])
        return self._metrics.export(data) is MetricExportResult.SUCCESS

    def _span(self, span: Span) -> ReadableSpan:
        """Made without a tracer, which would choose the ids itself, and the times."""
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace, span.span),
            parent=None if span.parent is None else _context(span.trace, span.parent),
            resource=self._resource,
            attributes=span.attributes,
            events=[Event(note.name, note.attributes, _ns(note.at)) for note in span.notes],
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.UNSET) if span.error is None else Status(StatusCode.ERROR, span.error),
            start_time=_ns(span.start),
            end_time=_ns(span.end),
            instrumentation_scope=_SCOPE,
        )


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _ns(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1000


def _data(family: Family, now: int) -> Sum | Gauge | Histogram:
    """The points of a family. They are cumulative since an unknown time: the counters are older than this process."""
    match family.type:
        case "counter":
            points = [NumberDataPoint(sample.labels, 0, now, float(sample.value)) for sample in family.samples]
            return Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        case "histogram" | "summary":
            return Histogram(_distributions(family, now), AggregationTemporality.CUMULATIVE)
    return Gauge([NumberDataPoint(sample.labels, 0, now, float(sample.value)) for sample in family.samples])


def _distributions(family: Family, now: int) -> list[HistogramDataPoint]:
    """A point for each set of labels. A summary has no buckets but one."""
    grouped: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in family.samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        grouped.setdefault(tuple(labels.items()), []).append(sample)
    return [_distribution(dict(labels), samples, now) for labels, samples in grouped.items()]


def _distribution(labels: dict[str, str], samples: list[Sample], now: int) -> HistogramDataPoint:
    values = {sample.name.rpartition("_")[2]: sample.value for sample in samples if "le" not in sample.labels}
    buckets = [(sample.labels["le"], int(sample.value)) for sample in samples if "le" in sample.labels]
    below = [0, *(count for _, count in buckets)]
    counts = [after - before for before, after in pairwise(below)]
    return HistogramDataPoint(
        attributes=labels,
        start_time_unix_nano=0,
        time_unix_nano=now,
        count=int(values["count"]),
        sum=values["sum"],
        bucket_counts=counts or [int(values["count"])],
        explicit_bounds=[float(bound) for bound, _ in buckets if bound != "+Inf"],
        min=None,  # type: ignore[arg-type]  # unknown; the field is optional on the wire
        max=None,  # type: ignore[arg-type]
    )
