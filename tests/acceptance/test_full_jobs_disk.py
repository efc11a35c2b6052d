"""While no attempt can be started, as on a full disk, queued jobs wait visibly, and then start by themselves."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from small_disk import disk_daemon
from support import Connection, PrivateDaemon, dispatch, end_states, eventually, status

CONFIG = "[daemon]\nmax_running = 2\n"
JOBS = 12
FEW_PROCESSES = """
import errno, os, sys
from luziad import cli
from luziad.executor import fork_server_client
limit = sys.argv.pop(1)
LIMITED = '''
import errno, os
def limited(plain):
    def call(*arguments, **options):
        if os.path.exists(LIMIT):
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return plain(*arguments, **options)
    return call
os.fork, os.posix_spawn = limited(os.fork), limited(os.posix_spawn)
'''.replace("LIMIT", repr(limit))
exec(LIMITED)
command = fork_server_client.PYTHON_COMMAND
command[command.index(fork_server_client._BOOT)] = LIMITED + fork_server_client._BOOT
fork_server_client.command = lambda: command
sys.exit(cli.main())
"""
"""A daemon whose fork server can fork nothing while a file exists. The limit itself does not hold for root."""


def waiting(wire: Connection, problem: str) -> list[str]:
    """Jobs that were dispatched while nothing can be started; all wait, and say why."""
    jobs = [dispatch(wire, "echo run >> $RUNS; exit 4", env={"RUNS": f"{number}"}) for number in range(JOBS)]
    eventually(lambda: problem in " ".join(wire.ok(op="info")["notices"]), "a notice")
    shown = wire.ok(op="list", limit=100)["jobs"]
    assert {job["state"] for job in shown if job["id"] in jobs} <= {"queued", "starting"}
    queued = [job for job in shown if job["state"] == "queued"]
    assert queued
    assert all(problem in job["reason"] for job in queued)
    assert problem in status(wire, queued[0]["id"])["reason"]
    return jobs


def all_ran_once(daemon: PrivateDaemon, wire: Connection, jobs: list[str]) -> None:
    assert end_states(wire, *jobs) == ["failed"] * len(jobs)
    assert [status(wire, job)["exit_code"] for job in jobs] == [4] * len(jobs)
    for number in range(JOBS):
        assert (daemon.project / str(number)).read_text() == "run\n"
    eventually(lambda: not wire.ok(op="info")["notices"], "no notice any more")


@pytest.mark.parametrize("left", [0, 4096, 8192])
def test_on_a_full_jobs_disk_jobs_wait_visibly_and_start_when_there_is_room(left: int) -> None:
    with disk_daemon(config=CONFIG, jobs_only=True) as daemon, daemon.connect() as wire:
        assert end_states(wire, dispatch(wire, "true")) == ["completed"]
        daemon.disk.fill(leave_bytes=left)
        jobs = waiting(wire, "No space left on device")
        shown = daemon.run("jobs").stdout
        assert "No space left on device" in shown
        assert "No space left on device" in daemon.run("doctor").stdout
        daemon.disk.make_room()
        all_ran_once(daemon, wire, jobs)


def test_without_inodes_on_the_jobs_disk_jobs_wait() -> None:
    with (
        disk_daemon(options="size=8m,nr_inodes=400", config=CONFIG, jobs_only=True) as daemon,
        daemon.connect() as wire,
    ):
        number = 0
        try:
            while True:
                (daemon.disk.path / f"file{number}").touch()
                number += 1
        except OSError:
            pass
        jobs = waiting(wire, "No space left on device")
        for each in range(number):
            (daemon.disk.path / f"file{each}").unlink()
        wire.ok(op="cancel", job=jobs.pop())
        assert end_states(wire, *jobs) == ["failed"] * len(jobs)


def test_jobs_that_wait_for_room_can_be_cancelled_and_survive_a_restart() -> None:
    with disk_daemon(config=CONFIG, jobs_only=True) as daemon:
        with daemon.connect() as wire:
            daemon.disk.fill()
            jobs = waiting(wire, "No space left on device")
            queued = [job for job in jobs if status(wire, job)["state"] == "queued"]
            assert wire.ok(op="cancel", job=queued[-1])["state"] == "cancelled"
        daemon.kill()
        daemon.start_inside()
        with daemon.connect() as wire:
            eventually(lambda: "No space left" in " ".join(wire.ok(op="info")["notices"]), "a notice")
            daemon.disk.make_room()
            rest = [job for job in jobs if job != queued[-1]]
            assert end_states(wire, *rest) == ["failed"] * len(rest)


def test_on_a_jobs_disk_that_is_read_only_jobs_wait() -> None:
    with disk_daemon(config=CONFIG, jobs_only=True) as daemon, daemon.connect() as wire:
        daemon.disk.run('mount -o remount,ro "$0"')
        jobs = waiting(wire, "Read-only file system")
        daemon.disk.run('mount -o remount,rw "$0"')
        all_ran_once(daemon, wire, jobs)


def test_at_the_limit_of_processes_jobs_wait() -> None:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon, limit = PrivateDaemon(Path(directory), CONFIG), Path(directory) / "limit"
        try:
            daemon.start(["-c", FEW_PROCESSES, str(limit)])
            with daemon.connect() as wire:
                limit.touch()
                dispatch(wire, "true")  # takes the shim that was forked in advance
                jobs = waiting(wire, "Resource temporarily unavailable")
                limit.unlink()
                all_ran_once(daemon, wire, jobs)
        finally:
            daemon.end_everything()
