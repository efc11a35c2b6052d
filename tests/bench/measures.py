"""How the bench takes a time or counts wakeups."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from support import Connection

BARE_PYTHON = [sys.executable, "-I", "-S", "-c", "pass"]


def runner(command: list[str], environment: dict[str, str], cwd: Path | None = None) -> Callable[[], float]:
    """Runs a command, whose output nobody reads, and says how many seconds the whole process took."""

    def run() -> float:
        began = time.perf_counter()
        nowhere = subprocess.DEVNULL
        subprocess.run(command, env=environment, cwd=cwd, stdout=nowhere, stderr=nowhere, check=True)
        return time.perf_counter() - began

    return run


def switches(pid: int) -> int:
    """Context switches, wanted or not, of all threads of a process."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        total += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", (thread / "status").read_text())))
    return total


def processor_s(pid: int) -> float:
    """The processor time that all threads of a process have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def dispatch_pipelined(wire: Connection, count: int, what: bytes) -> list[str]:
    """Send so many dispatches without waiting, and return the ids."""
    line = b'{"op":"dispatch","project":"overbits",' + what + b"}\n"
    block = 200

    def send() -> None:
        for sent in range(0, count, block):
            wire.send_bytes(line * min(block, count - sent))

    sender = threading.Thread(target=send)
    sender.start()
    received = bytearray()
    lines = 0
    while lines < count:
        data = wire.socket.recv(1 << 20)
        lines += data.count(b"\n")
        received += data
    sender.join()
    return [json.loads(answer)["ok"]["job"] for answer in received.splitlines()]
