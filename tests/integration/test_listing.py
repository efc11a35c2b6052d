"""`luzia jobs`: columns, orders and moments, with a real daemon behind it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

import pytest

from luzia_protocol.jobs import SortKey
from luzia_protocol.states import SORT_KEYS

from luzia_client.cli.show.columns import COLUMNS
from luziad.handlers.jobs import FIRST_READ
from luziad.jobs.sorting import ORDERS
from support import MAIN, Connection, PrivateDaemon, eventually, private_daemon, status
from terminal import terminal


class Jobs(NamedTuple):
    """A daemon, a connection to it, and its jobs by what they are called here, in the order of their dispatch."""

    daemon: PrivateDaemon
    wire: Connection
    ids: dict[str, str]

    def listed(self, *options: str) -> list[str]:
        """The jobs that `luzia jobs` prints with these options, as they are called here."""
        done = self.daemon.run("jobs", "--format", "id", *options)
        assert (done.returncode, done.stderr) == (0, "")
        names = {job: name for name, job in self.ids.items()}
        return [names[line] for line in done.stdout.splitlines()]

    def page(self, **request: Any) -> dict[str, Any]:
        return self.wire.ok(op="list", **request)


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    with private_daemon('[projects.attic]\npath = "{root}/overbits"\n') as daemon, daemon.connect() as wire:
        asked: dict[str, dict[str, Any]] = {
            "slow": {"argv": ["sleep", "0.4"], "priority": 1},
            "failed": {"argv": ["sh", "-c", "exit 3"], "project": "attic"},
            "quick": {"task": ": \tb \x1b[31m\n:", "agent": "shell", "tags": {"kind": "night ly"}},
        }
        ids = {}
        for name, request in asked.items():
            ids[name] = wire.ok(op="dispatch", **{"project": "overbits", **request})["job"]
            wire.ok(op="wait", jobs=[ids[name]])
        ids["later"] = wire.ok(op="dispatch", project="overbits", argv=["true"], start_in_s=9e4, priority=9)["job"]
        yield Jobs(daemon, wire, ids)


def test_live_jobs_come_first_and_then_the_newest(jobs: Jobs) -> None:
    assert jobs.listed() == ["later", "quick", "failed", "slow"]
    assert jobs.listed("--reverse") == ["slow", "failed", "quick", "later"]


def test_jobs_are_sorted_by_what_is_asked_and_what_nobody_knows_comes_last(jobs: Jobs) -> None:
    assert jobs.listed("--sort", "duration")[0] == "slow"
    assert jobs.listed("--sort", "duration")[-1] == "later"
    assert jobs.listed("--sort", "duration", "--reverse")[2:] == ["slow", "later"]
    assert jobs.listed("--sort", "ended") == ["quick", "failed", "slow", "later"]
    assert jobs.listed("--sort", "priority") == ["later", "slow", "quick", "failed"]
    assert jobs.listed("--sort", "project") == ["failed", "later", "quick", "slow"]
    assert jobs.listed("--sort", "state") == ["later", "quick", "slow", "failed"]
    assert jobs.listed("--sort", "state", "-r") == ["failed", "quick", "slow", "later"]
    assert len(jobs.listed("--sort", "cost")) == 4


def test_every_order_goes_over_pages(jobs: Jobs) -> None:
    for key in SORT_KEYS:
        for reverse in (False, True):
            whole = [job["id"] for job in jobs.page(sort=key, reverse=reverse)["jobs"]]
            assert sorted(whole) == sorted(jobs.ids.values())
            paged, cursor = [], None
            while True:
                page = jobs.page(sort=key, reverse=reverse, limit=1, cursor=cursor)
                paged += [job["id"] for job in page["jobs"]]
                cursor = page["next"]
                if cursor is None:
                    break
            assert paged == whole


def test_orders_go_with_what_selects_jobs(jobs: Jobs) -> None:
    assert jobs.listed("--sort", "created", "--project", "overbits", "--limit", "2") == ["later", "quick"]
    assert jobs.listed("--state", "completed", "--reverse") == ["slow", "quick"]
    assert jobs.listed("--tag", "kind=night ly") == ["quick"]


def test_jobs_since_a_moment_are_listed(jobs: Jobs) -> None:
    created = {job["id"]: job["created_at"] for job in jobs.page()["jobs"]}
    assert jobs.listed("--since", created[jobs.ids["quick"]]) == ["later", "quick"]
    assert jobs.listed("--since", "1h") == ["later", "quick", "failed", "slow"]
    assert jobs.listed("--since", "2999-01-01") == []
    assert "No jobs match." in jobs.daemon.run("jobs", "--since", "2999-01-01").stdout


def test_a_pipe_gets_values_for_programs(jobs: Jobs) -> None:
    done = jobs.daemon.run("jobs", "--format", "state,exit,reason,task,tags,ended,cost", "--state", "failed,completed")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    wire = {job["id"]: job for job in jobs.page()["jobs"]}
    assert rows[0][:5] == ["completed", "0", "", ": b ^[[31m :", "kind=night ly"]
    assert rows[1][:4] == ["failed", "3", "exit code 3", "sh -c exit 3"]
    assert rows[0][5].removesuffix("+00:00") in wire[jobs.ids["quick"]]["ended_at"]
    assert {len(row) for row in rows} == {7}


def test_every_column_can_be_printed(jobs: Jobs) -> None:
    done = jobs.daemon.run("jobs", "--format", ",".join(COLUMNS))
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.count("\t") for line in done.stdout.splitlines()} == {len(COLUMNS) - 1}


def test_json_is_what_the_wire_has(jobs: Jobs) -> None:
    printed = [json.loads(line) for line in jobs.daemon.run("jobs", "--json").stdout.splitlines()]
    wire = {job["id"]: job for job in jobs.page()["jobs"]}
    assert [job["id"] for job in printed] == [jobs.ids[name] for name in jobs.listed()]
    for job in printed:
        assert job.keys() == wire[job["id"]].keys()
        assert {name: job[name] for name in ("task", "state", "created_at", "duration_s")} == {
            name: wire[job["id"]][name] for name in ("task", "state", "created_at", "duration_s")
        }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--format", "id,sate"), "unknown column 'sate'\n  Did you mean `state`? Columns: id, name, "),
        (("--format", ","), "unknown column ','"),
        (("--sort", "create"), "Did you mean `created`?"),
        (("--since", "soon"), "invalid time or duration 'soon'"),
        (("--format", "id", "--json"), "--json cannot be combined with --format"),
        (("--sort", "state", "x"), "IDs cannot be combined"),
        (("--watch", "--since", "1h"), "--watch cannot be combined"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_does(jobs: Jobs, options: tuple[str, ...], said: str) -> None:
    done = jobs.daemon.run("jobs", *options)
    assert done.returncode == 2
    assert said in done.stderr


def test_an_order_or_a_moment_that_the_daemon_does_not_know_is_refused(jobs: Jobs) -> None:
    assert jobs.wire.error(op="list", sort="colour")["code"] == "bad_request"
    assert jobs.wire.error(op="list", since="2026-11-24T09:00:00")["code"] == "bad_request"
    assert len(jobs.page(sort="ended", cursor=-5)["jobs"]) == 4
    assert jobs.page(sort="ended", cursor=99)["jobs"] == []


def test_a_misspelt_project_or_agent_is_answered_with_the_one_that_was_meant(jobs: Jobs) -> None:
    assert "not found\n  Did you mean attic?" in jobs.daemon.run("atic", "x").stderr
    assert "Did you mean attic?" in jobs.daemon.run("projects", "remove", "atic").stderr
    assert "Did you mean shell?" in jobs.daemon.run("--agent", "shel", "attic", "x").stderr


def test_both_sides_know_the_same_orders() -> None:
    assert get_args(SortKey) == SORT_KEYS
    assert {*SORT_KEYS} == {"turn", *ORDERS}
    assert ORDERS.keys() <= COLUMNS.keys()


@pytest.fixture
def crowded() -> Iterator[tuple[PrivateDaemon, dict[str, str]]]:
    """A daemon with two slots: two running jobs, which are the oldest, many queued ones, and one that has ended."""
    with private_daemon("[daemon]\nmax_running = 2\n") as daemon, daemon.connect() as wire:

        def dispatch(**fields: Any) -> str:
            job: str = wire.ok(op="dispatch", **{"project": "overbits", "argv": ["sleep", "1000"], **fields})["job"]
            return job

        ended = dispatch(argv=["true"])
        wire.ok(op="wait", jobs=[ended])
        running = [dispatch(), dispatch()]
        eventually(lambda: all(status(wire, job)["state"] == "running" for job in running), "two jobs run")
        ids = dict.fromkeys(running, "running") | {dispatch(): f"queued {number}" for number in range(60)}
        ids[dispatch(priority=5)] = "urgent"
        ids[dispatch(start_in_s=9e4, priority=9)] = "later"
        yield daemon, ids | {ended: "ended"}


def test_queued_jobs_never_hide_one_that_runs(crowded: tuple[PrivateDaemon, dict[str, str]]) -> None:
    daemon, ids = crowded
    turns = ["running", "running", "urgent", *(f"queued {number}" for number in range(60)), "later", "ended"]

    def listed(*options: str) -> list[str]:
        return [ids[line] for line in daemon.run("jobs", "--format", "id", *options).stdout.splitlines()]

    assert listed() == turns[:50]
    assert listed("-n", "4") == turns[:4]
    assert listed("--all") == turns
    assert listed("--all", "--reverse") == turns[::-1]
    assert listed("--state", "queued", "--limit", "2") == ["urgent", "queued 0"]
    assert [ids[json.loads(line)["id"]] for line in daemon.run("jobs", "--all", "--json").stdout.splitlines()] == turns
    rows = daemon.run("jobs").stdout.splitlines()[4:]
    assert [ids[row.split()[0]] for row in rows] == turns[:50]


def test_on_a_terminal_the_list_fits_the_screen(crowded: tuple[PrivateDaemon, dict[str, str]]) -> None:
    daemon, ids = crowded
    for height in (12, 30):
        with terminal([sys.executable, "-c", MAIN, "jobs"], daemon.env, rows=height) as screen:
            assert screen.ended() == 0
            lines = screen.lines
            assert lines.pop() == ""  # where the shell's prompt goes
        assert len(lines) == height - 1
        titles = next(number for number, line in enumerate(lines) if line.startswith("ID "))
        shown = [ids[line.split()[0]] for line in lines[titles + 1 : -1]]
        assert shown[:3] == ["running", "running", "urgent"]
        assert f"{len(ids) - len(shown)} more; show them with --all" in lines[-1]


def test_a_list_that_is_read_further_than_its_first_jobs_has_each_of_them_once() -> None:
    count = 3 * FIRST_READ + 7
    with private_daemon() as daemon, daemon.connect() as wire:
        nodes = [{"name": str(n), "project": "overbits", "task": "true", "start_in_s": 9e4} for n in range(count)]
        dispatched = list(wire.ok(op="graph", jobs=nodes)["jobs"].values())
        whole = [job["id"] for job in wire.ok(op="list", limit=1000)["jobs"]]
        assert whole == dispatched[:-1001:-1]
        paged, cursor = [], None
        while page := wire.ok(op="list", limit=FIRST_READ + 1, cursor=cursor):
            paged += [job["id"] for job in page["jobs"]]
            cursor = page["next"]
            if cursor is None:
                break
            wire.ok(op="dispatch", project="overbits", task="true", start_in_s=9e4)
        assert paged == dispatched[count - 1 :: -1]
        sort = wire.ok(op="list", sort="project", limit=1000)
        assert len({job["id"] for job in sort["jobs"]}) == 1000
