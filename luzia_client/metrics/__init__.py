"""Metrics of the jobs for Prometheus and OpenTelemetry, and traces: `luzia metrics`.

A separate process that listens to the daemon's events. It alone may import
prometheus_client (`pip install luzia[metrics]`) and OpenTelemetry (`pip install luzia[otel]`).
"""
