"""The demo as a user runs it: it shows everything, and leaves nothing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

from private_luzia import DEADLINE_S
from support import MAIN


@pytest.fixture
def empty() -> Iterator[str]:
    """A directory for temporary files; the path of a socket in it must be short."""
    directory = tempfile.mkdtemp(prefix="luzia-t-")
    yield directory
    shutil.rmtree(directory)


def demo(empty: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LUZIA_")}
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, "demo"],
        env={**env, "TMPDIR": empty},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_of(directory: str) -> list[str]:
    """The command lines of processes whose environment or arguments name the directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environ, open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                arguments = cmdline.read()
                if directory.encode() in environ.read() + arguments:
                    found.append(arguments.decode(errors="replace"))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def test_the_demo_runs_five_tasks_measures_and_leaves_nothing(empty: str) -> None:
    process = demo(empty)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, err) == (0, "")
    assert len(re.findall(r"^✓ Dispatched  .*agent:demo:\S+$", out, re.MULTILINE)) == 5
    assert re.search(r"^5 dispatches at once through the Python API: [\d.]+ ms$", out, re.MULTILINE)
    assert len(re.findall(r"^  \S+  status: \w+ +[\d.]+ ms$", out, re.MULTILINE)) == 5
    assert re.search(r"running \[█+░*\] \d+% tested", out)
    assert "Running: 0  Pending: 0  Completed: 4  Failed: 1  Cancelled: 0" in out
    assert "a line is longer than 79 characters" in out
    assert re.search(r"^  dispatched +\d+ tasks per second", out, re.MULTILINE)
    for figure in ("dispatch", "dispatched", "status", "list", "tasks", "memory"):
        assert re.search(rf"^  {figure} +\d", out, re.MULTILINE)
    assert os.listdir(empty) == []
    assert processes_of(empty) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_either(empty: str, number: signal.Signals) -> None:
    process = demo(empty)
    assert process.stdout is not None
    while "running" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 128 + number
    assert "Traceback" not in out + err
    assert os.listdir(empty) == []
    assert processes_of(empty) == []
