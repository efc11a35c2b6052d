"""A job can be given a name, which can be used wherever an id is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import Connection, PrivateDaemon, dispatch, end_states, private_daemon, status


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def test_a_named_job_is_found_by_its_name_and_shows_it(wire: Connection) -> None:
    job = dispatch(wire, "true", name="nightly-build")
    assert status(wire, "nightly-build")["id"] == job
    assert status(wire, "agent:overbits:nightly-build")["node"] == "nightly-build"
    assert end_states(wire, "nightly-build") == ["completed"]
    after = dispatch(wire, "true", after=["nightly-build"])
    assert status(wire, after)["after"] == [job]


def test_a_name_refers_to_the_job_that_has_not_ended_else_to_the_newest(wire: Connection) -> None:
    first = dispatch(wire, "true", name="deploy", hold=True)
    second = dispatch(wire, "true", name="deploy")
    assert end_states(wire, second) == ["completed"]
    assert status(wire, "deploy")["id"] == first
    third = dispatch(wire, "true", name="deploy", hold=True)
    refused = wire.error(op="status", job="deploy")
    assert refused["code"] == "ambiguous_job"
    assert f"'deploy' matches 2 jobs: {first}, {third}" in refused["message"]
    for job in (third, first):
        wire.ok(op="cancel", job=job)
    assert status(wire, "deploy")["id"] == third


def test_the_jobs_of_a_graph_are_found_by_their_names(wire: Connection) -> None:
    jobs = [
        {"op": "dispatch", "project": "overbits", "task": "true", "name": "compile"},
        {"op": "dispatch", "project": "overbits", "task": "true", "after": ["compile"]},
    ]
    made = wire.ok(op="graph", jobs=jobs)["jobs"]
    assert status(wire, "compile")["id"] == made["compile"]
    assert end_states(wire, *made.values()) == ["completed"] * 2


@pytest.mark.parametrize("name", ["12", "113754-a2f5", "two words", "-x", "a" * 65, "é"])
def test_what_could_be_an_id_or_an_option_is_no_name(wire: Connection, name: str) -> None:
    refused = wire.error(op="dispatch", project="overbits", task="true", name=name)
    assert refused["code"] == "bad_request"
    assert "not the form of an id" in refused["hint"]


def test_a_name_survives_a_restart(daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        job = dispatch(wire, "true", name="kept")
    daemon.kill()
    daemon.start()
    with daemon.connect() as wire:
        assert status(wire, "kept")["id"] == job
