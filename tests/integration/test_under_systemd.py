"""The daemon as systemd runs it: on a socket that is open already, and telling how it is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import DEADLINE_S, PrivateDaemon

START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "luziad.socket"}
os.execv(sys.executable, [sys.executable, "-m", "luziad"])
"""


class Manager:
    """What systemd does for a service: its listening socket, and the notifications that come from it."""

    def __init__(self, root: Path) -> None:
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(root / "notify"))
        self.notified.settimeout(DEADLINE_S)
        self.daemon = PrivateDaemon(root)
        self.daemon.env |= {"NOTIFY_SOCKET": str(root / "notify"), "WATCHDOG_USEC": "200000"}
        (root / "run").mkdir(mode=0o700)
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.daemon.socket)
        self.listening.listen()

    def start(self) -> None:
        """Start the service; it is ready when it says so."""
        with open(self.daemon.log, "ab") as log:
            self.daemon.process = subprocess.Popen(
                [sys.executable, "-c", START, str(self.listening.fileno())],
                env=self.daemon.env,
                pass_fds=(self.listening.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_for(self, state: str) -> None:
        """Take in notifications until this one comes."""
        while self.notified.recv(4096).decode() != state:
            assert self.daemon.process is not None
            assert self.daemon.process.poll() is None, self.daemon.log.read_text()

    def close(self) -> None:
        self.daemon.end_everything()
        self.listening.close()
        self.notified.close()


@pytest.fixture
def manager() -> Iterator[Manager]:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as root:
        manager = Manager(Path(root))
        yield manager
        manager.close()


def test_a_client_that_came_before_the_daemon_is_answered(manager: Manager) -> None:
    with manager.daemon.connect() as early:
        early.send(op="info")
        manager.start()
        assert early.receive()["ok"]["socket"] == manager.daemon.socket


def test_the_manager_hears_that_the_daemon_is_ready_lives_and_stops(manager: Manager) -> None:
    manager.start()
    manager.wait_for("READY=1")
    manager.wait_for("WATCHDOG=1")
    manager.wait_for("WATCHDOG=1")
    assert manager.daemon.process is not None
    manager.daemon.process.send_signal(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert manager.daemon.process.wait(DEADLINE_S) == 0


def test_the_managers_socket_outlives_the_daemon_and_serves_the_next_one(manager: Manager) -> None:
    manager.start()
    manager.wait_for("READY=1")
    with manager.daemon.connect() as connection:
        job = connection.ok(op="dispatch", project="overbits", task="true")["job"]
    manager.daemon.stop()
    assert os.path.exists(manager.daemon.socket)
    with manager.daemon.connect() as early:
        early.send(op="wait", jobs=[job])
        manager.start()
        assert early.receive()["ok"]["jobs"][0]["state"] == "completed"


def test_a_job_does_not_inherit_the_managers_variables(manager: Manager) -> None:
    manager.start()
    with manager.daemon.connect() as connection:
        job = connection.ok(op="dispatch", project="overbits", task="env")["job"]
        connection.ok(op="wait", jobs=[job])
        output = connection.ok(op="logs", job=job)["data"]
    assert "LUZIA_JOB_ID" in output
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"} & {line.split("=")[0] for line in output.splitlines()}


def test_the_manager_hears_of_jobs(manager: Manager) -> None:
    manager.start()
    manager.wait_for("STATUS=Idle")
    with manager.daemon.connect() as connection:
        job = connection.ok(op="dispatch", project="overbits", task="exec sleep 600")["job"]
        manager.wait_for("STATUS=Jobs: 1 running")
        connection.ok(op="cancel", job=job)
        manager.wait_for("STATUS=Idle")


def test_a_daemon_does_not_take_the_path_of_a_socket_that_systemd_has_made(manager: Manager) -> None:
    manager.start()
    manager.wait_for("READY=1")
    manager.daemon.stop()
    manager.listening.close()  # systemd has stopped the socket; its file is still there
    second = subprocess.run(
        [sys.executable, "-m", "luziad"], env=manager.daemon.env, capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert second.returncode == 1
    assert f"systemd has made the socket {manager.daemon.socket}" in second.stderr
    assert os.path.exists(manager.daemon.socket)
    os.unlink(manager.daemon.socket)
    manager.daemon.start()


def test_a_daemon_that_ends_leaves_a_socket_that_another_process_has_bound_meanwhile(manager: Manager) -> None:
    manager.listening.close()
    os.unlink(manager.daemon.socket)
    manager.daemon.start()
    assert manager.daemon.process is not None
    os.unlink(manager.daemon.socket)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(manager.daemon.socket)
        other.listen()
        manager.daemon.stop()
        assert os.path.exists(manager.daemon.socket)
