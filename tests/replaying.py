"""An agent that replays what a real one printed, as far as the test lets it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import TracebackType

from support import Connection

RECORDINGS = Path(__file__).parent / "data" / "recordings"

_PROGRAM = """
import os, signal, sys, time
recording, gate, after = sys.argv[1].split(" ")
lines = open(recording, "rb").read().splitlines(keepends=True)
with open(gate) as told:
    for count in told:
        os.write(1, b"".join(lines[:int(count)]))
        del lines[:int(count)]
os.write(1, b"".join(lines))
if after == "linger":
    signal.pause()
if after == "work":
    while time.process_time() < 2.0:
        pass
    after = 0
sys.exit(int(after))
"""
"""Prints so many lines as a line of the gate says, and all that are left when the gate is closed."""

AGENTS = "".join(
    f"[agents.{agent}]\ncommand = {json.dumps([sys.executable, '-SEc', _PROGRAM, '{task}'])}\n"
    for agent in ("claude", "codex", "gemini", "opencode", "vibe")
)
"""Configuration in which every known agent is one that replays a recording."""


class Replay:
    """A job whose agent prints a recording when told to. after: its exit code, `linger`, or `work`."""

    def __init__(self, wire: Connection, gate: Path, recording: str, after: str = "0", **fields: object) -> None:
        os.mkfifo(gate)
        agent = recording.partition("/")[0]
        task = f"{RECORDINGS / recording}.stdout {gate} {after}"
        self.job: str = wire.ok(op="dispatch", project="overbits", task=task, agent=agent, **fields)["job"]
        self.lines = len((RECORDINGS / f"{recording}.stdout").read_bytes().splitlines())
        self._gate = open(gate, "w", buffering=1)  # waits until the agent runs  # noqa: SIM115

    def print(self, lines: int) -> None:
        """Let it print so many more lines."""
        self._gate.write(f"{lines}\n")

    def finish(self) -> None:
        """Let it print the rest and end."""
        self._gate.close()

    def __enter__(self) -> Replay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gate.close()
