"""What taking in one large graph costs: who dispatches it, and everybody else meanwhile."""

from __future__ import annotations

import json
import statistics
import threading
import time
from typing import NamedTuple

from support import PrivateDaemon, private_daemon

JOBS = 10_000
ROUNDS = 3


class TakenIn(NamedTuple):
    """Seconds, medians: from the request to the answer, and the longest that another client had to wait meanwhile."""

    answered_s: float
    others_s: float


def take_in() -> TakenIn:
    """Dispatch a graph in which each job comes after two others, and ask the daemon for something else all the time."""
    jobs: list[dict[str, object]] = [
        {"name": f"job-{n}", "project": "overbits", "task": "fix the login button", "after": _after(n)}
        for n in range(JOBS)
    ]
    jobs[0]["hold"] = True  # nothing of it runs
    line = json.dumps({"op": "graph", "jobs": jobs}).encode() + b"\n"
    rounds = []
    for _ in range(ROUNDS):
        with private_daemon() as daemon:
            rounds.append(_round(daemon, line))
    return TakenIn(*(statistics.median(each) for each in zip(*rounds, strict=True)))


def _after(n: int) -> list[str]:
    return [] if n == 0 else [f"job-{before}" for before in {n - 1, n // 2}]


def _round(daemon: PrivateDaemon, line: bytes) -> tuple[float, float]:
    over = threading.Event()
    waits: list[float] = []
    asking = threading.Thread(target=_ask, args=(daemon, over, waits))
    with daemon.connect() as wire:
        wire.ok(op="hello")
        asking.start()
        began = time.perf_counter()
        wire.send_bytes(line)
        assert len(wire.receive()["ok"]["jobs"]) == JOBS
        taken = time.perf_counter() - began
        over.set()
        asking.join()
    return taken, max(waits)


def _ask(daemon: PrivateDaemon, over: threading.Event, waits: list[float]) -> None:
    with daemon.connect() as wire:
        while not over.is_set():
            began = time.perf_counter()
            wire.ok(op="hello")
            waits.append(time.perf_counter() - began)
