"""systemd's side of the daemon, against real sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from luziad.server.systemd import activated_socket, notify, watchdog_interval_s

CHILD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = sys.argv[2]
os.environ["LISTEN_FDNAMES"] = "luziad.socket"
from luziad.errors import StartupError
from luziad.server.systemd import activated_socket
try:
    taken = activated_socket()
except StartupError as error:
    sys.exit(f"refused: {error}")
assert taken is not None
left = [name for name in os.environ if name.startswith("LISTEN_")]
print(taken.getsockname(), taken.get_inheritable(), taken.getblocking(), left)
"""


def take_over(passed: socket.socket, count: str = "1") -> subprocess.CompletedProcess[str]:
    """Let a fresh process take over `passed` as systemd would pass it."""
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(passed.fileno()), count],
        pass_fds=(passed.fileno(),),
        capture_output=True,
        text=True,
    )


def manager(address: str) -> socket.socket:
    """A service manager's end of the notification socket."""
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(address)
    receiver.settimeout(10)
    return receiver


def test_a_state_reaches_the_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with manager(path) as receiver:
        assert notify("READY=1\nSTATUS=3 jobs")
        assert receiver.recv(100) == b"READY=1\nSTATUS=3 jobs"


def test_a_manager_with_an_abstract_address_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"luzia-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
    with manager("\0" + name) as receiver:
        assert notify("WATCHDOG=1")
        assert receiver.recv(100) == b"WATCHDOG=1"


def test_without_a_manager_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "vsock:2:1234")
    assert not notify("READY=1")


def test_a_manager_that_does_not_read_blocks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with manager(path):
        assert not all(notify("WATCHDOG=1") for _ in range(100_000))


def test_a_passed_socket_is_taken_over(tmp_path: Path) -> None:
    path = str(tmp_path / "luzia.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        result = take_over(listener)
    assert result.stderr == ""
    assert result.stdout == f"{path} False False []\n"


def test_sockets_for_another_process_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert activated_socket() is None
    assert "LISTEN_FDS" not in os.environ


def test_without_activation_there_is_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LISTEN_PID", raising=False)
    monkeypatch.delenv("LISTEN_FDS", raising=False)
    assert activated_socket() is None


def test_a_socket_of_another_kind_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as internet:
        internet.bind(("127.0.0.1", 0))
        internet.listen()
        assert "not a listening Unix stream socket" in take_over(internet).stderr
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        assert "not a listening Unix stream socket" in take_over(deaf).stderr


def test_more_than_one_socket_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "luzia.sock"))
        listener.listen()
        assert "systemd passed 2 sockets" in take_over(listener, count="2").stderr


def test_a_descriptor_that_is_no_socket_is_refused() -> None:
    script = CHILD.replace("int(sys.argv[1])", 'os.open("/dev/null", os.O_RDONLY)')
    result = subprocess.run([sys.executable, "-c", script, "-", "1"], capture_output=True, text=True)
    assert "refused: the file descriptor that systemd passed" in result.stderr


@pytest.mark.parametrize(
    ("allowed", "pid", "interval"),
    [
        ("60000000", None, 30.0),
        ("500000", "own", 0.25),
        ("60000000", "1", None),
        ("", None, None),
        ("0", None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_needs(
    monkeypatch: pytest.MonkeyPatch, allowed: str, pid: str | None, interval: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", allowed)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "own" else pid)
    assert watchdog_interval_s() == interval
