"""A daemon that cannot start, for want of a disk or a lock, says so in one sentence and leaves everything as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from small_disk import TMPFS, Disk, DiskDaemon
from support import DEADLINE_S, dispatch, end_states, status

NO_LOCKS = """
import errno, fcntl, os, sys
from luziad import cli
def flock(*arguments):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
fcntl.flock = flock
sys.exit(cli.main())
"""


@contextmanager
def on_disk(options: str = "size=8m") -> Iterator[DiskDaemon]:
    """A daemon that is to live on a small file system, and was not started yet."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        disk = Disk(Path(directory) / "state", TMPFS, options)
        daemon = DiskDaemon(Path(directory), disk)
        try:
            yield daemon
        finally:
            daemon.end_everything()
            disk.close()


def refused(daemon: DiskDaemon) -> str:
    """What the daemon says when it cannot start: one line."""
    command = [*daemon.disk.inside, sys.executable, "-m", "luziad"]
    done = subprocess.run(command, env=daemon.env, capture_output=True, text=True, timeout=DEADLINE_S)
    said = [line for line in done.stderr.splitlines() if not line.startswith("20")]
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(said) == 1, done.stderr
    assert said[0].startswith("luziad: ")
    return said[0]


def test_a_new_daemon_on_a_full_disk() -> None:
    with on_disk() as daemon:
        daemon.disk.fill()
        assert "space" in refused(daemon)
        daemon.disk.make_room()
        daemon.start_inside()


@pytest.mark.parametrize("leave", [4096, 40_000, 100_000])
def test_a_new_daemon_on_a_disk_that_is_nearly_full(leave: int) -> None:
    with on_disk() as daemon:
        daemon.disk.fill(leave_bytes=leave)
        assert "space" in refused(daemon)
        daemon.disk.make_room()
        daemon.start_inside()
        with daemon.connect() as wire:
            assert end_states(wire, dispatch(wire, "true")) == ["completed"]


def test_without_inodes() -> None:
    with on_disk("size=8m,nr_inodes=3") as daemon:
        for number in range(3):
            try:
                (daemon.state / f"{number}").touch()
            except OSError:
                break
        assert "No space left" in refused(daemon)


@pytest.mark.parametrize("had_jobs", [True, False])
def test_on_a_read_only_disk(had_jobs: bool) -> None:
    with on_disk() as daemon:
        job = ""
        if had_jobs:
            daemon.start_inside()
            with daemon.connect() as wire:
                job = dispatch(wire, "exit 3")
                end_states(wire, job)
            daemon.stop()
        daemon.disk.run('mount -o remount,ro "$0"')
        assert "Read-only file system" in refused(daemon) or "cannot be written" in refused(daemon)
        daemon.disk.run('mount -o remount,rw "$0"')
        daemon.start_inside()
        with daemon.connect() as wire:
            if had_jobs:
                assert status(wire, job)["exit_code"] == 3


def test_a_jobs_directory_on_a_read_only_disk() -> None:
    with on_disk() as daemon:
        daemon.env["LUZIA_JOBS_DIR"] = str(daemon.disk.point)
        daemon.env["LUZIA_STATE_DIR"] = str(daemon.root / "elsewhere")
        daemon.disk.run('mount -o remount,ro "$0"')
        assert str(daemon.disk.point) in refused(daemon)


def test_without_locks_the_directory_is_named_and_what_to_do() -> None:
    with tempfile.TemporaryDirectory(prefix="lz-") as directory:
        env = os.environ | {"LUZIA_RUNTIME_DIR": f"{directory}/run", "LUZIA_STATE_DIR": f"{directory}/state"}
        done = subprocess.run(
            [sys.executable, "-c", NO_LOCKS], env=env, capture_output=True, text=True, timeout=DEADLINE_S
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert f"{directory}/run/luziad.lock cannot be locked: No locks available" in done.stderr
        assert "local file system" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("place", ["run", "state"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink(f"{path}.target", path)])
def test_a_lock_that_is_no_file_is_named(make: Callable[[str], None], place: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lz-") as directory:
        env = os.environ | {"LUZIA_RUNTIME_DIR": f"{directory}/run", "LUZIA_STATE_DIR": f"{directory}/state"}
        os.mkdir(f"{directory}/{place}", 0o700)
        lock = f"{directory}/{place}/luziad.lock"
        make(lock)
        Path(f"{lock}.target").write_text("kept")
        done = subprocess.run(
            [sys.executable, "-m", "luziad"], env=env, capture_output=True, text=True, timeout=DEADLINE_S
        )
        assert done.returncode == 1, done.stderr
        assert lock in done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert Path(f"{lock}.target").read_text() == "kept"
