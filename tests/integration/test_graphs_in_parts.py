"""A graph that is too large for one request comes in parts, and all of its jobs are accepted or none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.api.async_client import AsyncClient
from luzia_client.api.client import Client
from luzia_client.api.requests import GraphJob
from support import Connection, PrivateDaemon, private_daemon, status

LARGE = ": " + "x" * 900_000


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def node(name: str, **more: object) -> dict[str, Any]:
    return {"name": name, "project": "overbits", "task": ": small", "hold": True, **more}


def listed(wire: Connection) -> int:
    return sum(wire.ok(op="list", limit=1)["counts"].values())


def large_graph(daemon: PrivateDaemon, jobs: int = 12) -> list[GraphJob]:
    """A graph of three lines' size, whose first jobs depend on the last one."""
    last = f"n{jobs - 1}"
    nodes: list[GraphJob] = [
        {"name": f"n{n}", "project": "overbits", "task": LARGE, "hold": True, "after": [last]} for n in range(jobs - 1)
    ]
    return [*nodes, {"name": last, "project": "overbits", "task": LARGE, "hold": True}]


def test_nothing_is_there_before_the_last_part_and_then_all_is(daemon: PrivateDaemon, wire: Connection) -> None:
    assert wire.ok(op="graph_part", key="k", part=0, jobs=[node("a", after=["c"])]) == {"kept": 1}
    assert wire.ok(op="graph_part", key="k", part=1, jobs=[node("b")]) == {"kept": 2}
    assert listed(wire) == 0
    accepted = wire.ok(op="graph", key="k", parts=2, jobs=[node("c")])
    assert set(accepted["jobs"]) == {"a", "b", "c"}
    assert status(wire, accepted["jobs"]["a"])["after"] == [accepted["jobs"]["c"]]
    for part, name in enumerate("ab"):
        wire.ok(op="graph_part", key="k", part=part, jobs=[node(name)])
    again = wire.ok(op="graph", key="k", parts=2, jobs=[node("c")])
    assert (again["created"], again["jobs"], listed(wire)) == (False, accepted["jobs"], 3)


def test_a_part_that_is_missing_drops_all_of_them(daemon: PrivateDaemon, wire: Connection) -> None:
    wire.ok(op="graph_part", key="k", part=0, jobs=[node("a")])
    assert wire.error(op="graph_part", key="k", part=2, jobs=[node("b")])["code"] == "bad_request"
    assert wire.error(op="graph", key="k", parts=1, jobs=[node("c")])["code"] == "bad_request"
    assert wire.error(op="graph", parts=1, jobs=[node("c")])["code"] == "bad_request"
    with daemon.connect() as other:
        other.ok(op="graph_part", key="k", part=0, jobs=[node("a")])
        assert wire.error(op="graph", key="k", parts=1, jobs=[node("c")])["code"] == "bad_request"
    assert listed(wire) == 0


def test_a_mistake_in_any_part_refuses_the_whole_graph(daemon: PrivateDaemon, wire: Connection) -> None:
    wire.ok(op="graph_part", key="k", part=0, jobs=[node("a", project="never")])
    assert wire.error(op="graph", key="k", parts=1, jobs=[node("c")])["code"] == "unknown_project"
    assert listed(wire) == 0


def test_parts_are_limited_in_number_and_in_size(daemon: PrivateDaemon, wire: Connection) -> None:
    many = [node(f"n{n}") for n in range(6000)]
    wire.ok(op="graph_part", key="k", part=0, jobs=many)
    assert "10000" in wire.error(op="graph_part", key="k", part=1, jobs=many)["message"]
    large = [node(f"n{n}", task=LARGE) for n in range(4)]
    for part in range(18):
        wire.ok(op="graph_part", key="k", part=part, jobs=large)
    assert wire.error(op="graph_part", key="k", part=18, jobs=large)["code"] == "overloaded"
    wire.ok(op="graph_part", key="k", part=0, jobs=large)  # the others were dropped


def test_parts_are_dropped_with_their_connection(daemon: PrivateDaemon, wire: Connection) -> None:
    large = [node(f"n{n}", task=LARGE) for n in range(4)]
    for _ in range(3):
        with daemon.connect() as other:
            for part in range(10):
                other.ok(op="graph_part", key="k", part=part, jobs=large)
        wire.ok(op="info")
    assert listed(wire) == 0


def test_a_client_sends_a_large_graph_in_parts(daemon: PrivateDaemon, wire: Connection) -> None:
    with Client(daemon.socket) as client:
        accepted = client.graph(large_graph(daemon), key="large")
        assert len(accepted.jobs) == 12
        assert client.graph(large_graph(daemon), key="large").created is False
        wrong = large_graph(daemon)
        wrong[0]["after"] = ["nobody"]
        with pytest.raises(Refused) as refused:
            client.graph(wrong)
        assert refused.value.code is ErrorCode.UNKNOWN_JOB
    assert status(wire, accepted.jobs["n0"])["after"] == [accepted.jobs["n11"]]
    assert listed(wire) == 12


def test_an_asynchronous_client_does_too(daemon: PrivateDaemon, wire: Connection) -> None:
    async def both() -> list[int]:
        async with AsyncClient(daemon.socket) as client:
            accepted = await asyncio.gather(*(client.graph(large_graph(daemon, jobs)) for jobs in (6, 7)))
            return [len(each.jobs) for each in accepted]

    assert asyncio.run(both()) == [6, 7]
    assert listed(wire) == 13


def test_a_batch_of_many_megabytes_is_dispatched_or_refused_as_a_whole(
    daemon: PrivateDaemon, wire: Connection, tmp_path: Path
) -> None:
    lines = [json.dumps({"project": "overbits", "task": LARGE, "hold": True}) for _ in range(8)]
    file = tmp_path / "tasks.jsonl"
    file.write_text("\n".join([*lines, '{"project": "never", "task": "x"}']))
    assert daemon.run("batch", str(file)).returncode == 4
    assert listed(wire) == 0
    file.write_text("\n".join(lines))
    done = daemon.run("batch", str(file))
    assert (done.returncode, len(done.stdout.split()), listed(wire)) == (0, 8, 8)


def test_a_line_that_is_too_long_is_told_what_applies(daemon: PrivateDaemon, wire: Connection) -> None:
    wire.send_bytes(b'{"op":"graph","jobs":[' + b" " * (4 * 1024 * 1024) + b"\n")
    refused = wire.receive()["error"]
    assert refused["code"] == "frame_too_large"
    assert "4 MiB" in refused["message"]
    assert "graph_part" in refused["hint"]


def test_a_job_that_is_too_large_for_a_request_is_refused_in_its_place(
    daemon: PrivateDaemon, wire: Connection, tmp_path: Path
) -> None:
    texts = ("one", "x" * 5_000_000, "three")
    file = tmp_path / "tasks.jsonl"
    file.write_text("\n".join(json.dumps({"project": "overbits", "task": text, "hold": True}) for text in texts))
    whole, each = daemon.run("batch", str(file)), daemon.run("batch", "--each", str(file))
    assert (whole.returncode, whole.stdout) == (4, "")
    assert (each.returncode, len(each.stdout.split()), listed(wire)) == (4, 2, 2)
    for said in (whole.stderr, each.stderr):
        assert f"{file}, line 2: the job takes 5000" in said
        assert "a request has 4 MiB at most" in said
        assert "Put large input into a file" in said
