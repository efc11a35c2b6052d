"""What is pushed: events, output, and the answer to `wait`."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol.requests import Subscribe

from luzia_client.api.stream_group import StreamGroup
from luzia_client.api.streams import EventStream
from support import Connection, PrivateDaemon, dispatch, ended, eventually, private_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


@pytest.fixture
def gate(daemon: PrivateDaemon, tmp_path: Path) -> Path:
    """A FIFO on which a job waits until the test writes."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def until_end(stream: Connection) -> tuple[bytes, dict[str, Any]]:
    """What a `follow` in base64 brings, and its end."""
    data = b""
    while "end" not in (frame := stream.receive()):
        assert frame["output"]["offset"] == len(data)
        data += base64.b64decode(frame["output"]["data"])
    end: dict[str, Any] = frame["end"]
    return data, end


def test_a_subscriber_sees_each_step_of_a_job_once_and_in_order(daemon: PrivateDaemon, wire: Connection) -> None:
    with daemon.connect() as stream:
        assert stream.ask(op="subscribe", id="s") == {"ok": {}, "id": "s"}
        job = dispatch(wire, "exit 3")
        events: list[dict[str, Any]] = []
        while not events or events[-1]["kind"] != "ended":
            frame = stream.receive()
            assert frame["id"] == "s"
            if frame["event"]["job"] == job:
                events.append(frame["event"])
    assert [event["kind"] for event in events] == ["dispatched", "starting", "started", "ended"]
    assert [event["state"] for event in events] == ["queued", "starting", "running", "failed"]
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})
    assert (events[-1]["exit_code"], events[-1]["outcome"]) == (3, "failed")


def test_a_subscriber_that_comes_back_misses_nothing(daemon: PrivateDaemon, wire: Connection) -> None:
    before = wire.ok(op="list", limit=1)["seq"]
    job = dispatch(wire, "true")
    wire.ok(op="wait", jobs=[job])
    with daemon.connect() as stream:
        stream.ask(op="subscribe", after=before, jobs=[job])
        kinds = [stream.receive()["event"]["kind"] for _ in range(4)]
        assert kinds == ["dispatched", "starting", "started", "ended"]
        wire.ok(op="remove", job=job)
        assert stream.receive()["event"]["kind"] == "removed"


def test_events_are_filtered_by_kind_and_project(daemon: PrivateDaemon, wire: Connection, tmp_path: Path) -> None:
    with daemon.connect() as stream:
        stream.ask(op="subscribe", kinds=["ended"], projects=["overbits"])
        other = wire.ok(op="dispatch", project=str(tmp_path), agent="shell", task="true")["job"]
        wire.ok(op="wait", jobs=[other])
        job = dispatch(wire, "true")
        event = stream.receive()["event"]
        assert (event["kind"], event["job"]) == ("ended", job)


def test_an_event_that_never_was_is_refused(wire: Connection) -> None:
    assert wire.error(op="subscribe", after=10**12)["code"] == "events_expired"


def test_follow_brings_every_byte_and_then_the_end(daemon: PrivateDaemon, wire: Connection, gate: Path) -> None:
    job = dispatch(wire, f"printf 'first \\377\\n'; cat {gate}; printf last")
    with daemon.connect() as stream:
        assert stream.ask(op="follow", job=job, encoding="base64") == {"ok": {}}
        first = stream.receive()["output"]
        assert base64.b64decode(first["data"]) == b"first \xff\n"
        assert first["ended"] is False
        gate.write_text("middle\n")
        data = base64.b64decode(first["data"])
        while "end" not in (frame := stream.receive()):
            data += base64.b64decode(frame["output"]["data"])
    assert data == b"first \xff\nmiddle\nlast"
    assert frame["end"] == {"job": job, "attempt": 1, "offset": len(data), "state": "completed"}


def test_follow_of_much_output_loses_nothing(daemon: PrivateDaemon, wire: Connection) -> None:
    job = dispatch(wire, "seq 1 300000")
    with daemon.connect() as stream:
        stream.ask(op="follow", job=job, encoding="base64")
        data, end = until_end(stream)
    assert data == b"".join(b"%d\n" % number for number in range(1, 300001))
    assert end["offset"] == len(data)


def test_follow_of_a_queued_job_waits_for_its_first_attempt(daemon: PrivateDaemon, wire: Connection) -> None:
    info = wire.ok(op="info")
    blockers = [dispatch(wire, "sleep 1000") for _ in range(info["slots"])]
    job = dispatch(wire, "echo hello")
    with daemon.connect() as stream:
        stream.ask(op="follow", job=job, encoding="base64")
        for blocker in blockers:
            wire.ok(op="cancel", job=blocker)
        assert until_end(stream)[0] == b"hello\n"
    wire.ok(op="wait", jobs=blockers)


def test_follow_of_a_job_that_is_cancelled_in_the_queue_ends(daemon: PrivateDaemon, wire: Connection) -> None:
    info = wire.ok(op="info")
    blockers = [dispatch(wire, "sleep 1000") for _ in range(info["slots"])]
    job = dispatch(wire, "echo hello")
    with daemon.connect() as stream:
        stream.ask(op="follow", job=job, encoding="base64")
        wire.ok(op="cancel", job=job)
        data, end = until_end(stream)
    assert (data, end["attempt"], end["state"]) == (b"", 0, "cancelled")
    for blocker in blockers:
        wire.ok(op="cancel", job=blocker)
    wire.ok(op="wait", jobs=blockers)


def test_logs_go_by_offset_and_by_lines(wire: Connection) -> None:
    job = dispatch(wire, "printf 'one\\ntwo\\nthree\\n'")
    wire.ok(op="wait", jobs=[job])
    assert wire.ok(op="logs", job=job, tail=2)["data"] == "two\nthree\n"
    assert wire.ok(op="logs", job=job, tail=9)["data"] == "one\ntwo\nthree\n"
    assert wire.ok(op="logs", job=job, tail=0)["data"] == ""
    piece = wire.ok(op="logs", job=job, offset=4, max_bytes=3)
    assert (piece["data"], piece["next_offset"], piece["ended"]) == ("two", 7, False)
    assert wire.ok(op="logs", job=job, offset=10**9)["data"] == ""
    assert wire.error(op="logs", job=job, offset=-1)["code"] == "bad_request"


def test_text_is_never_cut_inside_a_character(wire: Connection) -> None:
    job = dispatch(wire, "printf 'aé✓🎉z'")
    wire.ok(op="wait", jobs=[job])
    offset, text = 0, ""
    while True:
        piece = wire.ok(op="logs", job=job, offset=offset, max_bytes=5)
        text, offset = text + piece["data"], piece["next_offset"]
        if piece["ended"]:
            break
    assert text == "aé✓🎉z"


def test_a_wait_does_not_hold_up_what_comes_after_it(wire: Connection, gate: Path) -> None:
    job = dispatch(wire, f"cat {gate}")
    wire.send(op="wait", jobs=[job], id="slow")
    assert wire.ask(op="info", id="quick")["id"] == "quick"
    gate.write_text("")
    answer = wire.receive()
    assert (answer["id"], answer["ok"]["jobs"][0]["state"]) == ("slow", "completed")


def test_one_connection_has_a_limited_number_of_streams(daemon: PrivateDaemon) -> None:
    with daemon.connect() as many:
        for number in range(64):
            many.ok(op="subscribe", id=number)
        assert many.error(op="subscribe", id=64)["code"] == "too_many_streams"
        assert "ok" in many.ask(op="info", id=65)


def test_a_stream_that_is_ended_sends_nothing_more_and_makes_room_for_another(
    daemon: PrivateDaemon, wire: Connection, gate: Path
) -> None:
    job = dispatch(wire, f"cat {gate}")
    with daemon.connect() as many:
        many.ok(op="subscribe", id="events", kinds=["ended"])
        many.ok(op="follow", job=job, id="output")
        many.send(op="wait", jobs=[job], id="end")
        for number in range(61):
            many.ok(op="subscribe", id=number, kinds=["removed"])
        assert "unsubscribe" in many.error(op="subscribe", id=61)["hint"]
        assert many.ask(op="unsubscribe", stream="events", id=1000) == {"id": 1000, "ok": {"stream": "events"}}
        assert many.ok(op="unsubscribe", stream="output") == {"stream": "output"}
        assert many.ok(op="unsubscribe", stream="end") == {"stream": "end"}
        many.ok(op="subscribe", kinds=["ended"], id="another")
        gate.write_text("text\n")
        assert many.receive()["id"] == "another"
        assert ended(wire, job)[0]["state"] == "completed"
        assert many.ask(op="info", id="last")["id"] == "last"  # nothing of the ended streams came before it
        assert many.error(op="unsubscribe", stream="output")["code"] == "unknown_stream"
    eventually(lambda: wire.ok(op="info")["subscribers"] == 0)


def test_a_stream_can_be_ended_before_it_has_begun(daemon: PrivateDaemon, wire: Connection, gate: Path) -> None:
    job = dispatch(wire, f"cat {gate}")
    lines = [
        {"op": "subscribe", "after": 0, "id": "s"},
        {"op": "follow", "job": job, "id": "f"},
        {"op": "unsubscribe", "stream": "s", "id": 1},
        {"op": "unsubscribe", "stream": "f", "id": 2},
        {"op": "info", "id": 3},
    ]
    with daemon.connect() as quick:
        quick.send_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        assert [quick.receive()["id"] for _ in lines] == ["s", "f", 1, 2, 3]
        gate.write_text("")
        ended(wire, job)
        assert quick.ask(op="info", id=4)["id"] == 4
    assert "never awaited" not in daemon.log.read_text()


def test_only_streams_and_waits_of_the_own_connection_are_ended(daemon: PrivateDaemon, wire: Connection) -> None:
    with daemon.connect() as other:
        other.ok(op="subscribe", id=5)
        assert wire.error(op="unsubscribe", stream=5)["code"] == "unknown_stream"
        assert wire.error(op="unsubscribe")["code"] == "bad_request"
        assert wire.ok(op="info")["subscribers"] == 1


def test_a_subscription_to_what_never_was_is_refused(wire: Connection) -> None:
    refused = wire.error(op="subscribe", kinds=["ended", "exploded"])
    assert (refused["code"], "exploded" in refused["message"]) == ("bad_request", True)
    assert wire.error(op="subscribe", projects=["never"])["code"] == "unknown_project"
    assert wire.error(op="subscribe", projects=["/no/such/project"])["code"] == "unknown_project"
    assert wire.error(op="list", projects=["never"])["code"] == "unknown_project"
    assert wire.ok(op="info")["subscribers"] == 0


def test_a_stream_of_a_group_is_ended_without_the_others(daemon: PrivateDaemon, wire: Connection) -> None:
    with closing(StreamGroup(daemon.socket)) as group:
        seq = wire.ok(op="list", limit=1)["seq"]
        ended_one = group.add(EventStream(Subscribe(after=seq, kinds=["dispatched"])))
        kept = group.add(EventStream(Subscribe(after=seq, kinds=["ended"])))
        first = dispatch(wire)
        ended(wire, first)
        items = group.items()
        assert {next(items)[0] for _ in range(2)} == {ended_one, kept}
        group.end(ended_one)
        group.end(ended_one)  # no effect
        jobs = [dispatch(wire) for _ in range(3)]
        ended(wire, *jobs)
        assert {next(items)[0] for _ in jobs} == {kept}


def test_a_subscriber_that_never_reads_is_told_that_it_lagged(daemon: PrivateDaemon, wire: Connection) -> None:
    with daemon.connect() as lazy:
        for number in range(64):
            lazy.ok(op="subscribe", id=number)
        task = ": " + "x" * 4000
        for _ in range(400):
            wire.send(op="dispatch", project="overbits", task=task)
        jobs = [wire.receive()["ok"]["job"] for _ in range(400)]
        wire.ok(op="wait", jobs=jobs)
        eventually(lambda: wire.ok(op="info")["subscribers"] == 0, "the end of the lagging streams")
        lagged: set[int] = set()
        while len(lagged) < 64:
            frame = lazy.receive()
            if "lagged" in frame:
                assert frame["lagged"]["next"] > 0
                lagged.add(frame["id"])


def test_streams_end_with_their_connection(daemon: PrivateDaemon, wire: Connection, gate: Path) -> None:
    job = dispatch(wire, f"cat {gate}")
    with daemon.connect() as stream:
        stream.ok(op="subscribe", kinds=["removed"])
        stream.ok(op="follow", job=job)
        stream.send(op="wait", jobs=[job])
        assert wire.ok(op="info")["subscribers"] == 1
    eventually(lambda: wire.ok(op="info")["subscribers"] == 0)
    eventually(lambda: wire.ok(op="info")["connections"] == 1)
    gate.write_text("")
    wire.ok(op="wait", jobs=[job])
