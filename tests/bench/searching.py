"""What a search among many jobs takes, also when nearly all of them match."""

from __future__ import annotations

import json
import statistics
import time
from typing import NamedTuple

from bench.measures import processor_s
from support import Connection, PrivateDaemon, eventually, private_daemon

MANY = 100_000
PART = 2_000
ROUNDS = 20
STARTS = 3
REST_S = 0.3
WORDS = ("fix", "login", "button", "parser", "cache", "retry", "timeout", "docs", "tests", "colour")


class Searched(NamedTuple):
    """Milliseconds, medians: for words that few jobs have, that all have, that none has; for the first search."""

    rare_ms: float
    common_ms: float
    none_ms: float
    first_ms: float


def search() -> Searched:
    """Queue the jobs, all held, and search among them after a restart."""
    with private_daemon() as daemon:
        with daemon.connect() as wire:
            for part in range(MANY // PART):
                jobs = [_job(part * PART + number) for number in range(PART)]
                wire.send_bytes(json.dumps({"op": "graph", "jobs": jobs}).encode() + b"\n")
                assert "ok" in wire.receive()
        firsts = []
        for _ in range(STARTS):
            daemon.kill()
            daemon.start()
            eventually(lambda: _rests(daemon), "the end of what the daemon does after its start")
            with daemon.connect() as wire:
                firsts.append(_answered_ms(wire, "nothing-of-this-kind fix"))
        with daemon.connect() as wire:
            rare, common, none = (
                statistics.median(_answered_ms(wire, words) for _ in range(ROUNDS))
                for words in ("ticket-77777 fix", "please fix", "nothing-of-this-kind fix")
            )
    return Searched(rare, common, none, statistics.median(firsts))


def _job(number: int) -> dict[str, object]:
    words = [WORDS[(number // 7**place) % len(WORDS)] for place in range(8)]
    task = f"please fix ticket-{number} in module {number % 313}: {' '.join(words)}"
    return {"project": "overbits", "task": task, "hold": True, "tags": {"team": f"t{number % 9}"}}


def _rests(daemon: PrivateDaemon) -> bool:
    """Whether it has used no processor time for a moment. A search before that takes turns with it."""
    assert daemon.process is not None
    used_s = processor_s(daemon.process.pid)
    time.sleep(REST_S)
    return processor_s(daemon.process.pid) == used_s


def _answered_ms(wire: Connection, words: str) -> float:
    began = time.perf_counter()
    wire.ok(op="list", search=words)
    return (time.perf_counter() - began) * 1000
