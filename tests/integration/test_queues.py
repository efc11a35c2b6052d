"""Projects and everything are paused and resumed, and the daemon is drained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_client.cli import exit_codes
from support import Connection, PrivateDaemon, dispatch, end_states, eventually, install_luzia, private_daemon, status

TICKING = "while [ ! -e go ]; do sleep 0.02; done"
OTHER = '[projects.other]\npath = "{root}/overbits"\nagent = "shell"\n'


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(OTHER) as running:
        yield running


def in_state(wire: Connection, job: str, state: str) -> None:
    eventually(lambda: status(wire, job)["state"] == state, f"{job} {state}")


def running(wire: Connection, task: str = TICKING, project: str = "overbits") -> str:
    job = dispatch(wire, task, project)
    in_state(wire, job, "running")
    return job


def restarts(daemon: PrivateDaemon) -> Iterator[str]:
    """A crash, and an orderly restart."""
    for end in (daemon.kill, daemon.stop):
        end()
        daemon.start()
        yield end.__name__


def test_a_paused_project_stands_still_and_starts_nothing_until_it_is_resumed_also_over_restarts(
    daemon: PrivateDaemon,
) -> None:
    with daemon.connect() as wire:
        job = running(wire)
        assert wire.ok(op="pause_queue", project="overbits")["jobs"] == [job]
        assert status(wire, job)["state"] == "paused"
        later = dispatch(wire)
        told = status(wire, later)["reason"]
        assert told.startswith("project overbits has been paused since "), told
        assert told.endswith("; resume it with `luzia resume --project overbits`")
        assert end_states(wire, dispatch(wire, project="other")) == ["completed"], "others go on"
    for _ in restarts(daemon):
        with daemon.connect() as wire:
            assert end_states(wire, dispatch(wire, project="other")) == ["completed"]
            assert (status(wire, job)["state"], status(wire, later)["state"]) == ("paused", "queued")
    (Path(daemon.project) / "go").touch()
    with daemon.connect() as wire:
        assert wire.ok(op="resume_queue", project="overbits")["jobs"] == [job]
        assert end_states(wire, job, later) == ["completed", "completed"]
        assert wire.ok(op="info")["queues"] == {"everything": None, "projects": {}, "draining": None}


def test_only_the_queue_is_paused_when_that_is_asked_for(daemon: PrivateDaemon, wire: Connection) -> None:
    job = running(wire)
    assert wire.ok(op="pause_queue", project="overbits", running=False)["jobs"] == []
    later = dispatch(wire)
    (Path(daemon.project) / "go").touch()
    assert end_states(wire, job) == ["completed"]
    assert end_states(wire, dispatch(wire, project="other")) == ["completed"]
    assert status(wire, later)["state"] == "queued"
    wire.ok(op="resume_queue", project="overbits", running=False)
    assert end_states(wire, later) == ["completed"]


def test_a_job_that_was_about_to_start_is_paused_as_soon_as_it_runs(daemon: PrivateDaemon, wire: Connection) -> None:
    for _ in range(5):
        job = dispatch(wire, TICKING)
        assert wire.ok(op="pause", job=job)["state"] in ("starting", "paused")
        in_state(wire, job, "paused")
        wire.ok(op="cancel", job=job)
    jobs = [dispatch(wire, TICKING) for _ in range(3)]
    wire.ok(op="pause_queue")
    eventually(lambda: {status(wire, job)["state"] for job in jobs} <= {"paused", "queued"}, "nothing that runs")
    (Path(daemon.project) / "go").touch()
    wire.ok(op="resume_queue")
    assert end_states(wire, *jobs) == ["completed"] * 3


def test_a_pause_of_what_is_about_to_start_is_taken_back_by_a_resume(daemon: PrivateDaemon, wire: Connection) -> None:
    (Path(daemon.project) / "go").touch()
    for _ in range(5):
        job = dispatch(wire, f"sleep 0.1; {TICKING}")
        for op in ("pause", "resume"):
            wire.ok(op=op, job=job)
        assert end_states(wire, job) == ["completed"]


def test_everything_is_paused_and_resumed_with_every_project(daemon: PrivateDaemon, wire: Connection) -> None:
    job = running(wire)
    wire.ok(op="pause_queue", project="other")
    assert wire.ok(op="pause_queue")["jobs"] == [job]
    later, other = dispatch(wire), dispatch(wire, project="other")
    for each in (later, other):
        assert status(wire, each)["reason"].startswith("the queue has been paused since ")
    assert wire.ok(op="resume_queue", project="overbits")["jobs"] == [job], "what was paused with everything"
    assert status(wire, later)["reason"].startswith("the queue has been paused since ")
    (Path(daemon.project) / "go").touch()
    told = wire.ok(op="resume_queue")
    assert told == {"queues": {"everything": None, "projects": {}, "draining": None}, "jobs": []}
    assert end_states(wire, job, later, other) == ["completed"] * 3


def test_a_project_that_nobody_knows_cannot_be_paused(wire: Connection) -> None:
    for op in ("pause_queue", "resume_queue"):
        assert wire.error(op=op, project="overbist")["code"] == "unknown_project"


def test_a_drain_lets_what_runs_end_and_starts_nothing_until_it_is_taken_back(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    job = running(wire)
    since = wire.ok(op="drain")["queues"]["draining"]
    assert since is not None
    assert wire.ok(op="drain")["queues"]["draining"] == since, "asking twice is harmless"
    later = dispatch(wire)
    told = status(wire, later)["reason"]
    assert told.startswith("draining since ")
    assert told.endswith("; end it with `luzia drain --end`")
    (Path(daemon.project) / "go").touch()
    assert end_states(wire, job) == ["completed"]
    assert status(wire, later)["state"] == "queued"
    assert wire.ok(op="drain", end=True)["queues"]["draining"] is None
    assert end_states(wire, later) == ["completed"]


def test_a_drain_survives_a_crash_and_ends_with_an_orderly_stop(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        wire.ok(op="pause_queue", project="other")
        wire.ok(op="drain")
        job = dispatch(wire)
    daemon.kill()
    daemon.start()
    with daemon.connect() as wire:
        assert status(wire, job)["reason"].startswith("draining since ")
    daemon.stop()
    daemon.start()
    with daemon.connect() as wire:
        assert end_states(wire, job) == ["completed"]
        assert list(wire.ok(op="info")["queues"]["projects"]) == ["other"], "a pause stays"


def test_what_cannot_be_kept_is_refused_and_changes_nothing(daemon: PrivateDaemon, wire: Connection) -> None:
    (daemon.state / "queues.json").mkdir()
    for request in ({"op": "drain"}, {"op": "pause_queue"}, {"op": "pause_queue", "project": "other"}):
        assert wire.error(**request)["code"] == "storage_unavailable"
    assert end_states(wire, dispatch(wire)) == ["completed"]


def test_nothing_starts_when_what_is_paused_cannot_be_read(daemon: PrivateDaemon) -> None:
    daemon.stop()
    (daemon.state / "queues.json").write_text("{")
    daemon.start()
    with daemon.connect() as wire:
        job = dispatch(wire)
        assert status(wire, job)["reason"].startswith("the queue has been paused since ")
        (notice,) = wire.ok(op="info")["notices"]
        assert "queues.json cannot be read, so the queue is paused" in notice
        wire.ok(op="resume_queue")
        assert end_states(wire, job) == ["completed"]


def test_every_screen_tells_what_is_stopped(daemon: PrivateDaemon, wire: Connection) -> None:
    assert daemon.run("pause", "--project", "other").stdout == "other  paused\n"
    assert daemon.run("pause", "--all", "--queue-only").stdout == "everything  paused\n"
    assert daemon.run("drain").stdout.startswith("Draining: no jobs are active.")
    words = {"draining since", "paused since", "project other paused since"}
    for command in (["jobs"], ["daemon", "status"], ["doctor"]):
        shown = daemon.run(*command).stdout
        assert all(word in shown for word in words), shown
    listed = daemon.run("projects").stdout.splitlines()
    assert [line.endswith("(paused)") for line in listed[1:3]] == [True, False]
    done = daemon.run("resume", "--all")
    assert done.stdout == "everything  resumed\n"
    assert "draining since" in done.stderr
    assert daemon.run("drain", "--end").stdout == "Draining ended; jobs start again\n"
    assert not any(word in daemon.run("jobs").stdout for word in words)


def test_the_command_asks_before_it_pauses_what_runs(daemon: PrivateDaemon, wire: Connection) -> None:
    job = running(wire)
    done = daemon.run("pause", "--project", "overbits")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"this would pause overbits, and 1 job: {job}" in done.stderr
    assert daemon.run("pause", "--project", "overbits", "--yes").stdout == f"overbits  paused\n{job}  paused\n"
    assert daemon.run("resume", "--project", "overbits", "-y").stdout == f"overbits  resumed\n{job}  resumed\n"
    assert status(wire, job)["state"] == "running"


def test_other_filters_pause_jobs_and_no_queue(daemon: PrivateDaemon, wire: Connection) -> None:
    job = running(wire)
    assert daemon.run("pause", "--project", "overbits", "--state", "running", "-y").stdout == f"{job}  paused\n"
    assert end_states(wire, dispatch(wire)) == ["completed"]
    refused = daemon.run("pause", "--project", "overbits", "--tag", "a=b", "--queue-only")
    assert refused.returncode == 2
    assert "--queue-only requires --project or --all alone" in refused.stderr


def test_drain_waits_until_nothing_runs_and_tells_how_many_do(daemon: PrivateDaemon, wire: Connection) -> None:
    job = running(wire)
    wire.ok(op="pause", job=job)
    wire.ok(op="drain")
    assert wire.ok(op="info")["counts"] == {"paused": 1}
    with daemon.start_command("drain", "--wait") as draining:
        assert draining.stdout is not None
        assert draining.stdout.readline() == "1 job is active, 1 paused\n"
        wire.ok(op="resume", job=job)
        assert draining.stdout.readline() == "1 job is active\n"
        (Path(daemon.project) / "go").touch()
        assert draining.stdout.read() == "no jobs are active\n"
        assert draining.wait(60) == 0
    assert json.loads(daemon.run("drain", "--wait", "--json").stdout)["running"] == 0


def test_drain_says_when_somebody_has_ended_the_drain(daemon: PrivateDaemon, wire: Connection) -> None:
    running(wire)
    with daemon.start_command("drain", "--wait") as draining:
        assert draining.stdout is not None
        assert draining.stdout.readline() == "1 job is active\n"
        eventually(lambda: wire.ok(op="info")["subscribers"], "it follows the daemon")
        assert daemon.run("drain", "--end").returncode == 0
        assert draining.wait(60) == exit_codes.REFUSED
        assert draining.stderr is not None
        assert "draining was ended, and 1 job is active" in draining.stderr.read()


def test_drain_goes_on_after_a_crash_and_ends_with_a_restart(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        running(wire)
    with daemon.start_command("drain", "--wait") as draining:
        assert draining.stdout is not None
        assert draining.stdout.readline() == "1 job is active\n"
        daemon.kill()
        daemon.start()
        with daemon.connect() as wire:
            eventually(lambda: wire.ok(op="info")["subscribers"], "it follows the next daemon")
        daemon.stop()
        daemon.start()
        assert draining.wait(60) == exit_codes.REFUSED
        assert draining.stderr is not None
        assert "draining was ended, and 1 job is active" in draining.stderr.read()


def test_a_subscriber_is_told_what_is_paused_at_once_and_after_each_change(wire: Connection) -> None:
    none: dict[str, object] = {"everything": None, "projects": {}, "draining": None}
    seq = wire.ok(op="list")["seq"]
    assert wire.ask(op="subscribe", after=seq, kinds=["removed"], queues=True, id="s")["ok"] == {}
    assert wire.receive() == {"id": "s", "queues": none}
    wire.send(op="drain", id="d")
    frames = {frame["id"]: frame for frame in (wire.receive(), wire.receive())}
    assert frames["s"]["queues"] == frames["d"]["ok"]["queues"]
    assert frames["s"]["queues"]["draining"]
    wire.send(op="drain", end=True, id="d")
    frames = {frame["id"]: frame for frame in (wire.receive(), wire.receive())}
    assert frames["s"]["queues"] == none
    wire.ok(op="unsubscribe", stream="s", id="u")
    wire.ok(op="drain", end=True, id="d")


PARENT = """
while [ ! -e go ]; do sleep 0.02; done
child=$(./luzia -q overbits 'test -e there')
./luzia wait "$child"
"""
STOPS: list[dict[str, object]] = [
    {"op": "drain"},
    {"op": "pause_queue", "running": False},
    {"op": "pause_queue", "running": False, "project": "overbits"},
]


@pytest.mark.parametrize("stop", STOPS, ids=["drain", "everything", "project"])
def test_sub_jobs_of_what_runs_start_while_nothing_else_does(stop: dict[str, object]) -> None:
    with private_daemon("[daemon]\nmax_running = 1\n") as daemon, daemon.connect() as wire:
        install_luzia(daemon.project)
        (daemon.project / "there").touch()
        parent = running(wire, PARENT)
        wire.ok(**stop)
        later = dispatch(wire, priority=100)
        (Path(daemon.project) / "go").touch()
        assert end_states(wire, parent) == ["completed"]
        assert list(status(wire, parent)["children"]) == ["completed"]
        assert status(wire, later)["state"] == "queued"
        assert " since " in status(wire, later)["reason"]


def test_sub_jobs_of_a_paused_job_do_not_start(daemon: PrivateDaemon, wire: Connection) -> None:
    parent = running(wire)
    wire.ok(op="pause_queue", project="overbits")
    job = dispatch(wire, parent=parent)
    with daemon.connect() as waiting:
        waiting.send(op="wait", jobs=[job], parent=parent)
        assert end_states(wire, dispatch(wire, project="other")) == ["completed"]
        assert status(wire, job)["reason"].startswith("project overbits has been paused since ")
        wire.ok(op="resume", job=parent)
        assert waiting.receive()["ok"]["jobs"][0]["state"] == "completed", "it goes on, and what it waits for"
