"""A daemon that is started with another LUZIA_JOBS_DIR knows the directory of each job."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import PrivateDaemon, dispatch, end_states, eventually, private_daemon, status


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def restart(daemon: PrivateDaemon, jobs_dir: Path | None) -> None:
    daemon.stop()
    daemon.env.pop("LUZIA_JOBS_DIR", None)
    if jobs_dir is not None:
        daemon.env["LUZIA_JOBS_DIR"] = str(jobs_dir)
    daemon.start()


def test_jobs_stay_in_their_directories_when_the_daemon_gets_another_one(daemon: PrivateDaemon) -> None:
    gate, elsewhere = daemon.root / "gate", daemon.root / "elsewhere"
    os.mkfifo(gate)
    with daemon.connect() as wire:
        finished = dispatch(wire, "echo finished")
        assert end_states(wire, finished) == ["completed"]
        goes_on, cancelled = dispatch(wire, f"cat {gate}; echo went on"), dispatch(wire, "exec sleep 600")
        eventually(lambda: {status(wire, job)["state"] for job in (goes_on, cancelled)} == {"running"})
    restart(daemon, elsewhere)
    with daemon.connect() as wire:
        assert [status(wire, job)["state"] for job in (goes_on, cancelled)] == ["running", "running"]
        assert wire.ok(op="logs", job=finished)["data"] == "finished\n"
        new = dispatch(wire, "echo new")
        wire.ok(op="cancel", job=cancelled)
        gate.write_text("")
        assert end_states(wire, goes_on, cancelled, new) == ["completed", "cancelled", "completed"]
        assert wire.ok(op="logs", job=goes_on)["data"] == "went on\n"
        wire.ok(op="retry", job=goes_on)
        gate.write_text("")
        assert end_states(wire, goes_on) == ["completed"]
    assert {path.name for path in elsewhere.iterdir()} == {new}
    restart(daemon, None)
    with daemon.connect() as wire:
        assert wire.ok(op="logs", job=new)["data"] == "new\n"
        assert wire.ok(op="logs", job=goes_on)["data"] == "went on\n"
        wire.ok(op="remove", job=new)
        eventually(lambda: not list(elsewhere.iterdir()), "the deletion of its directory")


def test_a_jobs_directory_that_was_moved_is_found_where_the_daemon_is_told(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        job = dispatch(wire, "echo here")
        assert end_states(wire, job) == ["completed"]
    elsewhere = daemon.root / "elsewhere"
    daemon.stop()
    (daemon.state / "jobs").rename(elsewhere)
    daemon.env["LUZIA_JOBS_DIR"] = str(elsewhere)
    daemon.start()
    with daemon.connect() as wire:
        assert wire.ok(op="logs", job=job)["data"] == "here\n"


def test_jobs_of_all_directories_are_found_again_when_the_store_is_lost(daemon: PrivateDaemon) -> None:
    restart(daemon, daemon.root / "elsewhere")
    with daemon.connect() as wire:
        there = dispatch(wire, "echo there")
        assert end_states(wire, there) == ["completed"]
        eventually((daemon.root / "elsewhere" / there / "status.json").exists, "its status file")
    restart(daemon, None)
    with daemon.connect() as wire:
        here = dispatch(wire, "echo here")
        assert end_states(wire, here) == ["completed"]
        eventually((daemon.state / "jobs" / here / "status.json").exists, "its status file")
    restart(daemon, daemon.root / "elsewhere")
    daemon.stop()
    (daemon.state / "jobs.db").write_bytes(b"damaged")
    daemon.start()
    with daemon.connect() as wire:
        for job, text in ((here, "here\n"), (there, "there\n")):
            assert wire.ok(op="logs", job=job)["data"] == text


@pytest.mark.parametrize("words", [["logs"], ["logs", "-f"], ["logs", "-n", "1"]])
def test_output_whose_directory_is_gone_is_told_and_is_no_success(daemon: PrivateDaemon, words: list[str]) -> None:
    with daemon.connect() as wire:
        job = dispatch(wire, "echo here")
        assert end_states(wire, job) == ["completed"]
    shutil.rmtree(daemon.state / "jobs")
    done = daemon.run(*words, job)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"the output of job {job} is gone: {daemon.state}/jobs/{job}/1 does not exist" in done.stderr


@pytest.mark.parametrize("words", [["logs"], ["logs", "-f"], ["logs", "-n", "1"], ["logs", "--raw"]])
@pytest.mark.parametrize("task", ["rm -f", "mv -t {root}"], ids=["deleted", "moved away"])
def test_output_that_a_job_has_removed_is_told_and_is_no_success(
    daemon: PrivateDaemon, words: list[str], task: str
) -> None:
    command = f"echo here; {task.format(root=daemon.root)} $LUZIA_ATTEMPT_DIR/stdout; echo there"
    with daemon.connect() as wire:
        job = dispatch(wire, command)
        assert end_states(wire, job) == ["completed"]
    done = daemon.run(*words, job)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"the output of job {job} is gone: {daemon.state}/jobs/{job}/1/stdout does not exist" in done.stderr
    assert daemon.run("logs", "--stderr", job).returncode == 0, "it never had one"


def test_doctor_tells_which_directories_the_daemon_uses_in_place_of_those_of_the_shell(daemon: PrivateDaemon) -> None:
    assert "the variables of this shell" not in daemon.run("doctor").stdout
    daemon.env["LUZIA_JOBS_DIR"] = "/srv/jobs"
    told = daemon.run("doctor").stdout
    assert (
        f"luziad uses the jobs directory {daemon.state}/jobs; the variables of this shell lead to /srv/jobs\n" in told
    )
