"""Real executors over directories of their own, and ways to look at the processes of a test."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from luziad.executor.base import Launch
from luziad.executor.local import LocalExecutor
from luziad.jobs.attempt import AttemptEnd, AttemptRef, ExitRecord
from luziad.jobs.directories import JobDirectories
from luziad.output.inotify import FileWatcher

T = TypeVar("T")
DEADLINE_S = 60.0
GRACE_S = 30.0

DAEMONISE = """
import os, signal, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
open(os.environ["READY"] + "/" + str(os.getpid()), "x").close()
while True: time.sleep(600)
"""
"""Leaves the agent's session and parent by forking twice, and minds no polite signal."""

START_HIDERS = f"""
import os, subprocess, sys, time
for _ in range(3): subprocess.Popen([sys.executable, "-c", {DAEMONISE!r}])
while len(os.listdir(os.environ["READY"])) < 3: time.sleep(0.01)
"""
"""Starts three of them and goes on when they have hidden."""


async def eventually(condition: Callable[[], T]) -> T:
    """Wait until the condition returns something true, and return that."""
    async with asyncio.timeout(DEADLINE_S):
        while not (result := condition()):  # noqa: ASYNC110 (whatever is waited for: files, processes)
            await asyncio.sleep(0.01)
    return result


class Recorder:
    """An observer that keeps every fact in order."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.facts: list[tuple[str, AttemptRef, Any]] = []

    def attempt_started(self, ref: AttemptRef, pid: int, started_at: float, ran_s: float) -> None:
        self.facts.append(("started", ref, pid))

    def attempt_ended(self, ref: AttemptRef, end: AttemptEnd) -> None:
        self.facts.append(("ended", ref, end))

    def start_hindered(self, problem: str) -> None:
        self.problems.append(problem)

    def of(self, ref: AttemptRef, kind: str) -> list[Any]:
        return [value for what, whose, value in self.facts if whose == ref and what == kind]

    async def start_of(self, ref: AttemptRef) -> int:
        pid: int = (await eventually(lambda: self.of(ref, "started")))[0]
        return pid

    async def end_of(self, ref: AttemptRef) -> AttemptEnd:
        end: AttemptEnd = (await eventually(lambda: self.of(ref, "ended")))[0]
        return end

    async def exit_of(self, ref: AttemptRef) -> ExitRecord:
        end = await self.end_of(ref)
        assert isinstance(end, ExitRecord), end
        return end


class Machine:
    """Executors over one jobs directory; nothing that they started is left in the end."""

    def __init__(self, root: Path) -> None:
        self.jobs = root / "jobs"
        self.ready = root / "ready"
        self.ready.mkdir()
        self.mark = uuid.uuid4().hex
        self._executors: list[LocalExecutor] = []

    async def executor(self) -> tuple[LocalExecutor, Recorder]:
        """A started executor and its observer."""
        directories = JobDirectories(str(self.jobs), str(self.jobs))
        executor, recorder = LocalExecutor(str(self.jobs), directories, FileWatcher()), Recorder()
        self._executors.append(executor)
        await executor.start(recorder)
        return executor, recorder

    def launch(self, ref: AttemptRef, *argv: str, **changes: Any) -> Launch:
        """A launch of a harmless kind, with a mark in its environment by which its processes are found."""
        env = {"PATH": os.environ["PATH"], "MARK": self.mark, "READY": str(self.ready)}
        cwd = str(self.ready)
        plain = Launch(ref, list(argv), env, cwd, "", stdin_prompt=False, merge_stderr=False, grace_s=30.0)
        return msgspec.structs.replace(plain, **changes)

    def python(self, ref: AttemptRef, script: str, **changes: Any) -> Launch:
        """A launch of a Python script."""
        return self.launch(ref, sys.executable, "-I", "-S", "-c", script, **changes)

    def attempt(self, ref: AttemptRef) -> Path:
        """The attempt's directory."""
        return self.jobs / ref.job / str(ref.attempt)

    def shim(self, ref: AttemptRef) -> int:
        """The process id of the attempt's shim."""
        pid: int = self.lock(ref)["pid"]
        return pid

    def lock(self, ref: AttemptRef) -> dict[str, Any]:
        """What the attempt's shim has written into its lock."""
        holder: dict[str, Any] = json.loads((self.attempt(ref) / "lock").read_text())
        return holder

    def processes(self) -> list[int]:
        """The living processes that agents of this test started, whoever their parent is now."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._is_marked(pid)]

    def _is_marked(self, pid: int) -> bool:
        try:
            return f"MARK={self.mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False

    async def fork_server(self) -> int:
        """The process id of the newest executor's fork server, which is this process's child."""
        return (await eventually(fork_servers))[-1]

    async def end_everything(self) -> None:
        for executor in self._executors:
            await executor.stop()
        for lock in self.jobs.glob("*/*/lock"):
            if lock.stat().st_size:
                await asyncio.to_thread(_end_shim, json.loads(lock.read_text()))
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)


def fork_servers() -> list[int]:
    """This process's fork servers that live and have given themselves their name, oldest first."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in map(int, children) if name(pid) == "luzia-forks" and state(pid) != "Z"]


def name(pid: int) -> str:
    """The name of a process, or an empty text when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def state(pid: int) -> str:
    """The state letter of a process, or an empty text when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _end_shim(holder: dict[str, Any]) -> None:
    try:
        descriptor = os.pidfd_open(holder["pid"])
    except ProcessLookupError:
        return
    try:
        stat = Path(f"/proc/{holder['pid']}/stat").read_text()
        if int(stat.rpartition(")")[2].split()[19]) != holder["start_time"]:
            return
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        if not poller.poll(DEADLINE_S * 1000):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except (ProcessLookupError, FileNotFoundError):
        return
    finally:
        os.close(descriptor)
