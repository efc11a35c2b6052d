"""What is understood of an agent while it runs, on recordings of real ones."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from luziad.attempts.live_output import READ_GAP_S
from replaying import AGENTS, Replay
from support import Connection, PrivateDaemon, eventually, private_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(AGENTS) as running:
        yield running


def job_of(wire: Connection, job: str) -> dict[str, Any]:
    found: dict[str, Any] = wire.ok(op="status", job=job)["job"]
    return found


def activity(wire: Connection, job: str) -> dict[str, Any]:
    """What is understood of the job now; nothing before it is."""
    return job_of(wire, job)["activity"] or {}


def test_what_an_agent_does_is_known_while_it_does_it(wire: Connection, tmp_path: Path) -> None:
    with Replay(wire, tmp_path / "gate", "claude/success") as agent:
        agent.print(1)
        known = eventually(lambda: activity(wire, agent.job))
        assert known["session"] == "cfa8e9b0-f926-4d1a-824f-5f135cd85278"
        assert (known["model"], known["phase"], known["turns"]) == ("claude-sonnet-4-5", "thinking", 0)
        assert known["last_sign_at"]
        assert known["cost_usd"] is None
        agent.print(2)
        known = eventually(lambda: (now := activity(wire, agent.job))["phase"] == "tool TaskCreate" and now)
        assert (known["turns"], known["tools"], known["tokens_in"]) == (1, {"TaskCreate": 1}, 1200)
        assert known["last_message"] == "I will make a short plan first."
        agent.print(1)
        eventually(lambda: activity(wire, agent.job)["plan_total"] == 1)
        progress = job_of(wire, agent.job)["progress"]
        assert progress == {"percent": 0, "done": 0, "total": 1, "label": "plan", "phase": "thinking"}
        agent.finish()
    job = wire.ok(op="wait", jobs=[agent.job])["jobs"][0]
    assert job["state"] == "completed"
    known = activity(wire, agent.job)
    assert (known["tokens_out"], known["cost_usd"]) == (102, 0.01233)
    assert known["files"] == ["/home/dev/project/hello.txt"]
    assert known["plan"] == [{"text": "Write hello.txt", "state": "pending"}]
    assert job["progress"] == {"percent": 100, "done": 0, "total": 1, "label": "plan", "phase": None}


def test_what_an_agent_reports_on_stderr_is_known_while_it_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    gemini = tmp_path / "gemini"
    gemini.write_text(
        "#!/bin/sh\n"
        """echo '{"type": "init", "session_id": "s", "model": "m"}'\n"""
        "echo 'Attempt 2 failed with status 429. Retrying with backoff... _ApiError: {' >&2\n"
        f"cat {tmp_path}/gate\n"
    )
    gemini.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with private_daemon() as daemon, daemon.connect() as wire:
        job = wire.ok(op="dispatch", project=str(tmp_path), task="x", agent="gemini", client_env=path)["job"]
        eventually(lambda: activity(wire, job).get("phase") == "retry 2: status 429")
        assert activity(wire, job)["model"] == "m"
        wire.ok(op="cancel", job=job)
        wire.ok(op="wait", jobs=[job])


def test_changes_are_pushed_and_nothing_when_nothing_changes(
    daemon: PrivateDaemon, wire: Connection, tmp_path: Path
) -> None:
    with daemon.connect() as stream, Replay(wire, tmp_path / "gate", "codex/success") as agent:
        stream.ok(op="subscribe", after=0, jobs=[agent.job], kinds=["progress"])
        agent.print(2)
        event = stream.receive()["event"]
        while event["activity"]["phase"] != "thinking":
            event = stream.receive()["event"]
        assert event["activity"]["turns"] == 1
        assert event["activity"]["files"] == []
        seq = event["seq"]
        agent.print(3)
        event = stream.receive()["event"]
        assert event["seq"] > seq
        assert event["progress"]["total"] == 2
        assert event["activity"]["last_message"] == "Now I write the file."
        agent.finish()
        while event["activity"]["tokens_in"] is None:
            event = stream.receive()["event"]
        assert event["activity"]["file_count"] == 1


def test_lists_have_the_short_form(wire: Connection, tmp_path: Path) -> None:
    with Replay(wire, tmp_path / "gate", "opencode/success") as agent:
        agent.finish()
        (job,) = wire.ok(op="wait", jobs=[agent.job])["jobs"]
    assert (job["activity"]["tool_calls"], job["activity"]["tools"], job["activity"]["plan"]) == (2, {}, [])
    assert job["activity"]["plan_total"] == 2
    assert activity(wire, agent.job)["tools"] == {"todowrite": 1, "write": 1}
    (attempt,) = job_of(wire, agent.job)["attempts"]
    assert attempt["activity"]["session"] == job["activity"]["session"]


def test_a_cancelled_job_keeps_what_was_understood(wire: Connection, tmp_path: Path) -> None:
    with Replay(wire, tmp_path / "gate", "gemini/success") as agent:
        agent.print(3)
        eventually(lambda: activity(wire, agent.job).get("session"))
        wire.ok(op="cancel", job=agent.job)
        (job,) = wire.ok(op="wait", jobs=[agent.job])["jobs"]
    assert (job["state"], job["outcome"], job["reason"]) == ("cancelled", "cancelled", "cancelled")
    assert job["activity"]["session"] == "c756b286-a77c-4183-8546-d23ae20b4876"


def test_progress_that_the_job_reports_wins_over_the_plan(wire: Connection, tmp_path: Path) -> None:
    with Replay(wire, tmp_path / "gate", "codex/success") as agent:
        agent.print(2)
        eventually(lambda: activity(wire, agent.job).get("phase"))
        wire.ok(op="progress", job=agent.job, done=1, total=4, label="chapters")
        agent.print(4)
        eventually(lambda: activity(wire, agent.job)["phase"] == "tool edit")
        progress = job_of(wire, agent.job)["progress"]
        assert progress == {"percent": 25, "done": 1, "total": 4, "label": "chapters", "phase": "tool edit"}


def test_an_output_that_nobody_reads_has_no_activity(wire: Connection) -> None:
    job = wire.ok(op="dispatch", project="overbits", task="echo '{}'", agent="shell")["job"]
    (ended,) = wire.ok(op="wait", jobs=[job])["jobs"]
    assert ended["activity"] is None


@pytest.mark.parametrize(
    "recording", ["claude/success", "codex/success-shell", "gemini/success", "opencode/error-401", "vibe/success"]
)
def test_live_and_whole_reading_understand_the_same(wire: Connection, tmp_path: Path, recording: str) -> None:
    with Replay(wire, tmp_path / "slow", recording) as slow, Replay(wire, tmp_path / "fast", recording) as fast:
        fast.finish()
        slow.print(1)
        eventually(lambda: activity(wire, slow.job).get("last_sign_at"))
        for _ in range(slow.lines - 1):
            slow.print(1)
        slow.finish()
        wire.ok(op="wait", jobs=[slow.job, fast.job])
    times = {"phase_at": None, "last_sign_at": None}
    assert activity(wire, slow.job) | times == activity(wire, fast.job) | times
    (one, other) = (job_of(wire, agent.job) for agent in (slow, fast))
    assert (one["outcome"], one["reason"], one["progress"]) == (other["outcome"], other["reason"], other["progress"])


def test_an_agent_that_lingers_after_its_result_is_ended_and_judged_by_the_result(tmp_path: Path) -> None:
    with private_daemon(f"[daemon]\nlinger_s = 0.2\n{AGENTS}") as daemon, daemon.connect() as wire:
        done = Replay(wire, tmp_path / "good", "claude/success", after="linger")
        failed = Replay(wire, tmp_path / "bad", "codex/error-401", after="linger")
        with done, failed:
            done.finish()
            failed.finish()
            one, other = wire.ok(op="wait", jobs=[done.job, failed.job])["jobs"]
    assert (one["state"], one["activity"]["lingered"], one["signal"]) == ("completed", True, "SIGTERM")
    assert (other["state"], other["outcome"]) == ("failed", "failed")
    assert "401" in other["reason"]


def test_an_agent_that_works_after_its_result_is_left_alone(tmp_path: Path) -> None:
    with private_daemon(f"[daemon]\nlinger_s = 1\n{AGENTS}") as daemon, daemon.connect() as wire:
        with Replay(wire, tmp_path / "gate", "claude/success", after="work") as agent:
            agent.finish()
        (job,) = wire.ok(op="wait", jobs=[agent.job])["jobs"]
    assert (job["state"], job["exit_code"], job["activity"]["lingered"]) == ("completed", 0, False)


def test_what_comes_fast_is_told_together(tmp_path: Path) -> None:
    program = (
        "import json, time\n"
        "for turn in range(300):\n"
        "    message = {'id': str(turn), 'content': [{'type': 'text', 'text': str(turn)}]}\n"
        "    print(json.dumps({'type': 'assistant', 'message': message}), flush=True)\n"
        "    time.sleep(0.005)\n"
    )
    script = tmp_path / "fast.py"
    script.write_text(program)
    config = f'[agents.claude]\ncommand = ["{sys.executable}", "-SE", "{script}"]\nprompt = "none"\n'
    with private_daemon(config) as daemon, daemon.connect() as wire, daemon.connect() as stream:
        job = wire.ok(op="dispatch", project="overbits", task="x", agent="claude")["job"]
        stream.ok(op="subscribe", after=0, jobs=[job])
        events = [stream.receive()["event"]]
        while events[-1]["kind"] != "ended":
            events.append(stream.receive()["event"])
    told = [event["activity"]["turns"] for event in events if event["kind"] == "progress"]
    first, last = (datetime.fromisoformat(event["at"]) for event in (events[0], events[-1]))
    assert told == sorted(set(told))
    assert told[-1] == 300
    assert len(told) <= (last - first).total_seconds() / READ_GAP_S + 3


def test_a_lost_attempt_keeps_what_was_understood_and_is_read_no_longer(tmp_path: Path) -> None:
    with private_daemon(AGENTS) as daemon, daemon.connect() as wire:
        with Replay(wire, tmp_path / "gate", "codex/success") as agent:
            agent.print(1)
            known = eventually(lambda: activity(wire, agent.job))
            lock = json.loads((daemon.state / "jobs" / agent.job / "1" / "lock").read_text())
            os.kill(lock["pid"], signal.SIGKILL)
            (job,) = wire.ok(op="wait", jobs=[agent.job])["jobs"]
        assert job["state"] == "lost"
        assert activity(wire, agent.job)["session"] == known["session"]
        assert "output_not" not in daemon.log.read_text()


def test_a_restarted_daemon_understands_the_same_and_goes_on(tmp_path: Path) -> None:
    with private_daemon(AGENTS) as daemon:
        with daemon.connect() as wire:
            agent = Replay(wire, tmp_path / "gate", "claude/success")
            agent.print(5)
            before = eventually(lambda: (now := activity(wire, agent.job)).get("turns") == 2 and now)
        daemon.kill()
        daemon.start()
        with daemon.connect() as wire, agent:
            eventually(lambda: activity(wire, agent.job) == before)
            agent.print(1)
            now = eventually(lambda: (now := activity(wire, agent.job))["phase"] == "tool Write" and now)
            assert (now["turns"], now["tools"]) == (2, {"TaskCreate": 1, "Write": 1})
            agent.finish()
            (job,) = wire.ok(op="wait", jobs=[agent.job])["jobs"]
    assert (job["state"], job["activity"]["tokens_out"]) == ("completed", 102)
