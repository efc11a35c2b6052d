"""Bad input gets a clear error, loses nothing, and disturbs nobody else."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import Connection, PrivateDaemon, private_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    config = """
        [daemon]
        max_connections = 20
        max_queued = 5
        max_running = 1
        [projects.gone]
        path = "{root}/gone"
        [agents.missing]
        command = ["no-such-program-here", "{task}"]
        [agents.plain]
        command = ["{root}/not-executable", "{task}"]
    """
    with private_daemon(config) as running:
        (running.root / "not-executable").write_text("#!/bin/sh\n")
        yield running


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown project": ({"project": "nobody", "task": "x"}, "unknown_project"),
    "a path that is not there": ({"project": "/no/such/directory", "task": "x"}, "project_directory_missing"),
    "a path that is a file": ({"project": "/etc/passwd", "task": "x"}, "project_directory_missing"),
    "a project without its directory": ({"project": "gone", "task": "x"}, "project_directory_missing"),
    "a relative path": ({"project": "./here", "task": "x"}, "unknown_project"),
    "an empty task": ({"project": "overbits", "task": ""}, "invalid_task"),
    "a blank task": ({"project": "overbits", "task": " \n\t "}, "invalid_task"),
    "no task": ({"project": "overbits"}, "invalid_task"),
    "a task and an argv": ({"project": "overbits", "task": "x", "argv": ["x"]}, "invalid_task"),
    "an empty argv": ({"project": "overbits", "argv": []}, "invalid_task"),
    "a NUL in the task": ({"project": "overbits", "task": "a\0b"}, "invalid_task"),
    "a NUL in argv": ({"project": "overbits", "argv": ["a", "b\0"]}, "invalid_task"),
    "a task of 2 MiB": ({"project": "overbits", "task": "x" * 2 * 1024 * 1024}, "task_too_large"),
    "an unknown agent": ({"project": "overbits", "task": "x", "agent": "nobody"}, "unknown_agent"),
    "an agent that is not there": ({"project": "overbits", "task": "x", "agent": "missing"}, "agent_not_installed"),
    "an agent without its x bit": ({"project": "overbits", "task": "x", "agent": "plain"}, "agent_not_installed"),
    "a NUL in a variable": ({"project": "overbits", "task": "x", "env": {"A": "\0"}}, "bad_request"),
    "a variable without name": ({"project": "overbits", "task": "x", "env": {"": "1"}}, "bad_request"),
    "a relative cwd": ({"project": "overbits", "task": "x", "cwd": "here"}, "bad_request"),
    "a timeout of nothing": ({"project": "overbits", "task": "x", "timeout_s": 0}, "bad_request"),
    "a way out in the project": ({"project": "../../etc", "task": "x"}, "unknown_project"),
    "a way out in the agent": ({"project": "overbits", "task": "x", "agent": "../../bin/sh"}, "unknown_agent"),
    "a number for a task": ({"project": "overbits", "task": 5}, "bad_request"),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_dispatch_is_refused_with_code_message_and_hint(wire: Connection, case: str) -> None:
    request, code = REFUSED[case]
    before = wire.ok(op="info")["seq"]
    assert wire.error(op="dispatch", **request)["code"] == code
    assert wire.ok(op="info")["seq"] == before, "nothing was recorded"


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"{",
        b"[]",
        b"null",
        b'{"op":"fly"}',
        b'{"task":"no op"}',
        b'{"op":"status"}',
        b'{"op":"status","job":"\xff\xfe"}',
        b'{"op":"status","job":"\\ud800"}',
        b"[" * 100_000,
        b'{"op":"list","limit":1e400}',
        b"\x00\x01\x02",
    ],
    ids=lambda line: repr(line[:30]),
)
def test_garbage_gets_an_error_and_the_connection_goes_on(wire: Connection, line: bytes) -> None:
    wire.send_bytes(line + b"\n")
    assert wire.receive()["error"]["code"] in ("bad_request", "unknown_job")
    assert "ok" in wire.ask(op="info")


def test_the_id_of_a_broken_request_comes_back(wire: Connection) -> None:
    assert wire.ask(op="fly", id="mine")["id"] == "mine"


def test_unknown_fields_are_ignored(wire: Connection) -> None:
    assert "ok" in wire.ask(op="info", colour="blue")


def test_a_frame_may_come_byte_by_byte_and_many_in_one_piece(wire: Connection) -> None:
    for byte in b'{"op":"info","id":1}\n':
        wire.send_bytes(bytes([byte]))
    assert wire.receive()["id"] == 1
    wire.send_bytes(b'{"op":"info","id":2}\n\n  \n{"op":"info","id":3}\n')
    assert [wire.receive()["id"], wire.receive()["id"]] == [2, 3]


def test_a_line_of_100_mb_is_refused_without_being_kept(daemon: PrivateDaemon, wire: Connection) -> None:
    before = wire.ok(op="info")["rss_bytes"]
    with daemon.connect() as flood:
        block = b"x" * 1024 * 1024
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(100):
                flood.send_bytes(block)
        with contextlib.suppress(ConnectionResetError):
            assert flood.receive()["error"]["code"] == "frame_too_large"
            with pytest.raises(EOFError):
                flood.receive()
    assert wire.ok(op="info")["rss_bytes"] - before < 32 * 1024 * 1024


def test_a_half_frame_and_a_hang_up_disturb_nobody(daemon: PrivateDaemon, wire: Connection) -> None:
    for _ in range(10):
        with daemon.connect() as half:
            half.send_bytes(b'{"op":"dispatch","project":"overb')
    assert "ok" in wire.ask(op="info")


def test_who_closes_its_side_still_gets_its_answers(daemon: PrivateDaemon) -> None:
    with daemon.connect() as script:
        script.send(op="info", id=1)
        script.send(op="list", id=2)
        script.socket.shutdown(socket.SHUT_WR)
        assert [script.receive()["id"], script.receive()["id"]] == [1, 2]
        with pytest.raises(EOFError):
            script.receive()


def test_a_client_that_never_reads_is_not_read_any_more(daemon: PrivateDaemon, wire: Connection) -> None:
    with daemon.connect() as lazy:
        lazy.socket.setblocking(False)
        request = json.dumps({"op": "info"}).encode() + b"\n"
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while sent < 200 * 1024 * 1024:
                sent += lazy.socket.send(request * 1000)
        assert sent < 64 * 1024 * 1024, "the daemon took requests without end"
        assert "ok" in wire.ask(op="info")


def test_a_queue_that_is_full_says_so(wire: Connection) -> None:
    running = wire.ok(op="dispatch", project="overbits", task="sleep 1000")["job"]
    queued = [wire.ok(op="dispatch", project="overbits", task="true")["job"] for _ in range(5)]
    assert wire.error(op="dispatch", project="overbits", task="true")["code"] == "queue_full"
    for job in [*queued, running]:
        wire.ok(op="cancel", job=job)
    wire.ok(op="wait", jobs=[running])


def test_a_directory_that_goes_while_the_job_is_queued_is_named(daemon: PrivateDaemon, wire: Connection) -> None:
    doomed = daemon.root / "doomed"
    doomed.mkdir()
    gate = daemon.root / "gate"
    os.mkfifo(gate)
    first = wire.ok(op="dispatch", project="overbits", task=f"cat {gate}")["job"]
    second = wire.ok(op="dispatch", project=str(doomed), agent="shell", task="true")["job"]
    doomed.rmdir()
    gate.write_text("")
    wire.ok(op="wait", jobs=[first, second])
    job = wire.ok(op="status", job=second)["job"]
    assert (job["state"], job["outcome"]) == ("failed", "start_failed")
    assert str(doomed) in job["reason"]


def test_an_argv_that_cannot_be_started_says_why(wire: Connection) -> None:
    job = wire.ok(op="dispatch", project="overbits", argv=["no-such-program-here"])["job"]
    wire.ok(op="wait", jobs=[job])
    ended = wire.ok(op="status", job=job)["job"]
    assert (ended["outcome"], ended["exit_code"], ended["signal"]) == ("start_failed", None, None)
    assert "no-such-program-here" in ended["reason"]


@pytest.mark.parametrize("job", ["../../etc", "..", "/", "a/b", "%s", "\x1b[2J", "x" * 10_000, "agent:a:b"])
def test_an_id_that_is_none_is_an_unknown_job(wire: Connection, job: str) -> None:
    for op in ("status", "logs", "cancel", "remove", "retry", "follow"):
        assert wire.error(op=op, job=job)["code"] == "unknown_job"


@pytest.mark.parametrize("name", ["../../etc/passwd", "stdout/../../lock", "lock", "started.json"])
def test_no_other_file_is_read_through_the_name_of_a_stream(wire: Connection, name: str) -> None:
    job = wire.ok(op="dispatch", project="overbits", argv=["true"])["job"]
    wire.ok(op="wait", jobs=[job])
    for op in ("logs", "follow"):
        assert wire.error(op=op, job=job, stream=name)["code"] == "bad_request"


def test_a_key_is_a_name_and_never_a_path(daemon: PrivateDaemon, wire: Connection) -> None:
    key = f"../../{'../' * 20}{daemon.root}/planted"
    job = wire.ok(op="dispatch", project="overbits", argv=["true"], key=key)["job"]
    wire.ok(op="wait", jobs=[job])
    assert wire.ok(op="status", job=job)["job"]["key"] == key
    assert not (daemon.root / "planted").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": 1000},
        {"needs": {"gpu": 1}},
        {"tags": {"": "x"}},
        {"max_memory_bytes": -1},
        {"stall_timeout_s": -1},
        {"retries": -1},
    ],
    ids=str,
)
def test_variables_of_a_refused_dispatch_are_kept_nowhere(wrong: dict[str, Any]) -> None:
    secret = "s3cr3t-" + os.urandom(8).hex()
    with private_daemon() as daemon, daemon.connect() as wire:
        wire.error(op="dispatch", project="overbits", argv=["true"], env={"TOKEN": secret}, **wrong)
        job = wire.ok(op="dispatch", project="overbits", argv=["true"])["job"]
        wire.ok(op="wait", jobs=[job])
        kept = [file for file in daemon.state.glob("*.db*") if secret.encode() in file.read_bytes()]
    assert kept == []


def test_secrets_are_in_no_answer_event_log_or_file_but_the_environments(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    secret = "s3cr3t-" + os.urandom(8).hex()
    answer = wire.ask(op="dispatch", project="overbits", task='test -n "$TOKEN"', env={"TOKEN": secret}, key="sec")
    job = answer["ok"]["job"]
    told = [answer, *(wire.ask(op="wait", jobs=[job]) for _ in range(1)), wire.ask(op="status", job=job)]
    told += [
        wire.ask(op="list"),
        wire.ask(op="info"),
        wire.ask(op="dispatch", project="overbits", task=1, env={"T": secret}),
    ]
    with daemon.connect() as stream:
        stream.ok(op="subscribe", after=0, jobs=[job])
        told += [stream.receive() for _ in range(4)]
    assert told[2]["ok"]["job"]["state"] == "completed"
    assert told[2]["ok"]["job"]["env_names"] == ["TOKEN"]
    assert secret not in json.dumps(told)
    holders = {path.name for path in _files(daemon.root) if secret.encode() in path.read_bytes()}
    assert holders <= {"environments.db", "environments.db-wal"}


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]
