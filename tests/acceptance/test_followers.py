"""`wait`, `jobs --watch` and `logs -f` go on over crashes and restarts of the daemon, and end cleanly."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luzia_client.api.client import Client
from luzia_client.transport import autostart
from luzia_client.transport.endpoint import DaemonUnreachableError
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until

NUMBERS = 'n=0; until [ -e stop ]; do n=$((n+1)); echo "line $n"; sleep 0.005; done; printf "the end"'
ON_A_TERMINAL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


class Terminal:
    """A command that has a terminal of its own, with somebody at its keys."""

    def __init__(self, luzia: PrivateLuzia, *words: str, columns: int = 80, rows: int = 24) -> None:
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self._theirs)
        self.written = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_A_TERMINAL, *luzia.command(*words)],
            env={**luzia.env, "TERM": "xterm-256color"},
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            cwd=luzia.project,
        )

    def read_until(self, text: str) -> None:
        os.set_blocking(self._ours, False)

        def there() -> bool:
            self._read()
            return text.encode() in self.written

        until(there, f"{text!r} on the terminal")

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def end(self) -> int:
        status = self.process.wait(DEADLINE_S)
        os.set_blocking(self._ours, False)
        self._read()
        return status

    def is_sane(self) -> bool:
        """The echo and all other settings are as before, the cursor is shown and long lines are wrapped."""
        shown = self.written.rfind(b"\x1b[?25h") >= self.written.rfind(b"\x1b[?25l")
        wraps = self.written.rfind(b"\x1b[?7h") >= self.written.rfind(b"\x1b[?7l")
        return shown and wraps and termios.tcgetattr(self._theirs) == self.before

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._ours, 65536):
                self.written += data


def follow_into(luzia: PrivateLuzia, path: Path, *words: str) -> subprocess.Popen[bytes]:
    with path.open("wb") as output:
        return luzia.start(*words, stdout=output.fileno())


def grows(path: Path, by: int) -> None:
    """Wait until the file has so many more lines."""
    before = path.read_bytes().count(b"\n")
    until(lambda: path.read_bytes().count(b"\n") >= before + by, f"{by} more lines in {path.name}")


def contains(path: Path, text: str) -> None:
    until(lambda: text in path.read_text(), f"{text} in {path.name}")


def restart(luzia: PrivateLuzia) -> None:
    assert luzia.run("daemon", "restart").returncode == 0


def crash_and_start(luzia: PrivateLuzia) -> None:
    luzia.kill_daemon()
    assert luzia.run("daemon", "start").returncode == 0


def written_by(luzia: PrivateLuzia, job: str) -> bytes:
    return Path(luzia.root, "state", "jobs", job, "1", "stdout").read_bytes()


def test_followed_output_is_exact_over_crashes_and_restarts(luzia: PrivateLuzia) -> None:
    job = luzia.shell(NUMBERS)
    plain, as_json = Path(luzia.root, "plain"), Path(luzia.root, "json")
    following = [
        follow_into(luzia, plain, "logs", "-f", job),
        follow_into(luzia, as_json, "logs", "-f", job, "--json"),
    ]
    for disturb in (crash_and_start, restart, crash_and_start, restart):
        grows(plain, by=20)
        grows(as_json, by=3)
        disturb(luzia)
    grows(plain, by=20)
    Path(luzia.project, "stop").touch()
    assert [command.wait(DEADLINE_S) for command in following] == [0, 0]
    expected = written_by(luzia, job)
    lines = expected.decode().split("\n")
    assert lines == [f"line {n}" for n in range(1, len(lines))] + ["the end"]
    assert plain.read_bytes() == expected
    *pieces, end = [json.loads(line) for line in as_json.read_text().splitlines()]
    assert "".join(piece["data"] for piece in pieces).encode() == expected
    assert (end["offset"], end["state"]) == (len(expected), "completed")


@pytest.mark.parametrize("disturb", [crash_and_start, restart])
def test_a_wait_ends_with_the_outcome_over_a_crash_and_a_restart(luzia: PrivateLuzia, disturb: Any) -> None:
    gate = Path(luzia.root, "gate")
    os.mkfifo(gate)
    job = luzia.shell(f"cat {gate}; exit 7")
    part = job[-4:]  # must mean the same job after the restart, although others may end so by then
    waiting = luzia.start("wait", part)
    until(lambda: luzia.client().get_info().subscribers == 1, "the command waits")
    disturb(luzia)
    assert waiting.poll() is None
    gate.write_text("")
    said, complaints = waiting.communicate(timeout=DEADLINE_S)
    assert (waiting.returncode, said.decode(), complaints) == (1, f"{job}  failed  exit code 7\n", b"")


@pytest.mark.parametrize("one", [True, False])
def test_a_watcher_sees_every_change_once_over_crashes_and_restarts(luzia: PrivateLuzia, one: bool) -> None:
    gate = Path(luzia.root, "gate")
    os.mkfifo(gate)
    job = luzia.shell(f"cat {gate}")
    seen = Path(luzia.root, "seen")
    watching = follow_into(luzia, seen, "jobs", *([job] if one else []), "--watch", "--json")
    contains(seen, '"running"')
    for percent, disturb in ((10, crash_and_start), (20, restart), (30, crash_and_start)):
        luzia.client().report_progress(job, percent=percent)
        contains(seen, f'"percent":{percent}')
        disturb(luzia)
    luzia.client().report_progress(job, percent=40)
    gate.write_text("")
    assert watching.wait(DEADLINE_S) == 0
    changes = [json.loads(line) for line in seen.read_text().splitlines()]
    reported = [change["progress"]["percent"] for change in changes if change["progress"]]
    assert reported == [10, 20, 30, 40, 100]
    assert [change["state"] for change in changes][-2:] == ["running", "completed"]
    assert len({change["seq"] for change in changes}) == len(changes)


def test_a_daemon_that_crashed_is_started_again_by_whoever_waits(luzia: PrivateLuzia) -> None:
    job = luzia.shell("until [ -e stop ]; do sleep 0.02; done")
    waiting = luzia.start("wait", job)
    until(lambda: luzia.client().get_info().subscribers == 1, "the command waits")
    luzia.kill_daemon()
    Path(luzia.project, "stop").touch()
    assert waiting.wait(DEADLINE_S) == 0


def test_a_daemon_that_was_stopped_stays_so_whoever_waits(luzia: PrivateLuzia, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LUZIA_RUNTIME_DIR", "LUZIA_STATE_DIR", "LUZIA_CONFIG"):
        monkeypatch.setenv(name, luzia.env[name])
    job = luzia.shell("until [ -e stop ]; do sleep 0.02; done")
    with Client(luzia.socket, reconnect_s=0.5) as client:
        events = client.subscribe(after=0, jobs=[job])
        next(events)
        assert luzia.run("daemon", "stop").returncode == 0
        with pytest.raises(DaemonUnreachableError, match="was stopped"):
            list(events)
        assert not autostart.is_listening(luzia.socket)
        assert client.wait([job], timeout_s=0).timed_out  # a new request is what brings it back


@pytest.mark.parametrize("words", [("wait",), ("logs", "-f"), ("jobs", "--watch")])
def test_ctrl_c_ends_with_130_and_leaves_the_terminal_as_it_was(luzia: PrivateLuzia, words: tuple[str, ...]) -> None:
    job = luzia.shell("echo begun; sleep 1000")
    terminal = Terminal(luzia, *words, job)
    try:
        if words[0] == "wait":
            until(lambda: luzia.client().get_info().subscribers == 1, "the command waits")
        else:
            terminal.read_until("begun" if words[0] == "logs" else "running")
        terminal.type(b"\x03")
        assert terminal.end() == 130
        assert terminal.is_sane()
        assert b"Traceback" not in terminal.written
    finally:
        terminal.close()


def test_a_killed_watch_gives_the_terminal_back(luzia: PrivateLuzia) -> None:
    job = luzia.shell("sleep 1000")
    terminal = Terminal(luzia, "jobs", "--watch", job)
    try:
        terminal.read_until("running")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 143
        assert terminal.is_sane()
    finally:
        terminal.close()


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_a_live_screen_goes_on_over_a_restart(luzia: PrivateLuzia, columns: int, rows: int) -> None:
    gate = Path(luzia.root, "gate")
    os.mkfifo(gate)
    job = luzia.shell(f"cat {gate}; exit 3")
    terminal = Terminal(luzia, "jobs", "--watch", columns=columns, rows=rows)
    try:
        terminal.read_until("running")
        restart(luzia)
        luzia.client().report_progress(job, percent=50, label="半分 done")
        terminal.read_until("50% 半分 done")
        gate.write_text("")
        assert terminal.end() == 0
        assert terminal.is_sane()
        assert f"✗ {job} failed: exit code 3" in terminal.written.decode()
    finally:
        terminal.close()
