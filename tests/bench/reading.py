"""Measures how fast streams of agents are read, in megabytes a second of one core: run it alone.

The time is the processor's, so that a busy machine does not change it much. Exit code 1 when a bound is missed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from luziad.agents.line_splitter import LineSplitter  # noqa: E402
from luziad.agents.registry import BUILT_IN, PREFERENCE  # noqa: E402

RECORDINGS = ROOT / "tests" / "data" / "recordings"
LEAST_MB_S = 50.0
ROUNDS = 3
_BLOCK = 256 * 1024


def speed(agent: str, scenario: str = "success", megabytes: int = 50) -> float:
    """MB a second (10^6 bytes) at which a recording's lines, repeated, are cut, decoded and understood."""
    lines = (RECORDINGS / agent / f"{scenario}.stdout").read_bytes()
    data = lines * (megabytes * 1_000_000 // len(lines))
    blocks = [data[start : start + _BLOCK] for start in range(0, len(data), _BLOCK)]
    reader, splitter = BUILT_IN[agent].reader(), LineSplitter()
    before = time.process_time()
    for block in blocks:
        for line in splitter.feed(block):
            reader.feed(line)
    spent_s = time.process_time() - before
    assert reader.summary().noise_lines == 0
    return len(data) / 1e6 / spent_s


def main() -> int:
    missed = False
    for agent in PREFERENCE:
        best = max(speed(agent) for _ in range(ROUNDS))
        missed = missed or best < LEAST_MB_S
        print(f"{'!' if best < LEAST_MB_S else ' '} {agent}: {best:.0f} MB/s (at least {LEAST_MB_S:.0f})", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
