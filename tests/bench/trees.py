"""What ending large process trees costs everybody else: how fast status requests are before and meanwhile."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

from support import Connection, eventually, private_daemon

TREES = 8
PROCESSES = 60
ROUND_TRIPS = 3000

TREE = f"""
import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
for _ in range({PROCESSES}):
    if not os.fork():
        if os.fork(): os._exit(0)
        os.setsid()
        while True: time.sleep(600)
print("up", flush=True)
while True: time.sleep(600)
"""
"""Starts orphans in sessions of their own, which ignore every polite signal."""


class Ended(NamedTuple):
    """The 99th percentiles of a status round trip, in seconds; and how many processes of the trees are left."""

    before_s: float
    during_s: float
    left: int


def end_trees() -> Ended:
    """Cancel jobs with large trees, all at once."""
    config = f"[daemon]\nmax_running = {TREES}\ngrace_s = 0.5\n"
    with private_daemon(config) as daemon, daemon.connect() as wire, daemon.connect() as other:
        argv = [sys.executable, "-I", "-S", "-c", TREE]
        jobs = [wire.ok(op="dispatch", project="overbits", argv=argv)["job"] for _ in range(TREES)]
        outputs = daemon.state.glob
        eventually(lambda: sum(file.stat().st_size > 0 for file in outputs("jobs/*/1/stdout")) == TREES, "whole trees")
        before = [_round_trip(wire, jobs[0]) for _ in range(ROUND_TRIPS)]
        for job in jobs:
            wire.ok(op="cancel", job=job)
        other.send(op="wait", jobs=jobs)
        other.socket.setblocking(False)
        during = []
        while not _has_answer(other):
            during.append(_round_trip(wire, jobs[0]))
        return Ended(_p99(before), _p99(during), _left(str(daemon.root)))


def _round_trip(wire: Connection, job: str) -> float:
    began = time.perf_counter()
    wire.ok(op="status", job=job)
    return time.perf_counter() - began


def _has_answer(wire: Connection) -> bool:
    try:
        return bool(wire.socket.recv(1))
    except BlockingIOError:
        return False


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def _left(root: str) -> int:
    """How many processes of jobs under this directory live."""
    mark = f"LUZIA_ATTEMPT_DIR={root}".encode()
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found += mark in (process / "environ").read_bytes()
        except OSError:
            continue  # it has just ended, or is somebody else's
    return found
