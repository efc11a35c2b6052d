"""Measures what the MCP server of an agent costs: run it alone. Exit code 1 when a bound is missed.

first answer: from the start of a relay to its answer to `initialize`, against the whole run of a bare interpreter.
a tool's call: `status` by a relay and its hub, less the same request on the daemon's socket.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.measures import BARE_PYTHON, runner  # noqa: E402
from mcp_agent import McpLuzia, mcp_luzia  # noqa: E402
from support import Connection  # noqa: E402

ROUNDS = 21
CALLS = 300
RELAYS = 50
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}


class Relay:
    """A running `luzia mcp`."""

    def __init__(self, served: McpLuzia) -> None:
        program = [str(Path(sys.executable).with_name("luzia")), "mcp"]
        self.process = subprocess.Popen(
            program, env=served.luzia.env, cwd=served.luzia.project, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()
        assert b'"result"' in self.process.stdout.readline()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def memory_mb(pid: int) -> float:
    """The memory of a process that it has in the machine, in 10^6 bytes."""
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE") / 1e6


def first_answer(served: McpLuzia) -> float:
    """How many bare interpreters a relay's first answer takes, in alternation."""
    bare = runner(BARE_PYTHON, served.luzia.env)
    relay_s, bare_s = [], []
    for _ in range(ROUNDS):
        bare_s.append(bare())
        began = time.perf_counter()
        relay = Relay(served)
        relay.ask(INITIALIZE)
        relay_s.append(time.perf_counter() - began)
        relay.end()
    return statistics.median(relay_s) / statistics.median(bare_s)


def added_ms(served: McpLuzia, relay: Relay, job: str) -> float:
    """What a call of a tool takes longer than the request that it makes, in milliseconds."""
    by_tool, by_socket = [], []
    call = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "status", "arguments": {"job": job}}}
    with Connection(served.luzia.socket) as socket:
        for number in range(1, CALLS + 1):
            began = time.perf_counter()
            relay.ask(call | {"id": number})
            by_tool.append(time.perf_counter() - began)
            began = time.perf_counter()
            socket.ok(op="status", job=job)
            by_socket.append(time.perf_counter() - began)
    return (statistics.median(by_tool) - statistics.median(by_socket)) * 1000


def main() -> int:
    with mcp_luzia() as served:
        job = served.luzia.shell("true")
        first = Relay(served)
        first.ask(INITIALIZE)
        relays = [first]
        figures = [("first answer, in bare interpreters", first_answer(served), 6.0)]
        figures.append(("a tool's call, added ms", added_ms(served, first, job), 5.0))
        figures.append(("a relay, MB", memory_mb(first.process.pid), 14.0))
        for _ in range(RELAYS - 1):
            relays.append(Relay(served))
            relays[-1].ask(INITIALIZE)
        figures.append((f"the hub with {RELAYS} relays, MB", memory_mb(served.hub_pid()), 80.0))
        for relay in relays:
            relay.end()
    for what, figure, bound in figures:
        print(f"{'!' if figure > bound else ' '} {what}: {figure:.1f} (at most {bound:g})", flush=True)
    return int(any(figure > bound for _, figure, bound in figures))


if __name__ == "__main__":
    sys.exit(main())
