"""`list` with `search`: jobs are found by words in what people remember of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_client.api.client import Client
from replaying import AGENTS, Replay
from support import Connection, PrivateDaemon, dispatch, ended, eventually, private_daemon, status


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon('[projects.attic]\npath = "{root}/overbits"\n' + AGENTS) as running:
        yield running


def found(wire: Connection, words: str, **more: object) -> list[str]:
    return [job["id"] for job in wire.ok(op="list", search=words, **more)["jobs"]]


def test_all_words_must_match_in_any_case_and_any_place(wire: Connection) -> None:
    first = dispatch(wire, ": Repair the LOGIN form ÄÖ", tags={"team": "frontend"})
    second = dispatch(wire, ": repair the logout form", project="attic", agent="shell")
    ended(wire, first, second)
    assert found(wire, "repair form") == [second, first]  # the newest first
    assert found(wire, "REPAIR login") == [first]
    assert found(wire, "repair äö") == [first]
    assert found(wire, "repair team=frontend") == [first]
    assert found(wire, "repair attic") == [second]
    assert found(wire, f"form {first.upper()}") == [first]
    assert found(wire, "repair nothing-of-this") == []
    assert found(wire, "  ") == found(wire, "")
    assert found(wire, "repair", states=["completed"], projects=["attic"]) == [second]
    assert sorted(found(wire, "repair", sort="turn")) == sorted([first, second])
    assert found(wire, "repair", sort="created", reverse=True) == [first, second]


def test_a_search_goes_over_pages(wire: Connection) -> None:
    jobs = [dispatch(wire, f": paged {number}") for number in range(5)]
    ended(wire, *jobs)
    for order in ({}, {"sort": "created", "reverse": True}):
        seen: list[str] = []
        cursor = None
        while True:
            page = wire.ok(op="list", search="paged", limit=2, cursor=cursor, **order)
            seen += [job["id"] for job in page["jobs"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == (jobs if order else jobs[::-1])


def test_what_changes_is_found_as_it_is_now(daemon: PrivateDaemon, wire: Connection) -> None:
    assert found(wire, "turquoise") == []
    job = dispatch(wire, ": turquoise", hold=True)
    assert found(wire, "turquoise") == [job]
    wire.ok(op="edit", job=job, task=": crimson")
    assert found(wire, "turquoise") == []
    assert found(wire, "crimson") == [job]
    wire.ok(op="cancel", job=job)
    wire.ok(op="remove", job=job)
    assert found(wire, "crimson") == []


def test_a_long_task_is_found_by_its_last_word(wire: Connection) -> None:
    short = dispatch(wire, ": needle")
    long = dispatch(wire, ": " + "hay " * 20_000 + "needle")
    ended(wire, short, long)
    assert found(wire, "needle") == [long, short]
    assert found(wire, "needle hay") == [long]


def test_the_last_message_of_an_agent_is_searched(wire: Connection, tmp_path: Path) -> None:
    assert found(wire, "overview") == []
    with Replay(wire, tmp_path / "gate", "claude/success") as replay:
        replay.finish()
        ended(wire, replay.job)
    message = status(wire, replay.job)["activity"]["last_message"]
    word = max(message.split(), key=len)
    assert replay.job in found(wire, f"{word.upper()} {replay.job}")


def test_a_renamed_project_is_found_by_its_name_of_now(daemon: PrivateDaemon, wire: Connection) -> None:
    where = daemon.root / "barn"
    where.mkdir()
    job = dispatch(wire, ": hayloft", project=str(where), agent="shell")
    ended(wire, job)
    assert found(wire, "hayloft cowshed") == []
    with daemon.config_file.open("a") as config:
        config.write(f'[projects.cowshed]\npath = "{where}"\n')
    wire.ok(op="reload")
    assert found(wire, "hayloft cowshed") == [job]


def test_a_search_that_is_too_long_is_refused(wire: Connection) -> None:
    assert wire.error(op="list", search="x" * 1001)["code"] == "bad_request"
    assert wire.error(op="list", search="x " * 17)["code"] == "bad_request"


def test_the_command_and_the_client_search(daemon: PrivateDaemon, wire: Connection) -> None:
    jobs = [dispatch(wire, f": zebra-{number}-striped") for number in range(3)]
    ended(wire, *jobs)
    done = daemon.run("jobs", "--search", "ZEBRA", "--format", "id")
    assert (done.returncode, done.stdout.split()) == (0, jobs[::-1])
    assert jobs[1] in daemon.run("jobs", "--search", f"zebra {jobs[1]}").stdout
    assert jobs[0] not in daemon.run("jobs", "--search", f"zebra {jobs[1]}").stdout
    refused = daemon.run("jobs", "--search", "zebra", jobs[0])
    assert (refused.returncode, "cannot be combined" in refused.stderr) == (2, True)
    with Client(daemon.socket) as client:
        assert [job.id for job in client.list_jobs(search="zebra-2-").jobs] == [jobs[2]]
        assert [job.id for job in client.iter_jobs(search="zebra", page_size=1)] == jobs[::-1]


def test_a_search_of_many_jobs_holds_nobody_up(daemon: PrivateDaemon, wire: Connection) -> None:
    """A second client's requests are served between the steps of the search."""
    lines = b'{"op":"list","search":"zzz","id":"search"}\n' * 50
    with daemon.connect() as other:
        wire.send_bytes(lines)
        assert other.ask(op="info", id=1)["id"] == 1
    assert [wire.receive()["id"] for _ in range(50)] == ["search"] * 50
    eventually(lambda: wire.ok(op="info")["connections"] == 1)


def test_jobs_are_selected_by_their_agents(wire: Connection) -> None:
    first = dispatch(wire, ": by shell", agent="shell")
    ended(wire, first)
    assert first in found(wire, "", agents=["shell", "claude"])
    assert first not in found(wire, "", agents=["claude"])
    assert found(wire, "by shell", agents=["claude"]) == []
    assert [job["agent"] for job in wire.ok(op="list", agents=["shell"], sort="turn", limit=1)["jobs"]] == ["shell"]
