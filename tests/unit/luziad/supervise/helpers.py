"""Shims without an executor: what a request holds, and a fork server to send it to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from luziad.supervise import boot_clock
from native_programs import SANITIZERS
from support import ROOT

DEADLINE_S = 60.0


def request(directory: Path, *argv: str, **changes: Any) -> dict[str, Any]:
    """The request for an attempt in `directory`."""
    plain: dict[str, Any] = {
        "job": directory.parent.name,
        "attempt": int(directory.name),
        "directory": str(directory),
        "argv": list(argv),
        "env": {"PATH": os.environ["PATH"]},
        "cwd": "/",
        "prompt": "",
        "stdin_prompt": False,
        "merge_stderr": False,
        "grace_s": 30.0,
        "keep_children": False,
        "max_log_bytes": 1 << 30,
        "bounds": None,
    }
    return plain | changes


def python(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Run a script with the standard library and luziad.supervise alone, as the fork server does."""
    head = f"import sys; sys.path.append({str(ROOT)!r})\n"
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", head + script, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def native_command(program: Path, *, base: str | None = None) -> list[str]:
    """The native fork server, and what the daemon tells it. base: the directory of cgroups."""
    return [str(program), base or "", boot_clock.boot_id()]


class ForkServer:
    """A real fork server, spoken to by hand. command: that of a native one."""

    def __init__(self, command: list[str] | None = None) -> None:
        if command is None:
            self.process = python("from luziad.supervise.forkserver import main; main()")
        else:
            pipe = subprocess.PIPE
            environment = os.environ | SANITIZERS
            self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, start_new_session=True)

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, *requests: dict[str, Any]) -> None:
        self.write(b"".join(json.dumps(each).encode() + b"\n" for each in requests))

    def reply(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line: dict[str, Any] = json.loads(self.process.stdout.readline())
        return line

    def end(self) -> int:
        """Close its input, and return its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(DEADLINE_S)


def exit_record(directory: Path) -> dict[str, Any]:
    """The attempt's exit record."""
    record: dict[str, Any] = json.loads((directory / "exit.json").read_text())
    return record
