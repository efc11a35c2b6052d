"""Schedules survive what happens to the daemon, its machine and its disk, and no run is dispatched twice."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import pytest

from acceptance.test_clocks import HOUR, OffDaemon, daemon
from support import Connection, PrivateDaemon, eventually, private_daemon

__all__ = ["daemon"]

EVERY_SECOND = "* * * * * *"


@pytest.fixture
def plain() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\ngrace_s = 0.2\n") as running:
        yield running


def add(wire: Connection, cron: str, **fields: Any) -> None:
    job = {"project": "overbits", "argv": ["true"], **fields.pop("job", {})}
    wire.ok(op="schedule_add", name="s", cron=cron, timezone="UTC", job=job, **fields)


def jobs(wire: Connection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wire.ok(op="list", tags={"schedule": "s"}, limit=1000)["jobs"]
    return found[::-1]


def runs(wire: Connection) -> list[float]:
    return [datetime.fromisoformat(job["key"].removeprefix("schedule/s/")).timestamp() for job in jobs(wire)]


def test_runs_go_on_over_crashes_and_none_is_dispatched_twice(plain: PrivateDaemon) -> None:
    with plain.connect() as wire:
        begun = time.time()
        add(wire, EVERY_SECOND, missed="all", overlap="queue")
    for _ in range(3):
        with plain.connect() as wire:
            before = len(jobs(wire))
            eventually(lambda: len(jobs(wire)) > before)  # noqa: B023
        plain.kill()
        plain.start()
    with plain.connect() as wire:
        restarted = time.time()
        eventually(lambda: runs(wire)[-1] > restarted)
        wire.ok(op="schedule_pause", name="s")
        found = runs(wire)
    assert len(found) == len(set(found))
    assert found == [found[0] + each for each in range(len(found))]  # with `all`, none is missing either
    assert begun < found[0]


@pytest.mark.parametrize(("missed", "made_up"), [("once", 1), ("all", 8), ("skip", 0)])
def test_runs_that_were_missed_are_made_up_for_as_was_asked(daemon: OffDaemon, missed: str, made_up: int) -> None:
    minute = time.gmtime(time.time() + HOUR / 2).tm_min
    with daemon.connect() as wire:
        add(wire, f"{minute} * * * *", missed=missed)
    daemon.stop()
    daemon.set(wall=7.75 * HOUR, boottime=7.75 * HOUR)  # which is 8 runs and some minutes later
    daemon.start_off()
    with daemon.connect() as wire:
        last = wire.ok(op="schedule_show", name="s")["schedule"]["last"]
        assert bool(last["note"]) == (missed == "skip")
        assert len(runs(wire)) == len(set(runs(wire))) == made_up
    daemon.kill()
    daemon.start_off()
    with daemon.connect() as wire:
        assert len(runs(wire)) == made_up


def test_a_pause_and_the_jobs_that_have_not_ended_are_known_after_a_crash(plain: PrivateDaemon) -> None:
    with plain.connect() as wire:
        add(wire, "@yearly", job={"argv": ["sleep", "1000"]})
        wire.ok(op="schedule_pause", name="s")
        job = wire.ok(op="schedule_run", name="s")["job"]
    plain.kill()
    plain.start()
    with plain.connect() as wire:
        shown = wire.ok(op="schedule_show", name="s")["schedule"]
        assert (shown["paused"], shown["live"]) == (True, [job])
        wire.ok(op="cancel", job=job)


def test_variables_are_as_private_as_those_of_jobs_and_go_with_the_schedule(plain: PrivateDaemon) -> None:
    secret, other = "hunter2-very-secret", "swordfish-as-secret"
    with plain.connect() as wire:
        job = {"argv": ["sh", "-c", "test ${#PASSWORD} = 19"], "env": {"PASSWORD": secret}}
        add(wire, "@yearly", job={**job, "client_env": {"LC_ALL": other, "SSH_AUTH_SOCK": "/tmp/agent-of-a-login"}})
        said = json.dumps(wire.ok(op="schedule_show", name="s"))
        assert "PASSWORD" in said
    plain.kill()
    plain.start()
    with plain.connect() as wire:
        run = wire.ok(op="schedule_run", name="s")["job"]
        (ended,) = wire.ok(op="wait", jobs=[run])["jobs"]
        assert ended["state"] == "completed"
        said += json.dumps(wire.ok(op="schedule_list")) + json.dumps(ended) + plain.log.read_text()
        wire.ok(op="schedule_remove", name="s")
        wire.ok(op="remove", job=run)
    assert secret not in said
    assert other not in said
    kept = b"".join(file.read_bytes() for file in plain.state.glob("jobs.db*"))
    assert other.encode() not in kept
    assert b"agent-of-a-login" not in b"".join(file.read_bytes() for file in plain.state.glob("environments.db*"))
    with closing(sqlite3.connect(plain.state / "environments.db")) as private:
        eventually(lambda: private.execute("SELECT count(*) FROM environments").fetchone() == (0,))


def test_runs_wait_for_a_store_that_cannot_be_written(plain: PrivateDaemon) -> None:
    with plain.connect() as wire:
        add(wire, EVERY_SECOND, missed="all", overlap="queue")
        eventually(lambda: jobs(wire))
        (plain.state / "jobs.db").rename(plain.state / "aside.db")
        eventually(lambda: wire.ok(op="info")["storage"] != "ok")
        refused = wire.ask(op="schedule_add", name="new", cron="@daily", job={"project": "overbits", "task": "t"})
        assert refused["error"]["code"] == "storage_unavailable"
        for op in ("schedule_pause", "schedule_resume", "schedule_remove", "schedule_run"):
            assert wire.error(op=op, name="s")["code"] == "storage_unavailable"  # a crash would undo what is answered
        before = len(jobs(wire))
        (plain.state / "aside.db").rename(plain.state / "jobs.db")
        eventually(lambda: len(jobs(wire)) > before + 1)
        wire.ok(op="schedule_pause", name="s")
        found = runs(wire)
        assert found == [found[0] + each for each in range(len(found))]
        assert [each["name"] for each in wire.ok(op="schedule_list")["schedules"]] == ["s"]


def test_what_a_restored_snapshot_has_forgotten_is_not_dispatched_again(plain: PrivateDaemon) -> None:
    """The job of a run is found in its directory, and its key tells that the run has been."""
    with plain.connect() as wire:
        add(wire, EVERY_SECOND, missed="all", overlap="queue")
        eventually(lambda: len([job for job in jobs(wire) if job["state"] == "completed"]) >= 2)
        wire.ok(op="schedule_pause", name="s")
        done = [job["id"] for job in jobs(wire)]
        wire.ok(op="wait", jobs=done)
        eventually(lambda: all((plain.state / "jobs" / job / "status.json").exists() for job in done))
    plain.stop()
    with closing(sqlite3.connect(plain.state / "jobs.db")) as store:
        (text,) = store.execute("SELECT schedule FROM schedules").fetchone()
        record = json.loads(text)
        record["fate"] = {"decided": record["spec"]["created_at"]}
        store.execute("UPDATE schedules SET schedule = ?", (json.dumps(record),))
        store.commit()
    plain.start()
    with plain.connect() as wire:
        eventually(lambda: len(jobs(wire)) > len(done))
        wire.ok(op="schedule_pause", name="s")
        found = runs(wire)
        assert len(found) == len(set(found))
        assert [job["id"] for job in jobs(wire)][: len(done)] == done


def test_a_zone_that_is_not_known_any_more_is_told_and_nothing_else_is_disturbed(plain: PrivateDaemon) -> None:
    with plain.connect() as wire:
        add(wire, "@yearly")
    plain.stop()
    with closing(sqlite3.connect(plain.state / "jobs.db")) as store:
        store.execute("UPDATE schedules SET schedule = json_set(schedule, '$.spec.timezone', 'Mars/Olympus')")
        store.commit()
    plain.start()
    with plain.connect() as wire:
        shown = wire.ok(op="schedule_show", name="s")["schedule"]
        assert (shown["problem"], shown["next"]) == ("unknown time zone 'Mars/Olympus'", [])
        wire.ok(op="schedule_remove", name="s")
