"""Schedules, over the socket of a real daemon: their runs, and what is decided about them."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from support import Connection, PrivateDaemon, eventually, private_daemon

EVERY_SECOND = "* * * * * *"
NEVER_SOON = "0 0 29 2 *"
ALONE = "import fcntl, time; f = open('lock', 'w'); fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB); time.sleep(1000)"
"""A program that fails when there is another one."""


FEW_LIVE_JOBS = """
import sys
from luziad.schedules import due
due.MAX_ALL_LIVE_JOBS = 5
from luziad.cli import main
sys.exit(main())
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\ngrace_s = 0.2\n") as running:
        yield running


def add(wire: Connection, name: str = "s", cron: str = NEVER_SOON, argv: list[str] | None = None, **more: Any) -> Any:
    job = {"project": "overbits", "argv": argv or ["true"], **more.pop("job", {})}
    return wire.ok(op="schedule_add", name=name, cron=cron, job=job, **more)["schedule"]


def show(wire: Connection, name: str = "s") -> Any:
    return wire.ok(op="schedule_show", name=name)["schedule"]


def jobs(wire: Connection, name: str = "s") -> list[dict[str, Any]]:
    """All jobs of a schedule, the first one first."""
    found: list[dict[str, Any]] = wire.ok(op="list", tags={"schedule": name}, limit=1000)["jobs"]
    return found[::-1]


def moments(found: list[dict[str, Any]], name: str = "s") -> list[datetime]:
    """The runs that jobs were dispatched for, by their keys."""
    return [datetime.fromisoformat(job["key"].removeprefix(f"schedule/{name}/")) for job in found]


def test_a_job_is_dispatched_at_each_moment_and_tells_its_schedule(wire: Connection) -> None:
    tell = ["sh", "-c", 'echo "$LUZIA_SCHEDULE $LUZIA_RUN_AT"']
    added = add(wire, cron=EVERY_SECOND, argv=tell, timezone="Asia/Kathmandu", job={"tags": {"kind": "tick"}})
    eventually(lambda: len(jobs(wire)) >= 3)
    found = jobs(wire)
    assert all(job["tags"] == {"kind": "tick", "schedule": "s"} for job in found)
    runs = moments(found)
    assert [datetime.fromisoformat(job["run_of"]["at"]) for job in found] == runs
    wire.ok(op="wait", jobs=[found[0]["id"]])
    assert wire.ok(op="logs", job=found[0]["id"])["data"] == f"s {found[0]['run_of']['at']}\n"
    assert found[0]["run_of"]["at"].endswith("+05:45")
    assert runs[0] <= datetime.fromisoformat(added["next"][0])
    assert len(set(runs)) == len(runs)
    created = [datetime.fromisoformat(job["created_at"]) for job in found]
    assert all(run <= moment for run, moment in zip(runs, created, strict=True))
    eventually(lambda: (last := show(wire)["last"]) and last["state"] == "completed")


def test_a_schedule_is_shown_with_its_next_runs_in_its_zone(wire: Connection) -> None:
    shown = add(wire, cron="0 3 * * 1-5", timezone="Europe/Berlin", missed="all", overlap="cancel")
    assert [each[11:19] for each in shown["next"]] == ["03:00:00"] * 5
    assert {each[19:] for each in shown["next"]} <= {"+01:00", "+02:00"}
    assert (shown["missed"], shown["overlap"], shown["last"], shown["paused"]) == ("all", "cancel", None, False)
    assert len(wire.ok(op="schedule_show", name="s", runs=30)["schedule"]["next"]) == 30
    (listed,) = wire.ok(op="schedule_list")["schedules"]
    assert listed["next"] == shown["next"][:1]


def test_what_could_never_run_is_refused_and_leaves_nothing_behind(wire: Connection) -> None:
    add(wire, "there")
    mistakes: list[tuple[str, dict[str, Any]]] = [
        ("bad_request", {"name": "no spaces"}),
        ("schedule_exists", {"name": "there"}),
        ("invalid_cron", {"cron": "0 25 * * *"}),
        ("unknown_timezone", {"timezone": "Mars/Olympus"}),
        ("unknown_timezone", {"timezone": "../../etc/passwd"}),
        ("unknown_timezone", {"timezone": "Europe"}),
        ("unknown_project", {"job": {"project": "overbots", "argv": ["true"]}}),
        ("invalid_task", {"job": {"project": "overbits"}}),
        ("bad_request", {"job": {"project": "overbits", "task": "t", "key": "k"}}),
        ("bad_request", {"job": {"project": "overbits", "task": "t", "start_in_s": 5}}),
        ("bad_request", {"job": {"project": "overbits", "task": "t", "after": ["@last"]}}),
        ("bad_request", {"job": {"project": "overbits", "task": "t", "tags": {"schedule": "x"}}}),
        ("bad_request", {"job": {"project": "overbits", "task": "t", "retries": 10**6}}),
    ]
    good = {"name": "new", "cron": "@daily", "job": {"project": "overbits", "argv": ["true"]}}
    for code, fields in mistakes:
        assert wire.error(op="schedule_add", **(good | fields))["code"] == code, fields
    assert [each["name"] for each in wire.ok(op="schedule_list")["schedules"]] == ["there"]
    near = wire.error(op="schedule_add", **(good | {"timezone": "berlin"}))
    assert near["hint"] == "Did you mean Europe/Berlin?"
    assert wire.error(op="schedule_show", name="their")["hint"] == "Did you mean 'there'?"


def test_a_paused_schedule_dispatches_nothing_until_it_is_resumed(wire: Connection) -> None:
    add(wire, cron=EVERY_SECOND)
    assert wire.ok(op="schedule_pause", name="s")["schedule"]["next"] == []
    before = len(jobs(wire))
    paused = time.time()
    add(wire, "other", cron=EVERY_SECOND)
    eventually(lambda: len(jobs(wire, "other")) >= 2)
    assert len(jobs(wire)) == before
    resumed = time.time()
    wire.ok(op="schedule_resume", name="s")
    found = eventually(lambda: (found := jobs(wire))[before:] and found)
    assert all(not paused < run.timestamp() <= resumed for run in moments(found))


def test_run_dispatches_at_once_and_behind_what_has_not_ended(wire: Connection, daemon: PrivateDaemon) -> None:
    add(wire, argv=["sh", "-c", "until [ -e stop ]; do sleep 0.02; done"])
    wire.ok(op="schedule_pause", name="s")
    first = wire.ok(op="schedule_run", name="s")["job"]
    eventually(lambda: wire.ok(op="status", job=first)["job"]["state"] == "running")
    second = wire.ok(op="schedule_run", name="s")["job"]
    waiting = wire.ok(op="status", job=second)["job"]
    assert (waiting["state"], waiting["reason"]) == ("queued", f"waits for {first}")
    assert show(wire)["live"] == [first, second]
    (daemon.project / "stop").touch()
    wire.ok(op="wait", jobs=[first, second])
    assert show(wire)["live"] == []


def test_a_run_is_skipped_while_the_job_before_has_not_ended(wire: Connection, daemon: PrivateDaemon) -> None:
    add(wire, cron=EVERY_SECOND, argv=["sh", "-c", "until [ -e stop ]; do sleep 0.02; done"])
    note = eventually(lambda: (last := show(wire)["last"]) and last["note"])
    (only,) = jobs(wire)
    assert note == f"skipped: job {only['id']} had not finished"
    (daemon.project / "stop").touch()
    eventually(lambda: len(jobs(wire)) >= 2)


def test_queued_runs_start_one_after_the_other(wire: Connection, daemon: PrivateDaemon) -> None:
    task = "mkdir alone && until [ -e stop ]; do sleep 0.02; done; rmdir alone"
    add(wire, cron=EVERY_SECOND, overlap="queue", argv=["sh", "-c", task])
    eventually(lambda: len(jobs(wire)) >= 3)
    wire.ok(op="schedule_pause", name="s")
    found = jobs(wire)
    states = [job["state"] for job in found]
    assert states[1:] == ["queued"] * (len(found) - 1)
    (daemon.project / "stop").touch()
    ended = wire.ok(op="wait", jobs=[job["id"] for job in found])["jobs"]
    assert {job["state"] for job in ended} == {"completed"}  # else two had been there at once


def test_the_old_job_is_cancelled_and_has_ended_before_the_new_one_starts(wire: Connection) -> None:
    add(wire, cron=EVERY_SECOND, overlap="cancel", argv=[sys.executable, "-c", ALONE])
    eventually(lambda: sum(job["state"] == "cancelled" for job in jobs(wire)) >= 2)
    wire.ok(op="schedule_remove", name="s")
    for job in jobs(wire)[-1:]:
        if job["ended_at"] is None:
            wire.ok(op="cancel", job=job["id"])
    ended = wire.ok(op="wait", jobs=[job["id"] for job in jobs(wire)])["jobs"]
    assert {job["state"] for job in ended} == {"cancelled"}


def test_a_run_that_cannot_be_dispatched_is_told_and_the_next_one_tried(
    wire: Connection, daemon: PrivateDaemon
) -> None:
    directory = daemon.root / "other"
    directory.mkdir()
    wire.ok(op="project_add", name="other", path=str(directory))
    add(wire, cron=EVERY_SECOND, job={"project": "other"})
    eventually(lambda: jobs(wire))
    directory.rmdir()
    eventually(lambda: show(wire)["last"]["note"].startswith(f"failed: the directory of project other, {directory}, "))
    directory.mkdir()
    eventually(lambda: show(wire)["last"]["job"])


def test_another_schedule_takes_the_place_of_one_and_keeps_its_jobs_and_its_pause(wire: Connection) -> None:
    add(wire, argv=["sleep", "1000"])
    job = wire.ok(op="schedule_run", name="s")["job"]
    wire.ok(op="schedule_pause", name="s")
    replaced = add(wire, cron="@hourly", replace=True)
    assert (replaced["cron"], replaced["paused"], replaced["live"]) == ("@hourly", True, [job])
    wire.ok(op="cancel", job=job)


def test_removing_a_schedule_leaves_its_jobs(wire: Connection) -> None:
    add(wire, argv=["sleep", "1000"])
    job = wire.ok(op="schedule_run", name="s")["job"]
    assert wire.ok(op="schedule_remove", name="s")["schedule"]["name"] == "s"
    assert wire.error(op="schedule_run", name="s")["code"] == "unknown_schedule"
    assert wire.ok(op="status", job=job)["job"]["state"] != "cancelled"
    wire.ok(op="cancel", job=job)


def test_nobodys_last_job_is_one_of_a_schedule(wire: Connection) -> None:
    mine = wire.ok(op="dispatch", project="overbits", argv=["true"])["job"]
    add(wire)
    wire.ok(op="schedule_run", name="s")
    assert wire.ok(op="status", job="@last")["job"]["id"] == mine


def test_a_run_and_the_decision_about_it_are_in_one_commit(wire: Connection, daemon: PrivateDaemon) -> None:
    add(wire, cron=EVERY_SECOND, overlap="queue")
    seen = set[str]()
    both = (
        "SELECT json_extract(schedule, '$.fate.last.job'), (SELECT id FROM jobs ORDER BY n DESC LIMIT 1) FROM schedules"
    )
    with closing(sqlite3.connect(f"file:{daemon.state}/jobs.db?mode=ro", uri=True, timeout=60)) as store:

        def look() -> bool:
            told, newest = store.execute(both).fetchone()
            assert told == newest
            seen.add(told)
            return len(seen) > 3

        eventually(look)


def test_the_daemon_sleeps_until_the_next_run_and_no_longer(wire: Connection, daemon: PrivateDaemon) -> None:
    def timers() -> list[float]:
        """For how many seconds each of the daemon's timers will sleep."""
        assert daemon.process is not None
        found = []
        for each in Path(f"/proc/{daemon.process.pid}/fdinfo").iterdir():
            try:
                said = each.read_text()
            except FileNotFoundError:  # closed meanwhile
                continue
            if "it_value" in said:
                assert "it_interval: (0, 0)" in said
                found.append(float(said.partition("it_value: (")[2].partition(",")[0]))
        return found

    assert timers() == []
    add(wire, "late", cron="0 0 1 1 *", timezone="UTC")
    (late,) = timers()
    soon = add(wire, "soon", cron="@daily", timezone="UTC")
    left = datetime.fromisoformat(soon["next"][0]).timestamp() - time.time()
    (sleeps,) = timers()
    assert left - 2 < sleeps < left + 60
    assert sleeps <= late
    wire.ok(op="schedule_pause", name="soon")
    wire.ok(op="schedule_pause", name="late")
    assert timers() == [0.0]


def test_there_is_no_end_to_the_zones_that_are_understood_by_name(wire: Connection) -> None:
    for number, zone in enumerate(["UTC", "Asia/Kathmandu", "America/Argentina/Ushuaia", "Etc/GMT+3"]):
        assert add(wire, f"zone-{number}", cron="@daily", timezone=zone)["timezone"] == zone
    callers = {"project": "overbits", "argv": ["true"], "client_env": {"TZ": ":America/St_Johns"}}
    shown = wire.ok(op="schedule_add", name="mine", cron="@daily", job=callers)["schedule"]
    assert shown["timezone"] == "America/St_Johns"


def test_queued_runs_of_all_schedules_are_bounded_also_after_a_restart() -> None:
    program = ("-c", FEW_LIVE_JOBS)
    names = ["a", "b", "c"]
    with private_daemon("[daemon]\ngrace_s = 0.2\n", program=program) as daemon:
        with daemon.connect() as wire:
            for name in names:
                add(wire, name, EVERY_SECOND, ["sleep", "1000"], overlap="queue")
            _await_bound(wire, names)
        daemon.kill()
        daemon.start(program)
        with daemon.connect() as wire:
            before = {name: show(wire, name)["last"]["at"] for name in names}
            eventually(lambda: all(show(wire, name)["last"]["at"] > before[name] for name in names), "later runs")
            _await_bound(wire, names)
            assert sum(len(jobs(wire, name)) for name in names) <= 8
            add(wire, "other", EVERY_SECOND)
            eventually(lambda: jobs(wire, "other"), "a schedule without unfinished jobs goes on")
            for name in [*names, "other"]:
                wire.ok(op="schedule_remove", name=name)
            for job in wire.ok(op="list", limit=1000)["jobs"]:
                if job["ended_at"] is None:
                    wire.ask(op="cancel", job=job["id"])


def _await_bound(wire: Connection, names: list[str]) -> None:
    skipped = "skipped: 5 jobs of all schedules had not finished"

    def all_skipped() -> bool:
        runs = [show(wire, name)["last"] for name in names]
        return all(last is not None and last["note"] == skipped for last in runs)

    eventually(all_skipped, "skipped runs")
