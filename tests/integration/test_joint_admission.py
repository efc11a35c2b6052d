"""A large graph is taken in by several turns of the loop and one commit: whole or not at all, and others are served."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support import Connection, PrivateDaemon, eventually, private_daemon, status

JOBS = 600

GATED = """
import asyncio, os, sys
from luziad import cli
from luziad.scheduling.joint_admission import JointAdmission
go_on, place = JointAdmission._continue, sys.argv.pop(1)
def gated(self, joint):
    if joint.added < 200 or os.path.exists(place + "/open"):
        return go_on(self, joint)
    open(place + "/reached", "w").close()
    asyncio.get_running_loop().call_later(0.01, self._continue, joint)  # as long as the test likes
JointAdmission._continue = gated
sys.exit(cli.main())
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_queued = 1000\n", program=["-c", GATED, "{root}"]) as running:
        yield running


def send(wire: Connection, **more: object) -> None:
    """Dispatch a graph, of which nothing runs, and do not wait for the answer."""
    nodes = [{"name": f"n{n}", "project": "overbits", "task": "true", "hold": True} for n in range(JOBS)]
    wire.send(op="graph", jobs=nodes, **more)


def in_the_middle(daemon: PrivateDaemon, wire: Connection, **more: object) -> None:
    """Dispatch a graph, and wait until some of it is taken in."""
    send(wire, **more)
    eventually((daemon.root / "reached").exists, "a graph that is taken in")


def go_on(daemon: PrivateDaemon) -> None:
    (daemon.root / "open").touch()


def counts(wire: Connection) -> dict[str, Any]:
    found: dict[str, Any] = wire.ok(op="info")["counts"]
    return found


def test_meanwhile_others_are_answered_and_new_jobs_are_acknowledged_with_the_graph(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    with daemon.connect() as other, daemon.connect() as third:
        job = other.ok(op="dispatch", project="overbits", task="true", hold=True)["job"]
        in_the_middle(daemon, wire)
        assert status(other, job)["state"] == "queued"
        assert [each["id"] for each in other.ok(op="list")["jobs"]] == [job], "nothing of the graph"
        third.send(op="dispatch", project="overbits", task="true", hold=True)
        go_on(daemon)
        ids = wire.receive()["ok"]["jobs"]
        later = third.receive()["ok"]["job"]
        assert len({*ids.values(), job, later}) == JOBS + 2
        assert counts(other) == {"queued": JOBS + 2}


def test_a_daemon_that_stops_in_the_middle_has_the_whole_graph_afterwards(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    in_the_middle(daemon, wire, key="mine")
    daemon.stop()
    daemon.start()
    with daemon.connect() as after:
        assert counts(after) == {"queued": JOBS}
        send(after, key="mine")
        answer = after.receive()["ok"]
        assert (answer["created"], len(answer["jobs"])) == (False, JOBS)


def test_a_daemon_that_is_killed_in_the_middle_has_nothing_of_it(daemon: PrivateDaemon, wire: Connection) -> None:
    with daemon.connect() as other:
        job = other.ok(op="dispatch", project="overbits", task="true", hold=True)["job"]
        in_the_middle(daemon, wire)
        daemon.kill()
    daemon.start()
    with daemon.connect() as after:
        assert [each["id"] for each in after.ok(op="list")["jobs"]] == [job]


def test_a_store_that_fails_in_the_middle_refuses_the_whole_graph(daemon: PrivateDaemon, wire: Connection) -> None:
    with daemon.connect() as other:
        job = other.ok(op="dispatch", project="overbits", task="true", hold=True)["job"]
        in_the_middle(daemon, wire)
        away = daemon.state / "away"
        (daemon.state / "jobs.db").rename(away)
        go_on(daemon)
        assert wire.receive()["error"]["code"] == "storage_unavailable"
        assert status(other, job)["state"] == "queued"
        away.rename(daemon.state / "jobs.db")
        eventually(lambda: "ok" in other.ask(op="cancel", job=job), "a store that can be written")
        assert counts(other) == {"cancelled": 1}
        send(wire)
        assert len(wire.receive()["ok"]["jobs"]) == JOBS, "there is room for it"


def test_the_same_graph_again_is_answered_with_the_first(daemon: PrivateDaemon, wire: Connection) -> None:
    with daemon.connect() as second:
        in_the_middle(daemon, wire, key="mine")
        send(second, key="mine")
        go_on(daemon)
        first, again = wire.receive()["ok"], second.receive()["ok"]
        assert (first["created"], again["created"]) == (True, False)
        assert first["jobs"] == again["jobs"]
        assert counts(wire) == {"queued": JOBS}


def test_what_is_taken_in_counts_for_the_limit_of_queued_jobs(daemon: PrivateDaemon, wire: Connection) -> None:
    with daemon.connect() as second:
        in_the_middle(daemon, wire)
        send(second)
        assert second.receive()["error"]["code"] == "queue_full"
        go_on(daemon)
        assert len(wire.receive()["ok"]["jobs"]) == JOBS
