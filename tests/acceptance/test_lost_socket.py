"""The daemon is always found: it listens again when its socket, its lock or a directory above them is gone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support import PrivateDaemon, dispatch, ended, eventually, private_daemon


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def pid_of(daemon: PrivateDaemon) -> int | None:
    """The process that answers on the socket; None when nobody does."""
    with suppress(OSError, EOFError), daemon.connect() as wire:
        pid: int = wire.ok(op="info")["pid"]
        return pid
    return None


def answers(daemon: PrivateDaemon) -> bool:
    """Whether the test's own daemon answers."""
    assert daemon.process is not None
    return pid_of(daemon) == daemon.process.pid


def delete_socket(daemon: PrivateDaemon) -> None:
    os.unlink(daemon.socket)


def delete_runtime_directory(daemon: PrivateDaemon) -> None:
    shutil.rmtree(Path(daemon.socket).parent)


def delete_lock(daemon: PrivateDaemon) -> None:
    (Path(daemon.socket).parent / "luziad.lock").unlink()


def replace_runtime_directory(daemon: PrivateDaemon) -> None:
    run = Path(daemon.socket).parent
    run.rename(run.with_name("moved"))
    run.mkdir(mode=0o700)


def replace_socket_by_a_dead_one(daemon: PrivateDaemon) -> None:
    other = f"{daemon.socket}.other"
    subprocess.run(
        [sys.executable, "-c", "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", other], check=True
    )
    os.rename(other, daemon.socket)


@pytest.mark.parametrize(
    "take_away",
    [
        delete_socket,
        delete_runtime_directory,
        delete_lock,
        replace_runtime_directory,
        replace_socket_by_a_dead_one,
    ],
)
def test_the_daemon_listens_again_and_commands_just_work(
    daemon: PrivateDaemon, take_away: Callable[[PrivateDaemon], None]
) -> None:
    assert daemon.process is not None
    for _ in range(2):  # what was restored is watched, too
        take_away(daemon)
        done = daemon.run("jobs")
        assert (done.returncode, done.stderr) == (0, "")
        eventually(lambda: answers(daemon), "an answer on the socket")
        eventually((Path(daemon.socket).parent / "luziad.lock").exists, "the lock")
        shutil.rmtree(daemon.root / "moved", ignore_errors=True)
    with daemon.connect() as wire:
        assert ended(wire, dispatch(wire))[0]["state"] == "completed"
    second = subprocess.run(
        [sys.executable, "-m", "luziad"], env=daemon.env, capture_output=True, text=True, timeout=60
    )
    assert f"pid {daemon.process.pid}" in second.stderr or second.returncode == 1


def test_a_link_in_the_place_of_the_runtime_directory_works_while_it_leads_to_the_socket(
    daemon: PrivateDaemon,
) -> None:
    run = Path(daemon.socket).parent
    run.rename(run.with_name("moved"))
    run.symlink_to("moved")
    assert answers(daemon)
    shutil.rmtree(run.with_name("moved"))
    eventually(lambda: "is not a directory" in daemon.log.read_text(), "the reason in the log")
    run.unlink()
    eventually(lambda: answers(daemon), "an answer on the socket")


def test_a_directory_that_was_renamed_above_the_socket_is_made_again() -> None:
    with private_daemon() as daemon:
        daemon.stop()
        above = daemon.root / "above"
        daemon.socket = str(above / "run" / "luzia.sock")
        daemon.env["LUZIA_RUNTIME_DIR"] = str(above / "run")
        daemon.start()
        above.rename(daemon.root / "elsewhere")
        eventually(lambda: answers(daemon), "an answer on the socket")


def test_a_file_in_the_place_of_the_socket_is_left_alone_until_it_is_gone(daemon: PrivateDaemon) -> None:
    place = Path(daemon.socket)
    place.unlink()
    place.write_text("mine")
    eventually(lambda: "is not a socket" in daemon.log.read_text(), "the reason in the log")
    assert place.read_text() == "mine"
    place.unlink()
    eventually(lambda: answers(daemon), "an answer on the socket")


def test_the_lock_of_the_state_directory_is_restored(daemon: PrivateDaemon) -> None:
    lock = daemon.state / "luziad.lock"
    for _ in range(2):
        lock.unlink()
        eventually(lambda: lock.exists() and "lock_restored" in daemon.log.read_text(), "the lock")
    second = subprocess.run(
        [sys.executable, "-m", "luziad"],
        env=daemon.env | {"LUZIA_RUNTIME_DIR": str(daemon.root / "other")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"already running: luziad (pid {pid_of(daemon)})" in second.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_nothing_is_written_into_a_state_directory_that_another_user_has_put_there(daemon: PrivateDaemon) -> None:
    planted = daemon.root / "planted"
    planted.mkdir()
    os.chown(planted, 2_000_000_000, -1)
    daemon.state.rename(daemon.root / "moved")
    planted.rename(daemon.state)
    eventually(lambda: "not_listening" in daemon.log.read_text(), "a check")
    assert "belongs to user" in daemon.log.read_text()
    assert list(daemon.state.iterdir()) == []
    with daemon.connect() as wire:
        assert wire.error(op="dispatch", project="overbits", task="true")["code"] == "storage_unavailable"


def test_a_deleted_state_directory_is_not_made_again_and_restart_works(daemon: PrivateDaemon) -> None:
    shutil.rmtree(daemon.state)
    with daemon.connect() as wire:
        refused = wire.error(op="dispatch", project="overbits", task="true")
    assert refused["code"] == "storage_unavailable"
    assert answers(daemon)
    assert not (daemon.state / "luziad.lock").exists()


def test_a_second_daemon_does_not_take_the_socket_of_a_living_one(daemon: PrivateDaemon) -> None:
    env = daemon.env | {
        "LUZIA_RUNTIME_DIR": str(daemon.root / "other"),
        "LUZIA_STATE_DIR": str(daemon.root / "other-state"),
        "LUZIA_SOCKET": daemon.socket,
    }
    second = subprocess.run([sys.executable, "-m", "luziad"], env=env, capture_output=True, text=True, timeout=60)
    assert (second.returncode, second.stderr) == (
        1,
        f"luziad: another process listens on {daemon.socket}: stop it, or set LUZIA_SOCKET\n",
    )
    assert answers(daemon)


def test_stop_finds_a_daemon_without_a_socket_by_its_lock(daemon: PrivateDaemon) -> None:
    assert daemon.process is not None
    place = Path(daemon.socket)
    place.unlink()
    place.mkdir()  # so that it cannot listen again
    done = daemon.run("daemon", "stop")
    assert (done.returncode, done.stdout) == (0, f"Stopped luziad (pid {daemon.process.pid})\n"), done.stderr
    assert daemon.process.wait(60) == 0
    place.rmdir()
    assert daemon.run("daemon", "stop").stdout == "luziad is not running\n"


def test_restart_finds_a_daemon_without_a_socket_by_its_lock(daemon: PrivateDaemon) -> None:
    assert daemon.process is not None
    place = Path(daemon.socket)
    place.unlink()
    place.mkdir()
    status = daemon.run("daemon", "status")
    assert status.returncode == 3
    assert f"luziad (pid {daemon.process.pid}) is running, but does not listen on {place}" in status.stderr
    place.rmdir()
    done = daemon.run("daemon", "restart")
    assert done.returncode == 0, done.stderr
    assert daemon.process.wait(60) == 0
    new = pid_of(daemon)
    assert new not in (None, daemon.process.pid)
    assert daemon.run("daemon", "stop").returncode == 0


def test_a_suspended_daemon_is_not_told_as_one_that_does_not_run(daemon: PrivateDaemon) -> None:
    assert daemon.process is not None
    pid = daemon.process.pid
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        status = daemon.run("daemon", "status")
        assert status.returncode == 3
        assert f"luziad (pid {pid}) is suspended" in status.stderr
        assert f"kill -CONT {pid}" in status.stderr
        told = daemon.run("daemon", "status", "--json").stdout
        assert '"running":true' in told.replace(" ", "")
        assert f"luziad (pid {pid}) is suspended" in daemon.run("doctor").stdout
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert answers(daemon)


def test_stop_ends_a_suspended_daemon(daemon: PrivateDaemon) -> None:
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGSTOP)
    done = daemon.run("daemon", "stop")
    assert (done.returncode, done.stdout) == (0, f"Stopped luziad (pid {daemon.process.pid})\n"), done.stderr
    assert daemon.process.wait(60) == 0


def test_a_daemon_that_listens_elsewhere_is_told_with_its_socket(daemon: PrivateDaemon) -> None:
    assert daemon.process is not None
    env = {"LUZIA_RUNTIME_DIR": str(daemon.root / "other")}
    before, daemon.env = daemon.env, daemon.env | env
    try:
        done = daemon.run("jobs")
    finally:
        daemon.env = before
    assert done.returncode == 3
    assert f"luziad (pid {daemon.process.pid}) uses {daemon.state} and listens on {daemon.socket}" in done.stderr
    assert f"LUZIA_SOCKET={daemon.socket}" in done.stderr
