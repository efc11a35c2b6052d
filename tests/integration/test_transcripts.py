"""`luzia logs` of an agent: its stream as a transcript, whole, as it comes, and over a restart of the daemon."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from replaying import AGENTS, RECORDINGS, Replay
from support import DEADLINE_S, MAIN, Connection, PrivateDaemon, private_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(AGENTS) as running:
        yield running


def finished(wire: Connection, gate: Path, recording: str) -> str:
    """A job that has printed a whole recording."""
    with Replay(wire, gate, recording) as agent:
        agent.finish()
        wire.ok(op="wait", jobs=[agent.job])
    return agent.job


def followed(stream: Connection, until: str | None = None) -> str:
    """The transcript that a `follow` brings, to its end or until something stands in it."""
    text, offset = "", 0
    while until is None or until not in text:
        frame = stream.receive()
        if "end" in frame:
            return text
        piece: dict[str, Any] = frame["output"]
        assert piece["rendered"]
        assert piece["offset"] == offset
        text, offset = text + piece["data"], piece["next_offset"]
    return text


def test_logs_and_follow_give_the_same_transcript_and_raw_gives_the_bytes(
    daemon: PrivateDaemon, wire: Connection, tmp_path: Path
) -> None:
    job = finished(wire, tmp_path / "gate", "gemini/success")
    stdout = (RECORDINGS / "gemini/success.stdout").read_bytes()
    whole = wire.ok(op="logs", job=job, render="text")
    assert (whole["next_offset"], whole["ended"]) == (len(stdout), True)
    assert "\nNow I write the file.\n" in whole["data"]
    with daemon.connect() as stream:
        stream.ok(op="follow", job=job, render="text")
        assert followed(stream) == whole["data"]
    assert daemon.run("logs", job).stdout == whole["data"]
    assert daemon.run("logs", job, "-f").stdout == whole["data"]
    assert daemon.run("logs", job, "--raw").stdout.encode() == stdout
    assert wire.ok(op="logs", job=job)["data"].encode() == stdout


def test_small_pieces_join_to_the_same_transcript(wire: Connection, tmp_path: Path) -> None:
    job = finished(wire, tmp_path / "gate", "gemini/success")
    whole = wire.ok(op="logs", job=job, render="text")["data"]
    text, offset, ended = "", 0, False
    while not ended:
        piece = wire.ok(op="logs", job=job, render="text", offset=offset, max_bytes=100)
        assert piece["next_offset"] > offset
        text, offset, ended = text + piece["data"], piece["next_offset"], piece["ended"]
    assert text == whole
    last = wire.ok(op="logs", job=job, render="text", tail=1)["data"]
    assert last == "= completed, 3600 tokens in, 102 out\n"


def test_a_follower_sees_each_step_as_it_comes(daemon: PrivateDaemon, wire: Connection, tmp_path: Path) -> None:
    with daemon.connect() as stream, Replay(wire, tmp_path / "gate", "claude/success") as agent:
        stream.ok(op="follow", job=agent.job, render="colour")
        agent.print(2)
        assert "I will make a short plan first." in followed(stream, "plan first.")
        agent.print(1)
        frame = stream.receive()["output"]
        assert frame["data"] == "\x1b[36m> TaskCreate: Write hello.txt\x1b[0m\n"
        agent.finish()


def test_a_follower_goes_on_after_a_restart_where_it_was(tmp_path: Path) -> None:
    with private_daemon(AGENTS) as daemon:
        with daemon.connect() as wire:
            agent = Replay(wire, tmp_path / "gate", "gemini/success")
            agent.print(4)  # the last two of them are pieces of a text that goes on
        command = [sys.executable, "-c", MAIN, "logs", "-f", agent.job]
        with (
            subprocess.Popen(command, env=daemon.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as following,
            agent,
        ):
            assert following.stdout is not None
            first = following.stdout.readline()
            assert first.startswith(b"- Gemini CLI")
            daemon.kill()
            daemon.start()
            agent.finish()
            rest = following.communicate(timeout=DEADLINE_S)[0].decode()
        with daemon.connect() as wire:
            whole = wire.ok(op="logs", job=agent.job, render="text")["data"]
    assert rest == whole.split("\n", 1)[1]


def test_a_line_of_ten_megabytes_stays_small_and_one_without_end_is_left_out(
    daemon: PrivateDaemon, wire: Connection, tmp_path: Path
) -> None:
    program = (
        "import json, sys\n"
        "block = {'type': 'tool_result', 'content': 'x' * 10_000_000}\n"
        "print(json.dumps({'type': 'user', 'message': {'content': [block]}}))\n"
        "sys.stdout.write('y' * 20_000_000)\n"
    )
    script = tmp_path / "big.py"
    script.write_text(program)
    config = f'[agents.claude]\ncommand = ["{sys.executable}", "-SE", "{script}"]\nprompt = "none"\n'
    with private_daemon(config) as other, other.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task="x", agent="claude")["job"]
        wire.ok(op="wait", jobs=[job])
        shown = other.run("logs", job).stdout
    assert shown.startswith("  | xxx")
    assert len(shown) < 300
    assert shown.endswith("(line too long)\n")


def test_a_shells_output_stays_as_it_is(daemon: PrivateDaemon, wire: Connection) -> None:
    job = wire.ok(op="dispatch", project="overbits", task="printf '\\377{\"type\": 1}'")["job"]
    wire.ok(op="wait", jobs=[job])
    piece = wire.ok(op="logs", job=job, render="text", encoding="base64")
    assert (piece["rendered"], base64.b64decode(piece["data"])) == (False, b'\xff{"type": 1}')
