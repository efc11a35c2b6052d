"""A luzia of a test's own: real commands and a real daemon, in a directory that ends with the test."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.api.client import Client
from luzia_client.transport.endpoint import DaemonUnreachableError
from support import MAIN, install_luzia

DEADLINE_S = 60.0


class PrivateLuzia:
    """root: its directory. env: the environment that leads commands to it. project: a directory for jobs."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.project = os.path.join(root, "project")
        os.mkdir(self.project)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("LUZIA_")}
        self.env |= {
            "LUZIA_RUNTIME_DIR": os.path.join(root, "run"),
            "LUZIA_STATE_DIR": os.path.join(root, "state"),
            "LUZIA_CONFIG": os.path.join(root, "config.toml"),
            "LUZIA_MONITOR_INTERVAL": "0.1",
        }
        self.env.pop("NO_COLOR", None)
        self.socket = os.path.join(root, "run", "luzia.sock")
        self._started: list[subprocess.Popen[bytes]] = []

    def command(self, *words: str) -> list[str]:
        """The argv of a luzia command."""
        return [sys.executable, "-c", MAIN, *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*words), env=self.env, capture_output=True, timeout=DEADLINE_S, cwd=self.project
        )

    def start(self, *words: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """Start a command that will be ended with the test."""
        process = subprocess.Popen(
            self.command(*words),
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=self.project,
        )
        self._started.append(process)
        return process

    def install_command(self) -> None:
        """Put `luzia` on the PATH of what the test runs."""
        self.env["PATH"] = f"{install_luzia(Path(self.root, 'bin'))}:{self.env['PATH']}"

    def run_script(self, text: str) -> str:
        """What a script of bash, which must succeed, prints in the project's directory."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            env=self.env,
            cwd=self.project,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        assert done.returncode == 0, (text, done.stderr)
        return done.stdout

    def use_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lead the code of this process to this luzia as well."""
        for name in filter(lambda name: name.startswith("LUZIA_"), [*os.environ]):
            monkeypatch.delenv(name)
        for name in ("LUZIA_RUNTIME_DIR", "LUZIA_STATE_DIR", "LUZIA_CONFIG"):
            monkeypatch.setenv(name, self.env[name])

    def shell(self, command: str) -> str:
        """Dispatch a shell command; returns the job's id."""
        return self.client().dispatch(self.project, command, agent="shell").job

    def client(self) -> Client:
        """A client of the daemon, which it starts if there is none."""
        started = self.run("daemon", "start")
        assert started.returncode == 0, started.stderr
        return Client(self.socket, autostart=False)

    def kill_daemon(self) -> None:
        """Kill the daemon as a crash would."""
        pid = self.client().get_info().pid
        with _pidfd(pid) as process:
            os.kill(pid, signal.SIGKILL)
            _await(process)

    def stop_daemon(self) -> None:
        """Stop the daemon, and wait until its process has ended."""
        client = self.client()
        with _pidfd(client.get_info().pid) as process:
            client.stop_daemon()
            _await(process)

    def end(self) -> None:
        """End every job, command and process of this luzia."""
        for command in self._started:
            command.kill()
            command.communicate()
        try:
            client = Client(self.socket, autostart=False)
            info = client.get_info()
            live = [job.id for job in client.iter_jobs() if not job.state.is_final]
            for job in live:
                _cancel(client, job)
            client.wait(live, timeout_s=DEADLINE_S)
        except DaemonUnreachableError:
            return
        with _pidfd(info.pid) as daemon, _pidfd(info.fork_server_pid) as fork_server:
            client.stop_daemon()
            _await(daemon)
            _await(fork_server)


def _cancel(client: Client, job: str) -> None:
    """Cancel a job that may just have ended by itself."""
    try:
        client.cancel(job)
    except Refused as refused:
        if refused.code is not ErrorCode.JOB_FINAL:
            raise


@contextmanager
def private_luzia() -> Iterator[PrivateLuzia]:
    """A luzia for a `with` block."""
    root = tempfile.mkdtemp(prefix="luzia-test-")  # a socket's path must be short, and tmp_path is not
    luzia = PrivateLuzia(root)
    try:
        yield luzia
    finally:
        luzia.end()
        shutil.rmtree(root)


def until(holds: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait until something holds; fails with `what` after a generous deadline."""
    deadline = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


def count_wakeups(pid: int) -> int:
    """How often the threads of a process have been scheduled until now."""
    found = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        lines = (thread / "status").read_text().splitlines()
        found += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return found


@contextmanager
def _pidfd(pid: int | None) -> Iterator[int | None]:
    try:
        process = None if pid is None else os.pidfd_open(pid)
    except ProcessLookupError:
        process = None
    try:
        yield process
    finally:
        if process is not None:
            os.close(process)


def _await(process: int | None) -> None:
    if process is None:
        return
    poll = select.poll()
    poll.register(process, select.POLLIN)
    assert poll.poll(DEADLINE_S * 1000), "a process of the test's luzia did not end"
