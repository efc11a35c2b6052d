"""While a large graph is taken in others are answered, and nothing of it is there before all of it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from support import Connection, PrivateDaemon, eventually, private_daemon

JOBS = 600

GATED = """
import os, sys
from luziad import cli
from luziad.handlers import graph
accept, place = graph._accept, sys.argv.pop(1)
def gated(*arguments):
    for number, _ in enumerate(accept(*arguments)):
        while number == 250 and not os.path.exists(place + "/open"):  # others are served as long as the test likes
            open(place + "/reached", "w").close()
            yield
        yield
graph._accept = gated
sys.exit(cli.main())
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_queued = 1000\n", program=["-c", GATED, "{root}"]) as running:
        yield running


def send(wire: Connection, after: Sequence[str] = (), **more: object) -> None:
    """Dispatch a graph, of which nothing runs, and do not wait for the answer."""
    nodes: list[dict[str, object]] = [
        {"name": f"n{n}", "project": "overbits", "task": "true", "hold": True} for n in range(JOBS)
    ]
    nodes[1]["after"] = ["n0", *after]
    wire.send(op="graph", jobs=nodes, client_env={"LANG": "C"}, **more)


def is_in_the_middle(daemon: PrivateDaemon) -> None:
    eventually((daemon.root / "reached").exists, "a graph that is taken in")


def go_on(daemon: PrivateDaemon) -> None:
    (daemon.root / "open").touch()


def done(wire: Connection, task: str = "true", **more: object) -> str:
    """A job that has ended."""
    job: str = wire.ok(op="dispatch", project="overbits", task=task, **more)["job"]
    assert not wire.ok(op="wait", jobs=[job], timeout_s=60)["timed_out"]
    return job


def variables(daemon: PrivateDaemon) -> int:
    """How many sets of variables are kept."""
    with closing(sqlite3.connect(daemon.state / "environments.db")) as database:
        return len(database.execute("SELECT id FROM environments").fetchall())


def everything(wire: Connection) -> list[dict[str, Any]]:
    """All jobs, page by page."""
    jobs: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = wire.ok(op="list", limit=100, cursor=cursor)
        jobs += page["jobs"]
        cursor = page["next"]
        if cursor is None:
            return jobs


def test_others_are_answered_and_see_nothing_of_the_graph_until_all_of_it_is_there(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    with daemon.connect() as other:
        send(wire)
        is_in_the_middle(daemon)
        job = done(other)
        assert [each["id"] for each in everything(other)] == [job]
        assert other.ok(op="info")["counts"] == {"completed": 1}
        go_on(daemon)
        ids = wire.receive()["ok"]["jobs"]
        assert len(set(ids.values())) == JOBS
        found = everything(other)
        assert found[-1]["id"] == job, "it was accepted before the graph"
        assert sorted(each["id"] for each in found[:-1]) == sorted(ids.values())
        assert all(each["reason"].startswith("held since") for each in found[:-1])


def test_a_graph_whose_client_goes_away_or_whose_daemon_dies_in_the_middle_leaves_nothing_behind(
    daemon: PrivateDaemon,
) -> None:
    with daemon.connect() as other:
        with daemon.connect() as wire:
            send(wire, key="mine")
            is_in_the_middle(daemon)
        eventually(lambda: other.ok(op="info")["connections"] == 1, "a connection that is gone")
        (daemon.root / "reached").unlink()
        with daemon.connect() as wire:
            send(wire, key="mine")
            is_in_the_middle(daemon)
            job = done(other)
            daemon.kill()
    daemon.start()
    with daemon.connect() as wire:
        assert [each["id"] for each in everything(wire)] == [job]
        send(wire, key="mine")
        assert wire.receive()["ok"]["created"]
        eventually(lambda: variables(daemon) == 1, "the variables of this one only")


def test_what_has_changed_meanwhile_is_looked_at_before_it_is_accepted(daemon: PrivateDaemon, wire: Connection) -> None:
    with daemon.connect() as second, daemon.connect() as third, daemon.connect() as other:
        outside = done(other)
        send(wire, key="twice")
        send(second, key="twice")
        send(third, after=[outside])
        is_in_the_middle(daemon)
        other.ok(op="remove", job=outside)
        go_on(daemon)
        answers = [connection.receive() for connection in (wire, second)]
        assert sorted(answer["ok"]["created"] for answer in answers) == [False, True]
        assert answers[0]["ok"]["jobs"] == answers[1]["ok"]["jobs"]
        assert third.receive()["error"]["code"] in ("unknown_job", "queue_full")
        assert len(everything(other)) == JOBS


def test_a_graph_for_which_there_is_no_room_any_more_is_refused_whole(daemon: PrivateDaemon, wire: Connection) -> None:
    with daemon.connect() as second:
        for connection in (wire, second):
            send(connection)
        is_in_the_middle(daemon)
        go_on(daemon)
        answers = [connection.receive() for connection in (wire, second)]
        assert ["ok" in answer for answer in answers].count(True) == 1
        refused = next(answer["error"] for answer in answers if "error" in answer)
        assert refused["code"] == "queue_full"
        assert len(everything(wire)) == JOBS


def test_jobs_of_a_graph_can_be_cancelled_as_soon_as_they_are_there(daemon: PrivateDaemon, wire: Connection) -> None:
    go_on(daemon)
    send(wire)
    ids = list(wire.receive()["ok"]["jobs"].values())
    for job in ids[-3:]:
        wire.send(op="cancel", job=job)
    assert [wire.receive()["ok"]["state"] for _ in range(3)] == ["cancelled"] * 3
    assert wire.ok(op="info")["counts"] == {"queued": JOBS - 3, "cancelled": 3}
