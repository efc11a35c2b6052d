"""Queued jobs are held and released, one by one and by selection."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support import Connection, PrivateDaemon, dispatch, end_states, eventually, private_daemon, status


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon('[projects.other]\npath = "{root}/overbits"\nagent = "shell"\n') as running:
        yield running


def test_a_job_dispatched_with_hold_starts_when_it_is_released_and_not_before_also_after_a_crash(
    daemon: PrivateDaemon,
) -> None:
    with daemon.connect() as wire:
        job = dispatch(wire, hold=True)
        assert end_states(wire, dispatch(wire)) == ["completed"], "one that came later"
        told = status(wire, job)
        assert (told["state"], told["attempt"]) == ("queued", 0)
        assert told["held_at"] is not None
        assert told["reason"].startswith("held since ")
        assert told["reason"].endswith(f"; release it with `luzia release {job}`")
    for end in (daemon.kill, daemon.stop):
        end()
        daemon.start()
        with daemon.connect() as wire:
            assert end_states(wire, dispatch(wire)) == ["completed"]
            retry = status(wire, job)
            assert (retry["state"], retry["held_at"]) == ("queued", told["held_at"])
    with daemon.connect() as wire:
        assert wire.ok(op="release", job=job)["job"] == job
        assert end_states(wire, job) == ["completed"]
        assert status(wire, job)["held_at"] is None


def test_a_job_that_waits_for_another_is_held_and_released(wire: Connection) -> None:
    first = dispatch(wire, hold=True)
    job = dispatch(wire, after=[first])
    assert status(wire, job)["reason"] == f"waits for {first}"
    assert wire.ok(op="hold", job=job) == {"job": job, "state": "queued", "attempt": 0}
    since = status(wire, job)["held_at"]
    assert wire.ok(op="hold", job=job)["changed"] is False
    assert status(wire, job)["held_at"] == since, "asking twice is harmless"
    wire.ok(op="release", job=first)
    assert end_states(wire, first) == ["completed"]
    assert status(wire, job)["reason"].startswith("held since ")
    wire.ok(op="release", job=job)
    assert end_states(wire, job) == ["completed"]
    assert wire.ok(op="subscribe", after=0, jobs=[job], kinds=["held", "released"]) == {}
    assert [wire.receive()["event"]["kind"] for _ in range(3)] == ["held", "held", "released"]


def test_a_held_job_whose_parent_has_failed_is_skipped_when_it_is_released(wire: Connection) -> None:
    first = dispatch(wire, "false", hold=True)
    job = dispatch(wire, after=[first], hold=True)
    wire.ok(op="release", job=first)
    assert end_states(wire, first) == ["failed"]
    assert status(wire, job)["state"] == "queued"
    wire.ok(op="release", job=job)
    assert end_states(wire, job) == ["skipped"]


def test_an_act_on_a_job_that_already_is_so_says_that_it_changes_nothing(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    first = dispatch(wire, hold=True)
    job = dispatch(wire, after=[first])
    for command, said in (
        ("release", "not held (queued)"),
        ("hold", "held"),
        ("hold", "already held (queued)"),
        ("release", "released"),
    ):
        done = daemon.run(command, job)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{job}  {said}\n", "")
    assert json.loads(daemon.run("release", "--json", job).stdout)["changed"] is False
    wire.ok(op="release", job=first)
    assert end_states(wire, job) == ["completed"]


def test_only_a_queued_job_can_be_held(wire: Connection) -> None:
    job = dispatch(wire)
    end_states(wire, job)
    for op in ("hold", "release"):
        refused = wire.error(op=op, job=job)
        assert (refused["code"], refused["message"]) == ("job_not_queued", f"job {job} has already completed")


def test_a_held_job_can_be_cancelled_and_is_not_held_when_somebody_retries_it(wire: Connection) -> None:
    job = dispatch(wire, hold=True)
    assert wire.ok(op="cancel", job=job)["state"] == "cancelled"
    assert status(wire, job)["held_at"] is None
    wire.ok(op="retry", job=job)
    assert end_states(wire, job) == ["completed"]


def test_releasing_a_job_that_nobody_holds_changes_nothing(wire: Connection) -> None:
    job = dispatch(wire, start_in_s=600)
    assert wire.ok(op="release", job=job)["state"] == "queued"
    assert status(wire, job)["reason"].startswith("starts at ")


def test_the_commands_hold_and_release_by_selection(daemon: PrivateDaemon, wire: Connection) -> None:
    kept = dispatch(wire, start_in_s=600, tags={"kind": "kept"})
    other = dispatch(wire, start_in_s=600, project="other", tags={"kind": "kept"})
    assert daemon.run("hold", "--project", "overbits", "--yes").stdout == f"{kept}  held\n"
    assert "held since" in daemon.run("jobs", kept).stdout
    assert f"luzia release {kept}" in daemon.run("jobs", kept).stdout
    said = daemon.run("--hold", "overbits", "true").stdout.split()[0].rpartition(":")[2]
    told = daemon.run("release", "--all", "--yes", "--json").stdout.splitlines()
    assert {json.loads(line)["job"] for line in told} == {kept, said}, "and none that nobody holds"
    assert status(wire, other)["reason"].startswith("starts at ")
    assert end_states(wire, said) == ["completed"]


def test_a_selection_of_held_jobs_needs_a_yes_where_nobody_can_be_asked(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    job = dispatch(wire, hold=True)
    for verb in ("hold", "release"):
        done = daemon.run(verb, "--all")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"this would {verb} 1 job: {job}" in done.stderr


def test_every_list_counts_held_jobs_apart_and_has_them_last(daemon: PrivateDaemon) -> None:
    """The number follows a hold, a release, a dispatch, a cancel, a retry and a crash."""

    def summary(*options: str) -> str:
        return daemon.run("jobs", *options).stdout.splitlines()[1].strip()

    with daemon.connect() as wire:
        running = dispatch(wire, "sleep 600")
        held = dispatch(wire, hold=True)
        waiting = dispatch(wire, after=[running])
        other = dispatch(wire, project="other", hold=True)
        eventually(lambda: status(wire, running)["state"] == "running")
        assert summary() == "Running: 1  Pending: 1  Completed: 0  Failed: 0  Cancelled: 0  Held: 2"
        assert summary("--project", "other").endswith("Pending: 0  Completed: 0  Failed: 0  Cancelled: 0  Held: 1")
        page = wire.ok(op="list", sort="turn")
        assert [job["id"] for job in page["jobs"]] == [running, waiting, held, other]
        assert page["held"] == wire.ok(op="info")["held"] == 2
    daemon.kill()
    daemon.start()
    with daemon.connect() as wire:
        assert wire.ok(op="list")["held"] == 2
        wire.ok(op="cancel", job=other)
        wire.ok(op="hold", job=waiting)
        wire.ok(op="release", job=held)
        assert end_states(wire, held) == ["completed"]
        assert wire.ok(op="list")["held"] == 1
        wire.ok(op="retry", job=other)
        assert end_states(wire, other) == ["completed"]
        assert wire.ok(op="list")["held"] == 1
        wire.ok(op="release", job=waiting)
        assert summary().endswith("Pending: 1  Completed: 2  Failed: 0  Cancelled: 0")
        wire.ok(op="cancel", job=running)
        assert end_states(wire, waiting) == ["skipped"]
        assert "held" not in wire.ok(op="list") or wire.ok(op="list")["held"] == 0


def test_a_job_that_was_cancelled_while_it_was_held_is_not_counted_as_held_after_its_retry(
    daemon: PrivateDaemon,
) -> None:
    with daemon.connect() as wire:
        running = dispatch(wire, "sleep 600")
        job = dispatch(wire, after=[running], hold=True)
        assert wire.ok(op="list")["held"] == 1
        wire.ok(op="cancel", job=job)
        wire.ok(op="retry", job=job)
        assert status(wire, job)["state"] == "queued"
        assert wire.ok(op="info").get("held", 0) == 0
        wire.ok(op="cancel", job=running)
