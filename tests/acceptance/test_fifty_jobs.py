"""Fifty running jobs: all around them is killed, restarted or replaced, they go on, and nobody misses a thing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol.events import Ended, Event

from luzia_client.api.client import Client
from luziad.supervise import tree
from support import DEADLINE_S, MAIN, PrivateDaemon, eventually, private_daemon

ROOT = Path(__file__).resolve().parents[2]
FIFTY = range(50)
CONFIG = "[daemon]\nmax_running = 64\ngrace_s = 0.5\n"
OLD = """
import sys
sys.path[:0] = [{tree!r}, {tree!r} + "/protocol"]
from luziad import cli
sys.exit(cli.main())
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(CONFIG) as running:
        yield running


class Fifty:
    """Fifty jobs that run until `release`. Job n writes down each run of it, and ends with exit code n."""

    def __init__(self, daemon: PrivateDaemon) -> None:
        self.daemon = daemon
        self.gate = daemon.root / "gate"
        self.runs = daemon.root / "runs"
        os.mkfifo(self.gate)
        with daemon.connect() as wire:
            for number in FIFTY:
                task = f"echo {number} >> {self.runs}; echo before; cat {self.gate}; echo after; exit {number}"
                wire.send(op="dispatch", project="overbits", task=task, key=f"job-{number}")
            self.jobs: list[str] = [wire.receive()["ok"]["job"] for _ in FIFTY]
        eventually(lambda: self.count("running") == 50, "fifty running jobs")
        eventually(lambda: len(self.runs.read_text().split()) == 50, "fifty agents at the gate")

    def count(self, state: str) -> int:
        with self.daemon.connect() as wire:
            return int(wire.ok(op="info")["counts"].get(state, 0))

    def details(self, job: str) -> dict[str, Any]:
        with self.daemon.connect() as wire:
            found: dict[str, Any] = wire.ok(op="status", job=job)["job"]
            return found

    def pids(self) -> list[int]:
        return [self.details(job)["pid"] for job in self.jobs]

    def release(self) -> None:
        """Let all go on that stand at the gate; some may still be on their way to it."""
        over = threading.Event()

        def open_again_and_again() -> None:
            while not over.is_set():
                try:
                    os.close(os.open(self.gate, os.O_WRONLY | os.O_NONBLOCK))
                except OSError:
                    over.wait(0.01)  # nobody stands there now

        opening = threading.Thread(target=open_again_and_again)
        opening.start()
        try:
            with self.daemon.connect() as wire:
                wire.ok(op="wait", jobs=self.jobs)
        finally:
            over.set()
            opening.join()

    def check(self, but: frozenset[str] = frozenset()) -> None:
        """Each ran once, and ended with its exit code and all of its output."""
        assert sorted(map(int, self.runs.read_text().split())) == list(FIFTY)
        with self.daemon.connect() as wire:
            for number, job in enumerate(self.jobs):
                if job in but:
                    continue
                found = wire.ok(op="status", job=job)["job"]
                state = "completed" if number == 0 else "failed"
                assert (found["state"], found["exit_code"], found["signal"]) == (state, number, None)
                assert [each["outcome"] for each in found["attempts"]] == [state]
                assert wire.ok(op="logs", job=job)["data"] == "before\nafter\n"


class Followers:
    """Commands and a subscriber that watch the fifty from before the first disturbance on."""

    def __init__(self, fifty: Fifty) -> None:
        self._daemon = fifty.daemon
        self._jobs = fifty.jobs
        self._commands: dict[str, subprocess.Popen[bytes]] = {}
        self.events: list[Event] = []
        self._subscriber = threading.Thread(target=self._subscribe, daemon=True)
        with fifty.daemon.connect() as wire:
            self._start("wait", "wait", *fifty.jobs, "--json")
            eventually(lambda: wire.ok(op="info")["subscribers"] == 1, "the command that waits")
            assert wire.ok(op="info")["connections"] == 2, "it waits and follows questions on one connection"
            self._start("watch", "jobs", "--watch", "--json")
            self._subscriber.start()
            eventually(
                lambda: wire.ok(op="info")["subscribers"] == 3, "the waiting command, the watcher and the subscriber"
            )
        for job in fifty.jobs[:5]:
            self._start(f"logs-{job}", "logs", "-f", job)
        eventually(lambda: all(said == "before\n" for said in self._logs()), "what was printed before")

    def _logs(self) -> list[str]:
        return [self._said(name) for name in self._commands if name.startswith("logs-")]

    def _start(self, name: str, *words: str) -> None:
        with self._output(name).open("wb") as output:
            self._commands[name] = subprocess.Popen(
                [sys.executable, "-c", MAIN, *words], env=self._daemon.env, stdout=output, stderr=subprocess.PIPE
            )

    def _output(self, name: str) -> Path:
        return self._daemon.root / f"{name}.out"

    def _said(self, name: str) -> str:
        return self._output(name).read_text()

    def _subscribe(self) -> None:
        with Client(self._daemon.socket, autostart=False, reconnect_s=DEADLINE_S) as client:
            left = set(self._jobs)
            for event in client.subscribe(after=0):
                self.events.append(event)
                if isinstance(event, Ended):
                    left.discard(event.job)
                if not left:
                    return

    def check(self) -> None:
        """All have seen everything once and are done."""
        complaints = {name: command.communicate(timeout=DEADLINE_S)[1] for name, command in self._commands.items()}
        assert {name: words for name, words in complaints.items() if words} == {}
        assert self._logs() == ["before\nafter\n"] * 5
        for name in ("wait", "watch"):
            shown = [json.loads(line) for line in self._said(name).splitlines()]
            codes = {job["id"]: job["exit_code"] for job in shown}
            assert [codes[job] for job in self._jobs] == list(FIFTY)
        self._subscriber.join(DEADLINE_S)
        seqs = [event.seq for event in self.events]
        assert seqs == sorted(set(seqs))
        with self._daemon.connect() as wire:
            wire.ok(op="subscribe", after=0)
            history = [wire.receive()["event"]["seq"] for _ in seqs]
        assert seqs == history, "nothing was missed"


def crash(daemon: PrivateDaemon) -> None:
    daemon.kill()
    daemon.start()


def restart(daemon: PrivateDaemon) -> None:
    """`luzia daemon restart`, whose new daemon the test takes over."""
    assert daemon.process is not None
    before = daemon.process
    done = daemon.run("daemon", "restart")
    assert done.returncode == 0, done.stderr
    assert before.wait(DEADLINE_S) == 0
    with daemon.connect() as wire:
        pid = wire.ok(op="info")["pid"]
        descriptor = os.pidfd_open(pid)
        assert wire.ok(op="shutdown") == {"pid": pid, "running": 50}
    try:
        assert select.select([descriptor], [], [], DEADLINE_S)[0]
    finally:
        os.close(descriptor)
    daemon.start()


def kill_fork_server(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        pid = wire.ok(op="info")["fork_server_pid"]
        os.kill(pid, 9)
        eventually(lambda: not Path(f"/proc/{pid}").exists())
        job = wire.ok(op="dispatch", project="overbits", task="echo a new one starts")["job"]
        assert wire.ok(op="wait", jobs=[job])["jobs"][0]["state"] == "completed"
        assert wire.ok(op="info")["fork_server_pid"] not in (None, pid)
        wire.ok(op="remove", job=job)


@pytest.mark.parametrize("disturbances", [(crash, kill_fork_server), (restart, crash)], ids=["killed", "restarted"])
def test_fifty_running_jobs_and_all_who_follow_them_go_on(
    daemon: PrivateDaemon, disturbances: tuple[Callable[[PrivateDaemon], None], ...]
) -> None:
    fifty = Fifty(daemon)
    followers = Followers(fifty)
    before = fifty.pids()
    for disturb in disturbances:
        disturb(daemon)
        eventually(lambda: fifty.count("running") == 50, "fifty that run")
        assert fifty.pids() == before
    fifty.release()
    followers.check()
    fifty.check()


def test_fifty_running_jobs_end_while_there_is_no_daemon(daemon: PrivateDaemon) -> None:
    fifty = Fifty(daemon)
    daemon.kill()
    records = [daemon.state / "jobs" / job / "1" / "exit.json" for job in fifty.jobs]

    def all_ended() -> bool:
        with contextlib.suppress(OSError):  # nobody stands at the gate now
            os.close(os.open(fifty.gate, os.O_WRONLY | os.O_NONBLOCK))
        return all(record.exists() for record in records)

    eventually(all_ended, "fifty exit records")
    daemon.start()
    with daemon.connect() as wire:
        wire.ok(op="wait", jobs=fifty.jobs)
    fifty.check()


def old_tree(root: Path) -> Path:
    """A luzia of another version: the tree that LUZIA_TEST_OLD_TREE names, or else a copy of this one."""
    if given := os.environ.get("LUZIA_TEST_OLD_TREE"):
        return Path(given)
    tree = root / "old"
    for package in ("luziad", "protocol"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    version = tree / "protocol" / "luzia_protocol" / "version.py"
    version.write_text(re.sub(r'VERSION = "[^"]+"', 'VERSION = "0.0.1"', version.read_text(), count=1))
    return tree


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_fifty_running_jobs_go_on_under_a_newer_luziad(how: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        root = Path(directory)
        daemon = PrivateDaemon(root, CONFIG)
        tree = old_tree(root)
        try:
            daemon.start(["-c", OLD.format(tree=str(tree))])
            fifty = Fifty(daemon)
            before = fifty.pids()
            followers = Followers(fifty)
            with daemon.connect() as wire:
                old = wire.ok(op="info")
                shims = Path(f"/proc/{old['fork_server_pid']}/cmdline").read_bytes()
                assert str(tree).encode() in shims, "the old one's fork server has the old one's code"
            daemon.kill() if how == "kill" else daemon.stop()
            daemon.start()
            with daemon.connect() as wire:
                new = wire.ok(op="info")
            assert (old["version"] == new["version"], new["counts"]) == (False, {"running": 50})
            assert fifty.pids() == before
            fifty.release()
            followers.check()
            fifty.check()
        finally:
            daemon.end_everything()


def test_of_fifty_shims_some_are_killed_and_what_they_leave_alive_is_found_told_and_ended(
    daemon: PrivateDaemon,
) -> None:
    fifty = Fifty(daemon)
    doomed = fifty.jobs[::5]
    agents = [fifty.details(job)["pid"] for job in doomed]
    for job in doomed:
        lock = json.loads((daemon.state / "jobs" / job / "1" / "lock").read_text())
        os.kill(lock["pid"], 9)
    with daemon.connect() as wire:
        for job in wire.ok(op="wait", jobs=doomed)["jobs"]:
            assert (job["state"], job["outcome"]) == ("lost", "lost")
            assert "its shim was killed" in job["reason"]
            assert "killed 2 remaining processes" in job["reason"], "the shell, and its cat"
    alive = [process for pid in agents if (process := tree.read(pid)) is not None and process.state not in "ZX"]
    assert alive == []
    assert daemon.log.read_text().count("survivors_killed") == len(doomed)
    assert fifty.count("running") == 40
    fifty.release()
    fifty.check(but=frozenset(doomed))
