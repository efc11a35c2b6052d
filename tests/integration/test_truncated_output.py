"""A job that truncates its own output, as `> /dev/stderr` does: readers go on, and say what was lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from support import MAIN, Connection, PrivateDaemon, dispatch, eventually, private_daemon, status

GATE = "cat gate >/dev/null"


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    config = '[agents.told]\ncommand = ["sh", "-c", "{task}"]\nreader = "claude"\n'
    with private_daemon(config) as running:
        os.mkfifo(running.project / "gate")
        yield running


def open_gate(daemon: PrivateDaemon) -> None:
    os.close(os.open(daemon.project / "gate", os.O_WRONLY))


def follow(wire: Connection, job: str, **more: object) -> Iterator[dict[str, Any]]:
    """The pieces of output, as they come, and the end."""
    wire.ok(op="follow", job=job, **more)
    while True:
        frame = wire.receive()
        if "end" in frame:
            yield frame["end"]
            return
        yield frame["output"]


@pytest.mark.parametrize(
    "truncate",
    ["echo two > /dev/stderr", "echo two | tee /dev/stderr > /dev/null", "echo two > /dev/stderr; seq 3000"],
)
def test_a_follower_goes_on_after_a_truncation_and_is_told_of_it(
    daemon: PrivateDaemon, wire: Connection, truncate: str
) -> None:
    job = dispatch(wire, f"echo one and more; {GATE}; {truncate}; {GATE}; echo three")
    pieces = follow(wire, job)
    assert next(pieces)["data"] == "one and more\n"
    open_gate(daemon)
    lost = next(pieces)
    assert (lost["lost_bytes"], lost["offset"], lost["next_offset"], lost["data"]) == (13, 0, 0, "")
    text, wanted = "", "two\n" + ("".join(f"{n}\n" for n in range(1, 3001)) if "seq" in truncate else "")
    while text != wanted:
        piece = next(pieces)
        assert piece["lost_bytes"] == 0
        text += piece["data"]
    open_gate(daemon)
    assert next(pieces)["data"] == "three\n"
    assert next(pieces)["state"] == "completed"


def test_the_command_line_prints_everything_it_has_seen_and_says_what_was_lost(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    job = dispatch(wire, f"echo one; {GATE}; echo two > /dev/stderr; {GATE}; echo three")
    command = [sys.executable, "-c", MAIN, "logs", "-f", job]
    with subprocess.Popen(command, env=daemon.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        assert following.stdout.readline() == b"one\n"
        open_gate(daemon)
        assert following.stdout.readline() == b"two\n"
        open_gate(daemon)
        assert following.stdout.read() == b"three\n"
        note = "luzia: the job truncated its output and lost at least 4 bytes of it\n"
        assert following.stderr.read().decode() == note


def test_many_jobs_are_followed_over_a_truncation(daemon: PrivateDaemon, wire: Connection) -> None:
    job = dispatch(wire, f"echo one; {GATE}; echo two > /dev/stderr")
    command = [sys.executable, "-c", MAIN, "follow", job]
    with subprocess.Popen(command, env=daemon.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        assert following.stdout.readline().endswith(b"| one\n")
        open_gate(daemon)
        assert following.stdout.read().endswith(b"| two\n")
        assert b"the job truncated its output and lost at least 4 bytes of it" in following.stderr.read()


def test_the_transcript_of_an_agent_and_what_is_understood_go_on(daemon: PrivateDaemon, wire: Connection) -> None:
    def said(text: str) -> str:
        content = {"role": "assistant", "content": [{"type": "text", "text": text}]}
        return json.dumps({"type": "assistant", "message": {"id": text, "model": "m", **content}, "session_id": "s-1"})

    (daemon.project / "one").write_text(said("first words") + "\n")
    (daemon.project / "two").write_text(said("second words") + "\n")
    task = f"cat one; {GATE}; cat two > /dev/stdout; {GATE}"
    job = wire.ok(op="dispatch", project="overbits", agent="told", task=task)["job"]
    other = daemon.connect()
    pieces = follow(other, job, render="text")
    assert "first words" in next(pieces)["data"]

    def last() -> str | None:
        return (status(wire, job).get("activity") or {}).get("last_message")

    eventually(lambda: last() == "first words", "the first line is understood")
    open_gate(daemon)
    assert next(pieces)["lost_bytes"] == len(said("first words")) + 1
    assert "second words" in next(pieces)["data"]
    eventually(lambda: last() == "second words", "the second line is understood")
    activity = status(wire, job)["activity"]
    lost = len(said("first words")) + 1
    assert activity["lost_bytes"] == lost
    open_gate(daemon)
    wire.ok(op="wait", jobs=[job])
    other.close()
    later = daemon.run("logs", "--raw", job)
    assert later.stdout == said("second words") + "\n"
    assert later.stderr == f"luzia: the job truncated its output and lost at least {lost:,} bytes of it\n"
    shown = " ".join(daemon.run("jobs", job).stdout.split())
    assert f"Lost output: at least {lost} B, truncated by the job" in shown
    assert json.loads(daemon.run("logs", "--json", job).stdout.splitlines()[0])["lost_bytes"] == lost


def test_a_follower_that_reconnects_is_told_of_a_truncation_meanwhile(daemon: PrivateDaemon, wire: Connection) -> None:
    job = dispatch(wire, f"echo one and more; {GATE}; echo two > /dev/stderr; {GATE}")
    assert next(follow(wire, job))["next_offset"] == 13
    open_gate(daemon)
    with daemon.connect() as other:
        eventually(lambda: other.ok(op="logs", job=job)["data"] == "two\n", "the truncation")
        pieces = follow(other, job, offset=13)
        assert (lost := next(pieces))["lost_bytes"] == 13
        assert (lost["next_offset"], next(pieces)["data"]) == (0, "two\n")
    open_gate(daemon)


def test_a_later_reader_of_a_shell_job_is_told_what_the_shim_has_seen() -> None:
    with private_daemon("\n[daemon]\nmax_log_bytes = 65536\n") as daemon, daemon.connect() as wire:
        os.mkfifo(daemon.project / "gate")
        job = dispatch(wire, f"seq 50000; {GATE}; seq 100001 160000 > /dev/stderr; echo three")
        whole = sum(len(f"{number}\n") for number in range(1, 50_001))
        eventually(lambda: wire.ok(op="logs", job=job, max_bytes=1)["dropped_bytes"], "the shim has looked at it")
        open_gate(daemon)
        wire.ok(op="wait", jobs=[job])
        later = daemon.run("logs", "-n", "1", job)
        assert (later.stdout, later.stderr) == ("three\n", "")
        lost = status(wire, job)["attempts"][0]["lost_bytes"]
        assert lost >= whole // 2
        note = f"luzia: the job truncated its output and lost at least {lost:,} bytes of it\n"
        assert daemon.run("logs", job).stderr.endswith(note)
        shown = " ".join(daemon.run("jobs", job).stdout.split())
        assert "truncated by the job (as by `> /dev/stderr`)" in shown


def test_what_appends_to_its_streams_loses_nothing(daemon: PrivateDaemon, wire: Connection) -> None:
    job = dispatch(wire, "echo one; echo two >> /dev/stderr; echo three >&2; echo four | tee -a /dev/stderr")
    wire.ok(op="wait", jobs=[job])
    said = daemon.run("logs", job)
    assert (said.stdout, said.stderr) == ("one\ntwo\nthree\nfour\nfour\n", "")
