"""What a key of `luzia top` costs with 100,000 jobs: processor time for a frame, and bytes to the terminal.

The time is the processor's, so that a busy machine does not change it much. Exit code 1 when the median of a key is
over the budget of a frame.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from bench.measures import dispatch_pipelined  # noqa: E402
from support import private_daemon  # noqa: E402
from terminal import KEYS, Terminal, terminal  # noqa: E402

JOBS = 100_000
ROUNDS = 20
QUIET_S = 0.2
"""The terminal is written no more when nothing has come for this long: longer than the gap between two frames."""
COLUMNS, ROWS = 200, 50
BUDGET_S = 0.05
LUZIA = str(Path(sys.executable).with_name("luzia"))


class Pressed(NamedTuple):
    """Medians over the rounds: seconds of processor time, and at most; seconds until the first byte; bytes."""

    cpu_s: float
    most_cpu_s: float
    first_byte_s: float
    sent_bytes: float


def press() -> dict[str, Pressed]:
    """Press keys in a list of JOBS queued jobs on a large terminal."""
    with private_daemon(f"[daemon]\nmax_jobs = {2 * JOBS}\n") as daemon:
        with daemon.connect() as wire:
            wire.ok(op="pause_queue")
            dispatch_pipelined(wire, JOBS, b'"task":"fix the login button"')
        daemon.env["LUZIA_MONITOR_INTERVAL"] = "1000"  # no clock on the screen changes by itself
        with terminal([LUZIA, "top"], daemon.env, str(daemon.project), COLUMNS, ROWS) as screen:
            screen.shows(f"{JOBS} queued")
            screen.shows_no_more("loading")
            return {
                "draw the whole screen": _rounds(screen, [KEYS["ctrl-l"]]),
                "move the selection": _rounds(screen, ["j"]),
                "scroll by a page": _rounds(screen, [KEYS["pagedown"]]),
                "go to the end or the top": _rounds(screen, ["G", "g"]),
                "type a letter of a filter": _rounds(screen, ["/", "l", "\r", "\x1b"], of="l"),
                "sort": _rounds(screen, ["o", "c", "o", "t"], of="ct"),
                "group": _rounds(screen, ["b", "p", "b", "n"], of="pn"),
                "mark all, or none": _rounds(screen, ["*"]),
            }


def _rounds(screen: Terminal, keys: list[str], of: str = "") -> Pressed:
    """Press the keys in turn; measure those in `of`, all without it."""
    found = []
    for number in range(ROUNDS * len(keys)):
        key = keys[number % len(keys)]
        measured = _press(screen, key)
        if not of or key in of:
            found.append(measured)
    cpu, first, sent = zip(*found, strict=True)
    return Pressed(statistics.median(cpu), max(cpu), statistics.median(first), statistics.median(sent))


def _press(screen: Terminal, key: str) -> tuple[float, float, int]:
    before_cpu, before = _cpu_s(screen.process.pid), len(screen.raw)
    began = time.perf_counter()
    screen.type(key)
    screen.until(lambda now: len(now.raw) > before, "a change on the screen")
    changed_at = time.perf_counter()
    first_byte_s, seen = changed_at - began, before
    while time.perf_counter() - changed_at < QUIET_S:
        if len(screen.raw) != seen:
            changed_at, seen = time.perf_counter(), len(screen.raw)
        time.sleep(0.001)
    return _cpu_s(screen.process.pid) - before_cpu, first_byte_s, seen - before


def _cpu_s(pid: int) -> float:
    """Seconds of processor time of a process so far, which the kernel counts in nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def main() -> int:
    figures = press()
    for what, each in figures.items():
        print(
            f"{' ' if each.cpu_s <= BUDGET_S else '!'} {what}: {each.cpu_s * 1000:.1f} ms of the processor"
            f" (at most {each.most_cpu_s * 1000:.1f}), first byte after {each.first_byte_s * 1000:.1f} ms,"
            f" {each.sent_bytes:,.0f} bytes",
            flush=True,
        )
    return 0 if all(each.cpu_s <= BUDGET_S for each in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
