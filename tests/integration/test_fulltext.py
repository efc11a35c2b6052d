"""`search`: jobs are found by words in what their agents did and said."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luzia_client.api.client import Client
from replaying import AGENTS, Replay
from support import Connection, PrivateDaemon, dispatch, ended, eventually, private_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon('[projects.attic]\npath = "{root}/overbits"\n' + AGENTS) as running:
        yield running


def search(wire: Connection, words: str, **more: object) -> list[dict[str, Any]]:
    """What is found once all that has happened is indexed."""

    def page() -> dict[str, Any] | None:
        answer = wire.ok(op="search", words=words, **more)
        return answer if answer["complete"] and not answer["pending"] else None

    hits: list[dict[str, Any]] = (eventually(page, "the end of the indexing") or {})["hits"]
    return hits


def found(wire: Connection, words: str, **more: object) -> list[str]:
    return [hit["job"] for hit in search(wire, words, **more)]


def shown(hit: dict[str, Any]) -> str:
    """The excerpt with the words that were found in brackets."""
    return "".join(f"[{each['text']}]" if each.get("found") else each["text"] for each in hit["excerpt"])


def test_a_job_is_found_by_what_its_command_has_printed(wire: Connection) -> None:
    first = dispatch(wire, "echo 'the Deadlock is in the scheduler'", agent="shell")
    second = dispatch(wire, "printf 'dead%s twice' lock", agent="shell")
    third = dispatch(wire, "echo nothing of that", agent="shell")
    ended(wire, first, second, third)
    assert found(wire, "deadlock") == [second, first]
    hit = search(wire, "DEADLOCK twice")[0]
    assert (hit["job"], hit["where"], hit["attempt"]) == (second, "transcript", 1)
    assert shown(hit) == "[deadlock] [twice]"
    assert found(wire, "deadlock scheduler") == [first]


def test_a_job_that_has_not_started_is_found_by_its_task(wire: Connection) -> None:
    job = dispatch(wire, ": a quokka", hold=True)
    hit = search(wire, "quokka")[0]
    assert (hit["job"], hit["where"], hit["attempt"], shown(hit)) == (job, "task", 0, ": a [quokka]")
    wire.ok(op="edit", job=job, task=": a wombat")
    assert found(wire, "quokka") == []
    assert found(wire, "wombat") == [job]


def test_an_agents_transcript_and_message_are_found_and_not_its_json(wire: Connection, tmp_path: Path) -> None:
    with Replay(wire, tmp_path / "gate", "claude/success") as replay:
        replay.finish()
        job = ended(wire, replay.job)[0]
    word = max((each for each in job["activity"]["last_message"].split() if each.isalpha()), key=len)
    assert replay.job in found(wire, word)
    assert replay.job not in found(wire, "parent_tool_use_id")


def test_phrases_prefixes_diacritics_and_chinese(wire: Connection) -> None:
    job = dispatch(wire, "echo 'Le café noir, retry-after: 5'; echo 修复登录", agent="shell")
    other = dispatch(wire, "echo noir cafe 登修", agent="shell")
    ended(wire, job, other)
    assert found(wire, "CAFE noir") == [other, job]
    assert found(wire, '"cafe noir"') == [job]
    assert found(wire, "noi*") == [other, job]
    assert found(wire, "noi") == []
    assert found(wire, "retry-after") == [job]
    assert found(wire, "复登") == [job]  # in the middle of a text without spaces
    assert shown(search(wire, "复登")[0]).endswith("修[复登]录")


@pytest.mark.parametrize("words", ["", "   ", '"open', "*", "-- !!", "x" * 1001, "a " * 17, '""'])
def test_a_search_that_cannot_be_made_is_refused_with_words(
    daemon: PrivateDaemon, wire: Connection, words: str
) -> None:
    assert wire.error(op="search", words=words)["code"] == "bad_request"
    done = daemon.run("search", "--", words)
    assert "Traceback" not in done.stderr
    assert done.returncode or " a " in words  # an argument with spaces is a phrase


def test_operators_of_sqlite_are_words(wire: Connection) -> None:
    job = dispatch(wire, "echo 'x AND y OR NOT task:z NEAR(q)'", agent="shell")
    ended(wire, job)
    for words in ("AND", "OR NOT", "task:z", "NEAR(q)", "x AND y", "^x", "{task}", "y) OR (x"):
        assert job in found(wire, words) or words == "y) OR (x", words


def test_filters_limits_and_pages(wire: Connection) -> None:
    jobs = [
        dispatch(wire, f"echo paged-needle {number}", agent="shell", tags={"n": str(number)}) for number in range(5)
    ]
    failed = dispatch(wire, "echo paged-needle; false", project="attic", agent="shell")
    ended(wire, *jobs, failed)
    assert found(wire, "paged needle", states=["failed"]) == [failed]
    assert found(wire, "paged needle", projects=["attic"]) == [failed]
    assert found(wire, "paged needle", agents=["claude"]) == []
    assert found(wire, "paged needle", tags={"n": "3"}) == [jobs[3]]
    assert found(wire, "paged needle", since="2100-01-01T00:00:00Z") == []
    assert wire.error(op="search", words="x", projects=["nowhere-such"])["code"] == "unknown_project"
    assert wire.error(op="search", words="x", limit=0)["code"] == "bad_request"
    seen, cursor = [], None
    while True:
        page = wire.ok(op="search", words="paged needle", limit=2, cursor=cursor)
        seen += [hit["job"] for hit in page["hits"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [failed, *reversed(jobs)]


def test_each_job_is_shown_once_with_its_newest_attempt(wire: Connection) -> None:
    job = dispatch(wire, "echo twofold-needle", agent="shell")
    ended(wire, job)
    wire.ok(op="retry", job=job)
    ended(wire, job)
    assert [(hit["job"], hit["attempt"]) for hit in search(wire, "twofold needle")] == [(job, 2)]


def test_the_file_is_the_owners_and_what_is_removed_leaves_it(daemon: PrivateDaemon, wire: Connection) -> None:
    job = dispatch(wire, "echo vanishing-needle", agent="shell")
    ended(wire, job)
    assert found(wire, "vanishing") == [job]
    for file in daemon.state.glob("search.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    wire.ok(op="remove", job=job)
    assert found(wire, "vanishing") == []
    with sqlite3.connect(daemon.state / "search.db") as index:
        assert index.execute("SELECT count(*) FROM jobs WHERE id = ?", (job,)).fetchone() == (0,)


def test_the_command_shows_where_and_marks_the_words(daemon: PrivateDaemon, wire: Connection) -> None:
    job = dispatch(wire, "echo the amber-needle is here", agent="shell")
    ended(wire, job)
    assert found(wire, "amber") == [job]
    done = daemon.run("search", "amber needle")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first.startswith(job)
    assert "echo the *amber-needle* is here" in second
    lines = daemon.run("search", "amber", "needle", "--json").stdout.splitlines()
    assert [json.loads(line)["job"] for line in lines] == [job]
    assert daemon.run("search", "amber", "-a", "claude").stdout == "No jobs match.\n"
    assert daemon.run("search").returncode == 2
    with Client(daemon.socket) as client:
        assert [hit.job for hit in client.search_jobs("amber needle").hits] == [job]
