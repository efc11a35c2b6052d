"""What a search among many jobs takes, also when nearly all of them match."""

from __future__ import annotations

import json
import statistics
import time
from typing import NamedTuple

from support import Connection, private_daemon

MANY = 100_000
PART = 2_000
ROUNDS = 20
SETTLE_S = 2.0
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
        daemon.kill()
        daemon.start()
        time.sleep(SETTLE_S)  # a search that comes earlier helps to read the jobs
        with daemon.connect() as wire:
            first = _answered_ms(wire, "nothing-of-this-kind fix")
            rare, common, none = (
                statistics.median(_answered_ms(wire, words) for _ in range(ROUNDS))
                for words in ("ticket-77777 fix", "please fix", "nothing-of-this-kind fix")
            )
    return Searched(rare, common, none, first)


def _job(number: int) -> dict[str, object]:
    words = [WORDS[(number // 7**place) % len(WORDS)] for place in range(8)]
    task = f"please fix ticket-{number} in module {number % 313}: {' '.join(words)}"
    return {"project": "overbits", "task": task, "hold": True, "tags": {"team": f"t{number % 9}"}}


def _answered_ms(wire: Connection, words: str) -> float:
    began = time.perf_counter()
    wire.ok(op="list", search=words)
    return (time.perf_counter() - began) * 1000
