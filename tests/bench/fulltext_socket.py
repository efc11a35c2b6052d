"""What a full-text search takes at the socket, over the logs of jobs that have run: the first after a start, and more.

As a program it takes the size of the logs in GB, and of one log in MB: `python tests/bench/fulltext_socket.py 10 16`.
The logs are those of tests/bench/fulltext.py, and each is printed by a job of its own.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.fulltext import make_blocks, write_log  # noqa: E402
from support import Connection, private_daemon  # noqa: E402

SMALL_GB, SMALL_MB = 0.05, 1.0
LOGS = 40
"""How many different logs there are; each job prints a line of its own before one of them."""
ROUNDS = 5
REST_S = 0.2
CONFIG = "[daemon]\nmax_running = 4\nmax_jobs = 100000\nmax_search_bytes = 64000000000\n"
CLAUDE = """#!/bin/sh
said='{"type":"assistant","parent_tool_use_id":null,"message":{"content":[{"type":"text","text":"begin with '
printf '%s%s"}]}}\\n' "$said" "$TICKET"
cat "$LOG"
"""


class Answered(NamedTuple):
    """jobs: how many there were. log_gb: the size of their logs. index_mb: that of the index. indexed_s: until all are.

    Milliseconds until 20 jobs are answered: the first search after a start of the daemon, and then the median and the
    longest for a word that one job has, that all have, that none has, a phrase, and a prefix.
    cut: the searches that met the daemon's limit of time, so that not all jobs were compared.
    """

    jobs: int
    log_gb: float
    index_mb: float
    indexed_s: float
    first_ms: float
    median_ms: dict[str, float]
    longest_ms: dict[str, float]
    cut: list[str]


def measure(gigabytes: float = SMALL_GB, megabytes: float = SMALL_MB) -> Answered:
    """Run jobs whose logs have this size together, and search in them."""
    draw = random.Random(1)
    words, blocks = make_blocks(draw)
    jobs = max(1, round(gigabytes * 1000 / megabytes))
    with private_daemon(CONFIG) as daemon:
        logs = daemon.root / "logs"
        logs.mkdir()
        for number in range(min(LOGS, jobs)):
            write_log(logs / str(number), draw, blocks, number, int(megabytes * 1e6))
        program = daemon.root / "bin" / "claude"
        program.parent.mkdir()
        program.write_text(CLAUDE)
        program.chmod(0o755)
        daemon.kill()
        daemon.env["PATH"] = f"{program.parent}:{daemon.env['PATH']}"
        daemon.start()
        with daemon.connect() as wire:
            ids = [
                wire.ok(
                    op="dispatch",
                    project="overbits",
                    agent="claude",
                    task=f"fix number {number}",
                    env={"LOG": str(logs / str(number % LOGS)), "TICKET": f"job{number}ticket"},
                )["job"]
                for number in range(jobs)
            ]
            for job in ids:
                wire.ok(op="wait", jobs=[job])
            began = time.monotonic()
            while _search(wire, "nothingofthekind")["pending"]:
                time.sleep(REST_S)
            indexed_s = time.monotonic() - began
        daemon.kill()
        daemon.start()
        queries = {
            "one": f"job{jobs // 2}ticket",
            "all": words[0],
            "none": "nothingofthekind",
            "phrase": f'"{words[0]} {words[1]}"',
            "prefix": f"{words[5][:2]}*",
        }
        with daemon.connect() as wire:
            first_ms, _ = _answered_ms(wire, queries["one"])
            answers = {name: [_answered_ms(wire, query) for _ in range(ROUNDS)] for name, query in queries.items()}
        times = {name: [each for each, _ in found] for name, found in answers.items()}
        state = Path(daemon.root, "state")
        index = sum(file.stat().st_size for file in state.glob("search.db*"))
        log = sum(os.stat(file).st_size for file in state.glob("jobs/*/1/stdout*"))
    return Answered(
        jobs,
        log / 1e9,
        index / 1e6,
        indexed_s,
        first_ms,
        {name: statistics.median(each) for name, each in times.items()},
        {name: max(each) for name, each in times.items()},
        [name for name, found in answers.items() if not all(complete for _, complete in found)],
    )


def _search(wire: Connection, words: str) -> dict[str, Any]:
    found: dict[str, Any] = wire.ok(op="search", words=words, limit=20)
    return found


def _answered_ms(wire: Connection, words: str) -> tuple[float, bool]:
    began = time.perf_counter()
    complete = _search(wire, words)["complete"]
    return (time.perf_counter() - began) * 1000, complete


if __name__ == "__main__":
    print(measure(*map(float, sys.argv[1:])))
