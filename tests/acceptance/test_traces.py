"""`luzia metrics --otlp` with a real OTLP receiver: traces of real jobs, over kills, and while the receiver is away."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from luzia_protocol.tracing import span_id, trace_id

from otlp_receiver import Receiver, attributes, collector
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until
from support import ROOT, Connection

AGENT = ROOT / "tests" / "data" / "programs" / "asking_claude.py"


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with collector() as receiver:
        yield receiver


def start(luzia: PrivateLuzia, receiver: Receiver) -> subprocess.Popen[bytes]:
    """An exporter, once it follows the daemon."""
    exporter = luzia.start("metrics", "--otlp", receiver.url)
    cursor = Path(luzia.env["LUZIA_STATE_DIR"], "metrics.traces.json")
    until(lambda: cursor.exists() or exporter.poll() is not None, "it follows the daemon")
    assert exporter.poll() is None, exporter.communicate()
    return exporter


def output(luzia: PrivateLuzia, job: str) -> str:
    return luzia.run("logs", job).stdout.decode()


def test_a_job_is_a_trace_and_each_attempt_a_span_that_the_agent_knows(luzia: PrivateLuzia, receiver: Receiver) -> None:
    client = luzia.client()
    start(luzia, receiver)
    job = client.dispatch(luzia.project, 'echo "$TRACEPARENT"; exit 3', agent="shell", retries=1, backoff_s=[0.1]).job
    client.wait([job])
    until(lambda: len(receiver.of(job)) == 2, "both spans arrive")
    found = client.get_job(job)
    spans = sorted(receiver.of(job), key=lambda span: span.start_time_unix_nano)
    assert {span.trace_id.hex() for span in spans} == {trace_id(job)}
    assert [span.span_id.hex() for span in spans] == [span_id(job, 1), span_id(job, 2)]
    assert output(luzia, job) == f"00-{trace_id(job)}-{span_id(job, 2)}-01\n"
    for number, span in enumerate(spans, 1):
        said = attributes(span)
        assert span.name == "invoke_agent shell"
        assert span.parent_span_id == b""
        assert (said["gen_ai.operation.name"], said["gen_ai.agent.name"]) == ("invoke_agent", "shell")
        assert (said["luzia.attempt"], said["luzia.outcome"], said["luzia.project"]) == (number, "failed", "project")
        assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "exit code 3")
        attempt = found.attempts[number - 1]
        assert attempt.started_at is not None
        assert attempt.ended_at is not None
        assert span.start_time_unix_nano / 1e9 == pytest.approx(attempt.started_at.timestamp(), abs=1.0)
        assert span.end_time_unix_nano / 1e9 == pytest.approx(attempt.ended_at.timestamp(), abs=1.0)
    assert receiver.services == {"luzia"}
    assert "TRACEPARENT" not in json.dumps([attributes(span) for span in spans])


def test_what_is_dispatched_inside_is_below_the_attempt(luzia: PrivateLuzia, receiver: Receiver) -> None:
    client = luzia.client()
    start(luzia, receiver)
    gate = Path(luzia.root, "gate")
    command = f"[ $LUZIA_ATTEMPT = 2 ] || exit 1; while [ ! -e {gate} ]; do sleep 0.1; done"
    parent = client.dispatch(luzia.project, command, agent="shell", retries=1, backoff_s=[0.1]).job
    until(
        lambda: client.get_job(parent).attempt == 2 and client.get_job(parent).state == "running", "the second attempt"
    )

    def inside(of: str) -> str:
        request = {"op": "dispatch", "project": luzia.project, "agent": "shell", "parent": of}
        with Connection(luzia.socket) as wire:
            return str(
                wire.ok(task=f'echo "$TRACEPARENT"; while [ ! -e {gate} ]; do sleep 0.1; done', **request)["job"]
            )

    child = inside(parent)
    until(lambda: client.get_job(child).state == "running", "the child runs")
    grandchild = inside(child)
    until(lambda: client.get_job(grandchild).state == "running", "the grandchild runs")
    gate.touch()
    client.wait([parent, child, grandchild])
    until(lambda: len(receiver.spans) == 4, "all spans arrive")
    assert {span.trace_id.hex() for span in receiver.spans} == {trace_id(parent)}
    assert receiver.of(child)[0].parent_span_id.hex() == span_id(parent, 2)
    assert receiver.of(grandchild)[0].parent_span_id.hex() == span_id(child, 1)
    assert output(luzia, grandchild).strip() == f"00-{trace_id(parent)}-{span_id(grandchild, 1)}-01"


def test_tools_and_questions_are_events_of_the_span(luzia: PrivateLuzia, receiver: Receiver, tmp_path: Path) -> None:
    claude = tmp_path / "claude"
    claude.write_text(f'#!/bin/sh\nexec {sys.executable} {AGENT} "$@"\n')
    claude.chmod(0o755)
    luzia.env["PATH"] = f"{tmp_path}:{luzia.env['PATH']}"
    client = luzia.client()
    start(luzia, receiver)
    with Connection(luzia.socket) as wire:
        task = json.dumps([["Bash", {"command": "make"}]])
        job = str(wire.ok(op="dispatch", project=luzia.project, task=task, agent="claude", ask=True)["job"])
    until(lambda: client.get_job(job).state == "waiting", "it asks")
    client.answer_question(job, "allow")
    client.wait([job])
    until(lambda: receiver.spans, "the span arrives")
    [span] = receiver.of(job)
    said = attributes(span)
    assert (said["gen_ai.response.model"], said["gen_ai.conversation.id"]) == ("stub", "session")
    assert span.status.code == Status.STATUS_CODE_UNSET
    events = [(event.name, attributes(event)) for event in span.events]
    assert ("execute_tool", {"gen_ai.tool.name": "Bash"}) in events
    asked = {"luzia.question.id": "request-1", "luzia.question.type": "permission", "gen_ai.tool.name": "Bash"}
    assert ("luzia.question_asked", asked) in events
    assert ("luzia.question_answered", {"luzia.question.id": "request-1"}) in events
    assert all(span.start_time_unix_nano <= event.time_unix_nano <= span.end_time_unix_nano for event in span.events)


def test_no_span_is_lost_or_changed_whatever_is_killed(luzia: PrivateLuzia, receiver: Receiver) -> None:
    chance = random.Random(3)
    exporter_starts = 0
    client = luzia.client()
    exporter = start(luzia, receiver)
    jobs: list[str] = []
    for turn in range(8):
        jobs += [luzia.shell("true") for _ in range(2)]
        threading.Event().wait(chance.random() * 0.5)  # the moment of the kill is what varies
        exporter.send_signal(signal.SIGKILL)
        exporter.wait(DEADLINE_S)
        if turn % 4 == 3:
            luzia.kill_daemon()
            client = luzia.client()
        exporter = luzia.start("metrics", "--otlp", receiver.url)
        exporter_starts += 1
    client.wait(jobs)
    until(lambda: {attributes(span)["luzia.job.id"] for span in receiver.spans} == set(jobs), "every job has its span")
    by_id: dict[bytes, set[bytes]] = {}
    for span in receiver.spans:
        by_id.setdefault(span.span_id, set()).add(span.SerializeToString(deterministic=True))
    assert all(len(contents) == 1 for contents in by_id.values())
    assert len(receiver.spans) - len(by_id) <= exporter_starts * 2


def test_an_exporter_that_is_stopped_and_started_sends_each_span_once(luzia: PrivateLuzia, receiver: Receiver) -> None:
    client = luzia.client()
    exporter = start(luzia, receiver)
    client.wait([first := luzia.shell("true")])
    until(lambda: receiver.of(first), "the first span arrives")
    exporter.terminate()
    assert exporter.wait(DEADLINE_S) == 0
    client.wait([second := luzia.shell("true")])
    start(luzia, receiver)
    until(lambda: receiver.of(second), "the second span arrives")
    assert [len(receiver.of(job)) for job in (first, second)] == [1, 1]


@pytest.mark.parametrize("status", [429, 503, 401])
def test_a_collector_that_is_away_gets_everything_later(luzia: PrivateLuzia, receiver: Receiver, status: int) -> None:
    client = luzia.client()
    start(luzia, receiver)
    receiver.away = status
    jobs = [luzia.shell("true") for _ in range(3)]
    client.wait(jobs)
    until(lambda: receiver.refused > 1, "it is refused")
    receiver.away = 0
    until(lambda: {attributes(span)["luzia.job.id"] for span in receiver.spans} == set(jobs), "all spans arrive")
    assert len(receiver.spans) == 3


def test_a_span_that_is_refused_for_good_is_dropped_alone_and_counted(luzia: PrivateLuzia, receiver: Receiver) -> None:
    client = luzia.client()
    receiver.away = 503
    exporter = start(luzia, receiver)
    jobs = [luzia.shell("true") for _ in range(5)]
    client.wait(jobs)
    until(lambda: receiver.refused, "they wait for the collector together")
    receiver.hated, receiver.away = jobs[2], 0
    kept = {*jobs} - {jobs[2]}
    until(lambda: {attributes(span)["luzia.job.id"] for span in receiver.spans} == kept, "the others arrive")
    client.wait([last := luzia.shell("true")])
    until(lambda: receiver.of(last), "what follows arrives")
    assert len(receiver.spans) == 5
    receiver.hated = ""
    exporter.terminate()
    _, stderr = exporter.communicate(timeout=DEADLINE_S)
    told = f"luzia: the collector has refused the span of attempt 1 of job {jobs[2]}: 400 Bad Request; it is dropped"
    assert stderr.decode().count(told) == 1
    receiver.metrics.clear()
    start(luzia, receiver)
    until(lambda: "luzia_spans_dropped" in receiver.metrics, "the metrics arrive")
    [point] = receiver.metrics["luzia_spans_dropped"].sum.data_points
    assert point.as_double == 1.0, "it is counted, also after a restart"
    assert len(receiver.spans) == 5


def test_metrics_are_pushed_too(luzia: PrivateLuzia, receiver: Receiver) -> None:
    client = luzia.client()
    client.wait([luzia.shell("true"), luzia.shell("false")])
    start(luzia, receiver)
    until(lambda: "luzia_up" in receiver.metrics, "the metrics arrive")
    assert receiver.metrics["luzia_up"].gauge.data_points[0].as_double == 1.0
    ended = receiver.metrics["luzia_attempts_ended"].sum
    assert (ended.is_monotonic, sum(point.as_double for point in ended.data_points)) == (True, 2.0)
    [point] = receiver.metrics["luzia_attempt_duration_seconds"].histogram.data_points
    assert (point.count, sum(point.bucket_counts), len(point.bucket_counts)) == (2, 2, len(point.explicit_bounds) + 1)
    [commits] = receiver.metrics["luzia_dispatch_commit_seconds"].histogram.data_points
    assert commits.count > 0


@pytest.mark.parametrize("address", ["127.0.0.1:4318", "ftp://127.0.0.1/", "http://", "http://127.0.0.1/?x"])
def test_a_wrong_address_is_told(luzia: PrivateLuzia, address: str) -> None:
    refused = luzia.run("metrics", "--otlp", address)
    assert refused.returncode == 2
    assert f"'{address}' is not http://HOST:PORT or https://HOST:PORT".encode() in refused.stderr


def test_one_process_sends_traces(luzia: PrivateLuzia, receiver: Receiver) -> None:
    luzia.client()
    start(luzia, receiver)
    second = luzia.run("metrics", "--otlp", receiver.url)
    assert second.returncode == 74
    assert b"another `luzia metrics --otlp` uses" in second.stderr
