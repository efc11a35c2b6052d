"""Metrics of the jobs in the format of Prometheus: `luzia metrics`.

A separate process that listens to the daemon's events. It alone may import
prometheus_client (`pip install luzia[metrics]`).
"""
