"""Jobs are selected by project, state and tag, in lists and for what is done to them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from luzia_protocol.requests import MAX_TAGS

from support import DEADLINE_S, MAIN, Connection, PrivateDaemon, end_states, eventually, private_daemon
from terminal import terminal


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon('[projects.other]\npath = "{root}/overbits"\nagent = "shell"\n') as running:
        yield running


def dispatch(wire: Connection, task: str = "true", project: str = "overbits", **tags: str) -> str:
    job: str = wire.ok(op="dispatch", project=project, task=task, tags=tags)["job"]
    return job


def listed(daemon: PrivateDaemon, *words: str) -> set[str]:
    return {json.loads(line)["id"] for line in daemon.run("jobs", "--json", *words).stdout.splitlines()}


def asked(daemon: PrivateDaemon, answer: str, *words: str) -> tuple[int, str]:
    """Run a command on a terminal, type an answer, and return its status and what it showed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", MAIN, *words]
    with subprocess.Popen(command, env=daemon.env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, answer.encode() + b"\n")
        status = process.wait(DEADLINE_S)
        try:
            while data := os.read(ours, 4096):
                shown += data
        except OSError:  # the other end is closed
            os.close(ours)
    return status, shown.decode()


def test_tags_are_kept_shown_and_selected_by(daemon: PrivateDaemon, wire: Connection) -> None:
    said = daemon.run("--tag", "kind=nightly", "--tag", "team=blue ✓", "-q", "overbits", "true")
    assert said.returncode == 0, said.stderr
    nightly, plain = said.stdout.strip().rpartition(":")[2], dispatch(wire)
    end_states(wire, nightly, plain)
    found: dict[str, Any] = wire.ok(op="status", job=nightly)["job"]
    assert found["tags"] == {"kind": "nightly", "team": "blue ✓"}
    assert "kind=nightly, team=blue ✓" in daemon.run("jobs", nightly).stdout
    assert listed(daemon, "--tag", "kind=nightly") == {nightly}
    assert listed(daemon, "--tag", "kind=nightly", "--tag", "team=red") == set()
    daemon.kill()
    daemon.start()
    assert listed(daemon, "--tag", "team=blue ✓") == {nightly}


@pytest.mark.parametrize(
    "tags", [{"": "x"}, {"a=b": "x"}, {"a": "x\x1b"}, {"a": "x" * 201}, {str(n): "" for n in range(MAX_TAGS + 1)}]
)
def test_what_cannot_be_a_tag_is_refused(wire: Connection, tags: dict[str, str]) -> None:
    assert wire.error(op="dispatch", project="overbits", task="true", tags=tags)["code"] == "bad_request"


def test_a_selection_is_cancelled_when_that_is_meant(daemon: PrivateDaemon, wire: Connection) -> None:
    mine = [dispatch(wire, "sleep 1000", kind="x") for _ in range(2)]
    others = [dispatch(wire, "sleep 1000"), dispatch(wire, "sleep 1000", project="other", kind="x")]
    words = ("cancel", "--project", "overbits", "--tag", "kind=x")
    said = daemon.run(*words)
    assert said.returncode == 2
    assert "this would cancel 2 jobs" in said.stderr
    status, shown = asked(daemon, "n", *words)
    assert status == 2
    assert "Cancel 2 jobs" in shown
    assert "aborted" in shown
    status, shown = asked(daemon, "y", *words)
    assert status == 0
    assert end_states(wire, *mine) == ["cancelled", "cancelled"]
    assert listed(daemon, "--state", "starting,running,queued") == set(others)
    assert daemon.run("cancel", "--all", "--yes").returncode == 0
    assert end_states(wire, *others) == ["cancelled", "cancelled"]


def test_ended_jobs_are_retried_and_removed_by_state(daemon: PrivateDaemon, wire: Connection) -> None:
    good, bad = dispatch(wire), dispatch(wire, "test -e mended")
    assert end_states(wire, good, bad) == ["completed", "failed"]
    (daemon.project / "mended").touch()
    assert daemon.run("retry", "--state", "failed", "-y").returncode == 0
    assert end_states(wire, bad) == ["completed"]
    assert daemon.run("remove", "--state", "failed,running", "-y").stderr == "No jobs match.\n"
    assert daemon.run("remove", "--all", "-y").returncode == 0
    assert listed(daemon) == set()


def test_a_selection_that_says_nothing_or_too_much_is_a_mistake(daemon: PrivateDaemon, wire: Connection) -> None:
    job = dispatch(wire)
    end_states(wire, job)
    for words, said in {
        ("cancel",): "no jobs to cancel",
        ("cancel", job, "--all"): "IDs cannot be combined",
        ("cancel", "--state", "completed"): "cannot cancel jobs in these states",
        ("remove", "--state", "nonsense"): "invalid state",
        ("remove", "--tag", "nonsense"): "write KEY=VALUE",
        ("remove", *[job] * 10): "this would remove 10 jobs",
    }.items():
        result = daemon.run(*words)
        assert result.returncode == 2
        assert said in result.stderr
    assert listed(daemon) == {job}


def test_a_project_is_paused_and_resumed(daemon: PrivateDaemon, wire: Connection) -> None:
    mine, other = dispatch(wire, "sleep 1000"), dispatch(wire, "sleep 1000", project="other")
    for job in (mine, other):
        eventually(lambda job=job: wire.ok(op="status", job=job)["job"]["state"] == "running", "it runs")  # type: ignore[misc]
    assert daemon.run("pause", "--project", "overbits", "--yes").returncode == 0
    assert listed(daemon, "--state", "paused") == {mine}
    assert daemon.run("resume", "--all", "--yes").returncode == 0
    assert listed(daemon, "--state", "running") == {mine, other}


def test_every_command_that_changes_jobs_asks_before_it_changes_a_selection(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    end_states(wire, dispatch(wire))
    job = dispatch(wire, "sleep 1000")
    eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running", "it runs")
    wire.ok(op="dispatch", project="overbits", task="true", hold=True)
    before = listed(daemon, "--all")
    states = wire.ok(op="info")["counts"]
    for verb in ("cancel", "retry", "remove", "pause", "hold", "release"):
        done = daemon.run(verb, "--all")
        assert (done.returncode, done.stdout) == (2, ""), verb
        assert f"this would {verb} " in done.stderr
        assert "Pass --yes to confirm." in done.stderr
    assert listed(daemon, "--all") == before
    assert wire.ok(op="info")["counts"] == states
    wire.ok(op="cancel", job=job)


@pytest.mark.parametrize(("key", "status", "then"), [("ctrl-d", 2, "luzia: aborted"), ("ctrl-c", 130, "")])
def test_what_follows_an_unanswered_question_is_below_it(
    daemon: PrivateDaemon, wire: Connection, key: str, status: int, then: str
) -> None:
    job = dispatch(wire, "true")
    end_states(wire, job)
    with terminal([sys.executable, "-c", MAIN, "remove", "--all"], daemon.env) as screen:
        screen.shows("[y/N]")
        screen.press(key)
        assert screen.ended() == status
        assert screen.raw.endswith(b"\r\n")
        assert any(line.startswith(then or "Remove ") for line in screen.lines)
    assert job in listed(daemon)
