"""An attempt on a node, without Ray: it runs under a guard, and ends with whoever watches it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from luzia_protocol.version import VERSION

from luziad.executor.ray import guard
from luziad.executor.ray.node import NodeAttempt, Order, Report
from luziad.jobs.attempt import AttemptRef, ExitRecord, LostAttempt

REF = AttemptRef("113754-a2f5", 1)


def order(command: str, version: str = VERSION, grace_s: float = 1.0) -> Order:
    """The order to run a shell command."""
    request = {
        "job": REF.job, "attempt": 1, "argv": ["/bin/sh", "-c", command], "env": {"PATH": os.environ["PATH"]},
        "cwd": "/", "prompt": "", "stdin_prompt": False, "merge_stderr": False, "grace_s": grace_s,
        "keep_children": False, "max_log_bytes": 1 << 30, "bounds": None, "first_line": None, "umask": None, "nice": 0,
    }  # fmt: skip
    return Order(json.dumps(request).encode(), "/home/there/113754-a2f5/1", version)


@pytest.fixture
async def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NodeAttempt]:
    monkeypatch.setenv("LUZIA_SPOOL", str(tmp_path))
    found = NodeAttempt("luzia", REF)
    yield found
    if found.has_order and not found.has_ended:
        found.command(guard.FENCE)
        await read_all(found)


async def read_all(attempt: NodeAttempt) -> Report:
    """Everything until the end."""
    total = Report()
    while total.end is None:
        part = await attempt.report(len(total.stdout), len(total.stderr), 5.0, started=total.pid is not None)
        total.stdout += part.stdout
        total.stderr += part.stderr
        total.pid, total.end, total.files = part.pid, part.end, part.files
    return total


async def until_output(attempt: NodeAttempt, text: bytes) -> int:
    """Wait for output; the agent's process."""
    while True:
        found = await attempt.report(0, 0, 5.0, started=True)
        if text in found.stdout and found.pid is not None:
            return found.pid
        await asyncio.sleep(0)  # let the start be read


async def test_output_and_exit_code_of_an_attempt(attempt: NodeAttempt) -> None:
    attempt.start(order("echo out; echo err >&2; exit 3"))
    attempt.start(order("echo repeated"))
    found = await read_all(attempt)
    assert (found.stdout, found.stderr) == (b"out\n", b"err\n")
    assert isinstance(found.end, ExitRecord)
    assert found.end.exit_code == 3


async def test_large_output_comes_in_parts(attempt: NodeAttempt) -> None:
    attempt.start(order("head -c 300000 /dev/zero"))
    assert len((await read_all(attempt)).stdout) == 300_000


async def test_a_cancelled_tree_ends_within_its_grace_time(attempt: NodeAttempt) -> None:
    attempt.start(order("trap '' TERM; echo up; while :; do sleep 0.1; done"))
    agent = await until_output(attempt, b"up\n")
    attempt.command(guard.TERMINATE)
    end = (await read_all(attempt)).end
    assert isinstance(end, ExitRecord)
    assert (end.signal, end.stopped) == ("SIGKILL", True)
    assert has_ended(agent)


async def test_an_attempt_that_is_cancelled_at_once_does_not_run(attempt: NodeAttempt, tmp_path: Path) -> None:
    attempt.start(order(f"touch {tmp_path}/ran"))
    attempt.command(guard.TERMINATE)
    end = (await read_all(attempt)).end
    assert isinstance(end, ExitRecord)
    assert end.stopped
    assert not (tmp_path / "ran").exists()


async def test_a_fenced_tree_ends_although_its_grace_time_is_long(attempt: NodeAttempt) -> None:
    attempt.start(order("trap '' TERM; echo up; while :; do sleep 0.1; done", grace_s=600.0))
    agent = await until_output(attempt, b"up\n")
    attempt.command(guard.FENCE)
    end = (await read_all(attempt)).end
    assert isinstance(end, LostAttempt), end
    assert "lease" in end.reason
    assert has_ended(agent)


async def test_the_tree_ends_when_the_worker_does_not_hold_its_pipe_any_more(attempt: NodeAttempt) -> None:
    attempt.start(order("echo up; setsid sleep 1000 & sleep 1000"))
    agent = await until_output(attempt, b"up\n")
    attempt.let_go()
    end = (await read_all(attempt)).end
    assert end is not None
    assert has_ended(agent)


async def test_the_tree_ends_when_its_guard_is_killed(attempt: NodeAttempt) -> None:
    attempt.start(order("echo up; sleep 1000"))
    agent = await until_output(attempt, b"up\n")
    os.kill(parent(parent(agent)), signal.SIGKILL)
    end = (await read_all(attempt)).end
    assert isinstance(end, LostAttempt)
    assert has_ended(agent)


async def test_another_version_of_luzia_is_refused_with_both(attempt: NodeAttempt) -> None:
    attempt.start(order("true", version="0.0.1"))
    end = (await read_all(attempt)).end
    assert isinstance(end, ExitRecord)
    assert end.error == f"cannot start on its node: luzia {VERSION} is installed there, and the daemon has 0.0.1"


async def test_nothing_is_left_when_an_attempt_is_forgotten(attempt: NodeAttempt, tmp_path: Path) -> None:
    attempt.start(order("true"))
    await read_all(attempt)
    await asyncio.to_thread(attempt.forget)
    assert not [*tmp_path.glob("luzia/jobs/*")]


def parent(pid: int) -> int:
    """The parent of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def has_ended(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
