"""No accepted value breaks the reading of others: lists, details, exports, statistics and a restart work after it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import Connection, PrivateDaemon, dispatch, ended, eventually, private_daemon, status

EDGES = (
    "9999-12-31T23:59:59-05:00",
    "9999-12-31T23:59:59Z",
    "9999-12-30T00:00:01Z",
    "9999-12-30T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00Z",
    "1970-01-01T13:00:00+14:00",
    "2026-05-04T12:00:00",
)
"""Moments at the ends of calendars, and one without an offset."""

times = st.sampled_from(EDGES) | st.datetimes().map(lambda at: f"{at.isoformat()}Z")
numbers = st.sampled_from([0, -1, 1, 1e-300, 1e300, 1.7e308, 2**53, 2**63, 2**64, 10**30]) | st.floats(
    allow_nan=False, allow_infinity=False
)
texts = st.sampled_from(["", "\x1b[31m", "\u202e", "\x7f\x9b", "x" * 300]) | st.text(max_size=20)

TERMS = {
    "not_before": times,
    "start_in_s": numbers,
    "timeout_s": numbers,
    "expires_s": numbers,
    "job_timeout_s": numbers,
    "stall_timeout_s": numbers,
    "max_cost_usd": numbers,
    "max_turns": numbers,
    "retries": numbers,
    "backoff_s": st.lists(numbers, max_size=2),
    "priority": numbers,
    "cpus": numbers,
    "memory_bytes": numbers,
    "tags": st.dictionaries(texts, texts, max_size=2),
}


def some(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """One or two of these fields."""
    names = st.sets(st.sampled_from(sorted(fields)), min_size=1, max_size=2)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: fields[name] for name in sorted(chosen)}))


ATTEMPT = {
    "starting_at": times,
    "started_at": times,
    "ended_at": times,
    "pid": numbers,
    "exit_code": numbers,
    "duration_s": numbers,
    "usage": some({"user_s": numbers, "system_s": numbers, "max_rss_bytes": numbers}),
    "activity": some(
        {
            "phase_at": times,
            "last_sign_at": times,
            "limit_resets_at": times,
            "turns": numbers,
            "tokens_in": numbers,
            "cost_usd": numbers,
            "file_count": numbers,
            "tools": st.dictionaries(texts, numbers, max_size=2),
        }
    ),
}
JOB = {
    "created_at": times,
    "started_at": times,
    "ended_at": times,
    "held_at": times,
    "not_before": times,
    "duration_s": numbers,
    "seq": numbers,
    "task_bytes": numbers,
    "attempt": numbers,
    "priority": numbers,
    "terms": some(TERMS | {"not_before": times}),
    "run_of": st.fixed_dictionaries({"schedule": texts, "at": times}),
    "progress": some({"percent": numbers, "done": numbers, "total": numbers}),
    "attempts": some(ATTEMPT).map(lambda fields: [{"number": 1, **fields}]),
    "bounds": some({"max_cpus": numbers, "max_memory_bytes": numbers}),
}

requests = st.one_of(
    some(TERMS).map(lambda terms: {"op": "dispatch", "project": "overbits", "task": "true", "held": True, **terms}),
    some(TERMS).map(
        lambda terms: {
            "op": "graph",
            "jobs": [{"node": "a", "project": "overbits", "task": "true", "held": True, **terms}],
        }
    ),
    st.tuples(some(JOB), st.integers(0, 16**6 - 1)).map(
        lambda drawn: {
            "op": "import",
            "jobs": [
                {
                    "id": f"113754-{drawn[1]:06x}",
                    "name": "",
                    "project": "overbits",
                    "agent": "shell",
                    "task": "true",
                    "state": "completed",
                    "created_at": "2026-05-04T12:00:00Z",
                    **drawn[0],
                }
            ],
        }
    ),
    some(TERMS).map(
        lambda terms: {
            "op": "schedule_add",
            "name": "nightly",
            "replace": True,
            "cron": "0 3 * * *",
            "job": {"op": "dispatch", "project": "overbits", "task": "true", **terms},
        }
    ),
    times.map(lambda since: {"op": "list", "since": since}),
)


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as private:
        yield private


def check_readable(wire: Connection) -> None:
    """Every job can be listed and shown."""
    jobs = wire.ok(op="list", limit=1000)["jobs"]
    for sort in ("turn", "started", "ended", "duration", "cost"):
        assert len(wire.ok(op="list", limit=1000, sort=sort)["jobs"]) == len(jobs)
    for job in jobs[:3]:
        status(wire, job["id"])
    wire.ok(op="schedule_list")


def check_commands(daemon: PrivateDaemon) -> None:
    """The commands work at both ends of the world's time zones."""
    for zone in ("Etc/GMT+12", "Pacific/Kiritimati"):
        for command in (["jobs", "--all"], ["stats"], ["stats", "--json"], ["export"], ["schedule", "list"]):
            done = run(daemon, zone, *command)
            assert done.returncode == 0, (zone, command, done.stderr)
        with daemon.connect() as wire:
            newest = wire.ok(op="list", limit=5)["jobs"]
        for job in newest:
            done = run(daemon, zone, "jobs", job["id"])
            assert done.returncode == 0, (zone, job, done.stderr)


def run(daemon: PrivateDaemon, zone: str, *command: str) -> subprocess.CompletedProcess[str]:
    daemon.env["TZ"] = zone
    return daemon.run(*command)


def test_after_every_accepted_request_lists_details_exports_statistics_and_a_restart_work(
    daemon: PrivateDaemon,
) -> None:
    accepted = []
    with daemon.connect() as wire:

        @settings(max_examples=150, deadline=None, derandomize=True, database=None)
        @given(requests)
        def ask(request: dict[str, Any]) -> None:
            reply = wire.ask(**request)
            if "ok" in reply and all(each.get("created", True) for each in reply["ok"].get("imports", [])):
                accepted.append(request["op"])
                check_readable(wire)
            else:
                assert reply.get("error", {}).get("code") != "internal", (request, reply)

        ask()
    assert {"dispatch", "graph", "import", "schedule_add", "list"} <= set(accepted)
    check_commands(daemon)
    daemon.kill()
    daemon.start()
    with daemon.connect() as wire:
        check_readable(wire)
    check_commands(daemon)


@pytest.mark.parametrize("moment", EDGES)
def test_a_moment_that_is_none_in_some_zone_is_refused(daemon: PrivateDaemon, moment: str) -> None:
    valid = moment in ("9999-12-30T00:00:00Z", "1970-01-01T00:00:00Z")
    with daemon.connect() as wire:
        reply = wire.ask(op="dispatch", project="overbits", task="true", held=True, not_before=moment)
        assert ("ok" in reply) == valid, reply
        exported = status(wire, dispatch(wire))
        job = {**exported, "id": "113754-abcdef", "key": None, "state": "completed", "created_at": moment}
        (imported,) = wire.ok(op="import", jobs=[job])["imports"]
        assert imported["created"] is valid, imported
        check_readable(wire)


@pytest.mark.parametrize(
    "values",
    [
        {"ended_at": 1e300},
        {"ended_at": -1e300},
        {"started_at": 253_402_300_799},
        {"duration_s": 1e300},
        {"exit_code": 10**30},
        {"usage": {"max_rss_bytes": 10**30}},
        {"usage": {"user_s": 1e400}},
    ],
)
def test_an_exit_record_with_impossible_values_ends_its_job_and_harms_no_other(
    daemon: PrivateDaemon, values: dict[str, Any]
) -> None:
    forged = {
        "exit_code": 0,
        "signal": None,
        "error": None,
        "stopped": False,
        "started_at": 1.0,
        "ended_at": 2.0,
        "duration_s": 1.0,
        "usage": {},
    } | values
    with daemon.connect() as wire:
        job = dispatch(wire, "sleep 600")
        eventually(lambda: status(wire, job)["state"] == "running")
        directory = Path(status(wire, job)["directory"]) / "1"
        text = json.dumps(forged).replace("Infinity", "1e400")
        shim = json.loads((directory / "lock").read_text())["pid"]
        (directory / "exit.json").write_text(text)
        os.kill(shim, 9)
        (lost,) = ended(wire, job)
        assert (lost["state"], lost["reason"]) == ("lost", "its exit record cannot be read")
        check_readable(wire)
    check_commands(daemon)
    daemon.kill()
    daemon.start()
    with daemon.connect() as wire:
        check_readable(wire)
