"""Removing a job deletes its files, however deep or closed they are, or says that some are left and tries again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from luziad.executor.deletion import PREFIX
from support import Connection, PrivateDaemon, dispatch, end_states, eventually, private_daemon

DEEP = """
import os
for _ in range(1500):
    os.mkdir("d")
    os.chdir("d")
open("file", "w").close()
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def set_immutable(file: Path, on: bool) -> None:
    """Let not even root delete the file; skips the test where that cannot be done."""
    if subprocess.run(["chattr", "+i" if on else "-i", file], capture_output=True, check=False).returncode != 0:
        pytest.skip("no file can be made immutable here")


def finished(daemon: PrivateDaemon, wire: Connection) -> tuple[str, Path]:
    job = dispatch(wire, "echo done")
    assert end_states(wire, job) == ["completed"]
    return job, daemon.state / "jobs" / job


def nothing_is_left(daemon: PrivateDaemon) -> bool:
    return not [each for each in (daemon.state / "jobs").iterdir() if each.name.startswith(PREFIX)]


def test_the_files_are_deleted_when_the_removal_is_answered(daemon: PrivateDaemon, wire: Connection) -> None:
    job, directory = finished(daemon, wire)
    assert wire.ok(op="remove", job=job) == {"job": job, "state": "completed", "attempt": 1, "note": None}
    assert not directory.exists()
    assert nothing_is_left(daemon)


def test_a_tree_of_any_depth_is_deleted(daemon: PrivateDaemon, wire: Connection) -> None:
    job, directory = finished(daemon, wire)
    subprocess.run([sys.executable, "-c", DEEP], cwd=directory / "1", check=True)
    assert "could not" not in (wire.ok(op="remove", job=job)["note"] or "")
    eventually(lambda: nothing_is_left(daemon) and not directory.exists(), "the tree is deleted")


def test_a_link_in_place_of_the_directory_is_deleted_and_what_it_leads_to_is_not(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    job, directory = finished(daemon, wire)
    elsewhere = daemon.root / "elsewhere"
    directory.rename(elsewhere)
    directory.symlink_to(elsewhere)
    assert wire.ok(op="remove", job=job)["note"] is None
    assert not directory.is_symlink()
    assert (elsewhere / "1" / "stdout").read_text() == "done\n"


def test_what_cannot_be_deleted_is_told_and_deleted_by_a_later_daemon(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        jobs = [finished(daemon, wire) for _ in range(2)]
        for _, directory in jobs:
            set_immutable(directory / "1" / "stdout", on=True)
        try:
            note = wire.ok(op="remove", job=jobs[0][0])["note"]
            assert note.startswith("its files could not be deleted, which is tried again: ")
            assert "stdout" in note
            shown = daemon.run("remove", jobs[1][0])
            assert shown.stdout.startswith(f"{jobs[1][0]}  removed; its files could not be deleted")
        finally:
            for _, directory in jobs:
                set_immutable(directory.with_name(PREFIX + directory.name) / "1" / "stdout", on=False)
    daemon.stop()
    daemon.start()
    eventually(lambda: nothing_is_left(daemon), "the rest is deleted")


@pytest.mark.skipif(os.geteuid() == 0, reason="root needs no permissions")
def test_directories_without_permissions_are_deleted(daemon: PrivateDaemon, wire: Connection) -> None:
    job, directory = finished(daemon, wire)
    (directory / "1").chmod(0)
    assert wire.ok(op="remove", job=job)["note"] is None
    assert nothing_is_left(daemon)


def test_a_lower_limit_of_kept_jobs_removes_all_that_are_too_many_oldest_first() -> None:
    with private_daemon("[daemon]\nmax_jobs = 1000\n") as daemon, daemon.connect() as wire:
        jobs = [dispatch(wire, "true", hold=True) for _ in range(250)]  # more than are removed with one commit
        for job in jobs:
            wire.ok(op="cancel", job=job)
        (daemon.root / "config.toml").write_text("[daemon]\nmax_jobs = 5\n")
        wire.ok(op="reload")
        eventually(lambda: wire.ok(op="info")["counts"] == {"cancelled": 5}, "five jobs")
        assert [job["id"] for job in wire.ok(op="list")["jobs"]] == jobs[:-6:-1]
