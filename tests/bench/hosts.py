"""Measures what a link to another host costs on this machine: run it alone.

status: the reply to one request, through ssh and on the daemon's own socket in alternation.
events: EVENTS events from the store, to one subscriber.
"""

from __future__ import annotations

import json
import socket
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.measures import dispatch_pipelined  # noqa: E402
from far_host import NAME, far_host  # noqa: E402

ROUNDS = 2000
EVENTS = 50_000


class Figures(NamedTuple):
    """Medians of a status, and the time of all events, in seconds."""

    status_s: float
    events_s: float


class Peer:
    """A connection to a socket, which sends lines and reads lines."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._lines = self._socket.makefile("rb", buffering=1 << 18)

    def ask(self, **request: object) -> bytes:
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        return self._lines.readline()

    def status_s(self, job: str) -> float:
        began = time.perf_counter()
        assert b'"ok"' in self.ask(op="status", job=job)[:16]
        return time.perf_counter() - began

    def events_s(self) -> float:
        """The time until EVENTS events have been read."""
        began = time.perf_counter()
        assert b'"ok"' in self.ask(op="subscribe", after=0)
        for _ in range(EVENTS):
            assert self._lines.readline().startswith(b'{"event"')
        return time.perf_counter() - began


def measure() -> dict[str, Figures]:
    """The figures of both ways."""
    with far_host(f"[daemon]\nmax_jobs = {2 * EVENTS}\n") as host:
        with host.there.connect() as wire:
            wire.ok(op="pause_queue")
            dispatch_pipelined(wire, EVENTS, b'"task":"fix the login button"')
            job = wire.ok(op="list", limit=1)["jobs"][0]["id"]
        host.ok("jobs")
        sockets = {"direct": host.there.socket, "through ssh": str(host.here.root / "run" / "hosts" / f"{NAME}.sock")}
        peers = {way: Peer(path) for way, path in sockets.items()}
        times: dict[str, list[float]] = {way: [] for way in peers}
        for _ in range(ROUNDS):
            for way, peer in peers.items():
                times[way].append(peer.status_s(job))
        return {way: Figures(statistics.median(times[way]), Peer(sockets[way]).events_s()) for way in peers}


def main() -> int:
    """Print the rows of docs/hosts.md."""
    found = measure()
    direct, linked = found["direct"], found["through ssh"]
    print("| | direct | through ssh |\n|---|---|---|")
    print(f"| a status | {direct.status_s * 1e6:.0f} µs | {linked.status_s * 1e6:.0f} µs |")
    print(f"| {EVENTS:,} events | {direct.events_s:.2f} s | {linked.events_s:.2f} s |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
