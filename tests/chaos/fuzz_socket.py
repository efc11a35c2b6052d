"""Sends broken, mutated and odd frames to a daemon, and counts its answers.

Run it alone for a million: `python tests/chaos/fuzz_socket.py --frames 1000000`. Every frame gets exactly one
answer (streams are left out, for they answer more than once), the daemon logs no failure of its own, and its memory
does not grow with the number of frames.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import Connection, PrivateDaemon, private_daemon

VALID: list[dict[str, Any]] = [
    {"op": "hello", "version": 1},
    {"op": "dispatch", "project": "overbits", "task": "true", "agent": "shell"},
    {"op": "dispatch", "project": "overbits", "argv": ["true"], "env": {"A": "1"}, "key": "k"},
    {"op": "status", "job": "@last"},
    {"op": "list", "limit": 5, "states": ["failed"], "projects": ["overbits"], "cursor": 7},
    {"op": "logs", "job": "@last", "tail": 3, "offset": 0, "max_bytes": 10},
    {"op": "cancel", "job": "000000-0000"},
    {"op": "retry", "job": "000000-0000"},
    {"op": "remove", "job": "000000-0000"},
    {"op": "progress", "job": "@last", "percent": 5, "label": "x"},
    {"op": "update_status", "job": "@last", "progress": 5, "message": "x"},
    {"op": "projects"},
    {"op": "agents"},
    {"op": "info"},
]
ODD: list[Any] = [
    None, True, -1, 0, 2**63, 2**70, 1e308, -0.0, "", "\0", "\x1b[2J", "é✓🎉", "\u202e", "a" * 5000, "../..", "@last",
    "agent:overbits:", [], [[]], [None], {}, {"a": {"b": 1}}, ["queued", "nosuch"], {"\0": "\0"}, {"A": None}, "9" * 99,
]  # fmt: skip
BYTES = [b"", b"\xff", b"\x00", b'"', b"}", b"{", b"\\u0000", b"\\ud800", b"1e999", b",", b"\xc3\x28", b" " * 50]


class Fuzzer:
    """Makes frames; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def frame(self) -> bytes:
        """One line with its newline; never blank, and never a stream's request."""
        request = dict(self._random.choice(VALID))
        for _ in range(self._random.choice((0, 1, 1, 2))):
            request[self._random.choice([*request, "id", "cwd", "timeout_s", "env", "attempt"])] = self._random.choice(
                ODD
            )
        line = json.dumps(request, ensure_ascii=self._random.random() < 0.5).encode("utf-8", "surrogatepass")
        if self._random.random() < 0.5:
            line = self._damaged(line)
        line = line.replace(b"\n", b" ")
        return (line if line.strip() else b"?") + b"\n"

    def _damaged(self, line: bytes) -> bytes:
        for _ in range(self._random.randint(1, 4)):
            start = self._random.randrange(len(line) + 1)
            end = min(len(line), start + self._random.choice((0, 0, 1, 5, 40)))
            line = line[:start] + self._random.choice(BYTES) + line[end:]
        return line


def fuzz(daemon: PrivateDaemon, frames: int, seed: int) -> int:
    """Send so many frames over one connection at a time, and return the daemon's growth in bytes since the first tenth.

    Raises AssertionError for a missing answer or a failure in the daemon's log.
    """
    fuzzer = Fuzzer(seed)
    block = 1000
    before = 0
    for number in range(0, frames, block):
        with daemon.connect() as wire:
            _exchange(wire, [fuzzer.frame() for _ in range(min(block, frames - number))])
        if number <= frames // 10:
            before = _rss(daemon)
    growth = _rss(daemon) - before
    log = daemon.log.read_text()
    for sign in ("Traceback", "request_failed", "never retrieved"):
        assert sign not in log, log[max(0, log.index(sign) - 2000) : log.index(sign) + 3000]
    return growth


def _exchange(wire: Connection, frames: list[bytes]) -> None:
    sender = threading.Thread(target=wire.send_bytes, args=(b"".join(frames),))
    sender.start()
    for frame in frames:
        answer = wire.receive()
        assert ("ok" in answer) != ("error" in answer), (frame, answer)
    sender.join()


def _rss(daemon: PrivateDaemon) -> int:
    with daemon.connect() as wire:
        size: int = wire.ok(op="info")["rss_bytes"]
        return size


CONFIG = "[daemon]\nmax_running = 2\nmax_jobs = 50\nmax_queued = 100\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with private_daemon(CONFIG) as daemon:
        growth = fuzz(daemon, options.frames, options.seed)
    print(f"{options.frames} frames, seed {options.seed}: all answered; the daemon grew by {growth / 1e6:.1f} MB")
    return 0 if growth < 32 * 1024 * 1024 else 1


if __name__ == "__main__":
    sys.exit(main())
