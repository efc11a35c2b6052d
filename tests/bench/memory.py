"""The daemon's memory under everything together that clients can make it keep."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, suppress
from typing import NamedTuple

from bench.floods import Attack, flood
from support import Connection, PrivateDaemon, dispatch, private_daemon

CONFIG = "[daemon]\nmax_running = 1\nmax_connections = 1200\nmax_connections_per_uid = 1200\n"
MIB = 1024 * 1024
LARGE_JOBS = 400
SAMPLES = 300
GIVEN_BACK_S = 3.0
"""After this time the daemon has given back what the attacks have taken."""


class Grown(NamedTuple):
    """Bytes of memory above those of the idle daemon: while all attacks go on, and with the large jobs alone."""

    most: int
    queued: int


def _attacks(job: str) -> list[Attack]:
    """What is kept for clients. job: one that has printed a megabyte."""
    ids = json.dumps([job] * 10_000).encode()
    return [
        Attack("250 unread outputs", 250, b'{"op":"logs","job":"%b","offset":0}\n' % job.encode(), 64, False),
        Attack("512 clients with waits for 10,000 jobs", 512, b'{"op":"wait","jobs":%b}\n' % ids, 2, False),
        Attack("250 incomplete requests of 4 MiB", 250, b'{"op":"%b' % (b"x" * 4_000_000), 1, False),
    ]


def _dispatch_large(daemon: PrivateDaemon) -> None:
    """Queue tasks of a mebibyte, jobs with as many variables as a program can have, and ones with too many."""
    many = {f"V{number}": "x" for number in range(200_000)}
    for number in range(LARGE_JOBS):
        _insist(daemon, task=f"{number} #{'x' * (MIB - 20)}")
        if number % 10 == 0:
            _insist(daemon, task="true", env={f"N{number}-{name}": "x" for name in range(60_000)})
            with daemon.connect() as wire:
                wire.ask(op="dispatch", project="overbits", task="true", env=many)


def _insist(daemon: PrivateDaemon, **request: object) -> None:
    """Dispatch, again when the daemon is overloaded, which closes connections that keep much."""
    while True:
        with suppress(EOFError, OSError), daemon.connect() as wire:
            answer = wire.ask(op="dispatch", project="overbits", **request)
            if "ok" in answer:
                return
            assert answer["error"]["code"] == "overloaded", answer


def measure() -> Grown:
    """Attack a daemon in every way at the same time."""
    with private_daemon(CONFIG) as daemon, daemon.connect() as wire, ExitStack() as stack:
        job = dispatch(wire, "seq 1 450000; exec sleep 100000")
        while wire.ok(op="logs", job=job, tail=1)["size"] < 2 * MIB:
            pass
        idle = _rss(wire)
        dispatching = threading.Thread(target=_dispatch_large, args=(daemon,))
        dispatching.start()
        for attack in _attacks(job):
            stack.enter_context(flood(daemon, attack))
        most = max(_rss(wire) for _ in range(SAMPLES))
        while dispatching.is_alive():
            most = max(most, _rss(wire))
        stack.close()
        time.sleep(GIVEN_BACK_S)
        return Grown(most - idle, _rss(wire) - idle)


def _rss(wire: Connection) -> int:
    size: int = wire.ok(op="info")["rss_bytes"]
    return size
