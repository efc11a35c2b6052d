"""A job of several attempts of one session costs what its session has cost, wherever that is told."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.fake_agent import ended_job
from replaying import RECORDINGS
from support import Connection, PrivateDaemon, eventually, private_daemon, status

_REPLAYING = """#!{python}
import json, os, sys, time
here = os.path.dirname(os.path.abspath(__file__))
sys.stdin.read()
with open(here + "/calls", "a") as calls:
    print(json.dumps(sys.argv[1:]), file=calls)
number = len(open(here + "/calls").readlines())
recording = "{recordings}/{agent}/session-%d.stdout" % number
for line in open(recording):
    if '"result"' in line or '"turn.completed"' in line:
        while os.path.exists(here + "/hold%d" % number):
            time.sleep(0.01)
    sys.stdout.write(line)
    sys.stdout.flush()
"""

COST_USD = {1: 0.01644, 2: 0.02055, 3: 0.02466}
"""What the session of Claude had cost after each attempt."""


class Replaying:
    """A daemon whose jobs find a `claude` and a `codex` that print the recordings of one session, run after run."""

    def __init__(self, daemon: PrivateDaemon) -> None:
        self.daemon = daemon
        self.bin: dict[str, Path] = {}
        for agent in ("claude", "codex"):
            self.bin[agent] = daemon.root / agent
            self.bin[agent].mkdir()
            program = self.bin[agent] / agent
            program.write_text(_REPLAYING.format(python=sys.executable, recordings=RECORDINGS, agent=agent))
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def dispatch(self, wire: Connection, agent: str, **more: object) -> str:
        path = f"{self.bin[agent]}:{os.environ['PATH']}"
        request = {"op": "dispatch", "project": "overbits", "task": "Write a file", "agent": agent, **more}
        job: str = wire.ok(**request, client_env={"PATH": path})["job"]
        return job

    def follow_up(self, wire: Connection, job: str) -> dict[str, Any]:
        """The job after another message to its session."""
        wire.ok(op="send", job=job, message="once more")
        return ended_job(wire, job)

    def calls(self, agent: str) -> list[list[str]]:
        return [json.loads(line) for line in (self.bin[agent] / "calls").read_text().splitlines()]


def cost(activity: dict[str, Any]) -> float | None:
    return None if activity["cost_usd"] is None else round(activity["cost_usd"], 6)


@pytest.fixture
def replaying() -> Iterator[Replaying]:
    with private_daemon("[daemon]\nmax_running = 4\n") as daemon:
        yield Replaying(daemon)


@pytest.fixture
def wire(replaying: Replaying) -> Iterator[Connection]:
    with replaying.daemon.connect() as connection:
        yield connection


def test_the_job_costs_what_its_session_has_cost_and_each_attempt_its_own_part(
    replaying: Replaying, wire: Connection
) -> None:
    job = replaying.dispatch(wire, "claude")
    assert cost(ended_job(wire, job)["activity"]) == COST_USD[1]
    replaying.follow_up(wire, job)
    last = replaying.follow_up(wire, job)
    assert last["state"] == "completed"
    assert [cost(each["activity"]) for each in last["attempts"]] == [0.01644, 0.00411, 0.00411]
    assert [each["activity"]["tokens_in"] for each in last["attempts"]] == [4800, 1200, 1200]
    assert (cost(last["activity"]), last["activity"]["tokens_in"]) == (COST_USD[3], 7200)
    (listed,) = wire.ok(op="list")["jobs"]
    assert cost(listed["activity"]) == COST_USD[3]
    with replaying.daemon.connect() as stream:
        stream.ask(op="subscribe", after=0, jobs=[job])
        told: list[dict[str, Any]] = []
        while not told or told[-1]["seq"] < last["seq"]:
            told.append(stream.receive()["event"])
    activities = [event["activity"] for event in told if event["kind"] == "progress"]
    assert cost(activities[-1]) == COST_USD[3]
    ends = [event for event in told if event["kind"] == "ended"]
    assert [round(event["spent"]["cost_usd"], 6) for event in ends] == [0.01644, 0.00411, 0.00411]
    assert [event["spent"]["tokens_in"] for event in ends] == [4800, 1200, 1200]
    assert [round(event["spent_total"]["cost_usd"], 6) for event in ends] == list(COST_USD.values())
    asked_again = [event for event in told if event["kind"] == "requeued"]
    assert [("spent" in event, "spent_total" in event) for event in asked_again] == [(False, True)] * 2
    file = Path(last["directory"]) / "status.json"
    eventually(lambda: file.exists() and json.loads(file.read_text())["seq"] == last["seq"])  # it is written later
    assert cost(json.loads(file.read_text())["activity"]) == COST_USD[3]
    stats = json.loads(replaying.daemon.run("stats", "--json").stdout)
    assert (round(stats["total"]["cost_usd"], 6), stats["total"]["tokens_in"]) == (COST_USD[3], 7200)
    shown = replaying.daemon.run("jobs", job).stdout
    assert "Cost:          $0.0247\n" in shown
    assert "7,200 in, 204 out" in shown
    line = [line for line in shown.splitlines() if line.strip().startswith("2  completed")]
    assert "$0.0041" in line[0]


@pytest.mark.parametrize(("agent", "own"), [("claude", [4800, 1200, 1200]), ("codex", [2400, 1200, 1200])])
def test_a_session_that_goes_on_in_another_job_is_counted_once(
    replaying: Replaying, wire: Connection, agent: str, own: list[int]
) -> None:
    first = replaying.dispatch(wire, agent)
    session = ended_job(wire, first)["activity"]["session"]
    second = ended_job(wire, replaying.dispatch(wire, agent, session=session))
    last = replaying.follow_up(wire, first)
    shown = [last["attempts"][0], second["attempts"][0], last["attempts"][1]]
    assert [each["activity"]["tokens_in"] for each in shown] == own
    if agent == "claude":
        assert [cost(each["activity"]) for each in shown] == [0.01644, 0.00411, 0.00411]


def test_tokens_of_codex_are_counted_once(replaying: Replaying, wire: Connection) -> None:
    job = replaying.dispatch(wire, "codex")
    ended_job(wire, job)
    replaying.follow_up(wire, job)
    last = replaying.follow_up(wire, job)
    assert [each["activity"]["tokens_in"] for each in last["attempts"]] == [2400, 1200, 1200]
    assert last["activity"]["tokens_in"] == 4800


def test_a_daemon_that_restarts_in_the_middle_counts_from_the_attempt_before(replaying: Replaying) -> None:
    hold = replaying.bin["claude"] / "hold2"
    hold.touch()
    with replaying.daemon.connect() as wire:
        job = replaying.dispatch(wire, "claude")
        ended_job(wire, job)
        wire.ok(op="send", job=job, message="once more")
        eventually(lambda: (status(wire, job)["attempts"][-1]["activity"] or {}).get("last_message"))
    replaying.daemon.kill()
    replaying.daemon.start()
    hold.unlink()
    with replaying.daemon.connect() as wire:
        again = ended_job(wire, job)
        assert [cost(each["activity"]) for each in again["attempts"]] == [0.01644, 0.00411]
        assert cost(replaying.follow_up(wire, job)["activity"]) == COST_USD[3]


def test_the_budget_of_a_job_is_for_what_its_attempts_have_added(replaying: Replaying, wire: Connection) -> None:
    (replaying.bin["claude"] / "hold1").touch()
    job = replaying.dispatch(wire, "claude", max_cost_usd=0.03)
    for _ in range(2):  # follow-ups that are sent while the job runs continue the same request
        wire.ok(op="send", job=job, message="once more")
    (replaying.bin["claude"] / "hold1").unlink()
    last = ended_job(wire, job)
    assert (last["state"], last["attempt"]) == ("completed", 3)
    budgets = [
        word.partition("=")[2] for call in replaying.calls("claude") for word in call if word.startswith("--max-budget")
    ]
    assert budgets == ["0.03", "0.01356", "0.00945"]


def test_the_budget_of_a_day_counts_a_session_once_also_after_a_restart(replaying: Replaying) -> None:
    config = replaying.daemon.config_file
    text = config.read_text().replace("[projects.overbits]\n", "[projects.overbits]\nmax_cost_usd_per_day = 0.025\n")
    config.write_text(text)
    if time.localtime().tm_hour == 23 and time.localtime().tm_min > 50:
        pytest.skip("the day ends soon")
    with replaying.daemon.connect() as wire:
        wire.ok(op="reload")
        job = replaying.dispatch(wire, "claude")
        ended_job(wire, job)
        replaying.follow_up(wire, job)
        assert replaying.follow_up(wire, job)["state"] == "completed"
    replaying.daemon.kill()
    replaying.daemon.start()
    with replaying.daemon.connect() as wire:
        shell = wire.ok(op="dispatch", project="overbits", task="true", agent="shell")["job"]
        assert ended_job(wire, shell)["state"] == "completed"


def test_an_import_of_the_job_knows_the_totals_of_its_session(replaying: Replaying, wire: Connection) -> None:
    job = replaying.dispatch(wire, "claude")
    ended_job(wire, job)
    exported = replaying.follow_up(wire, job)
    wire.ok(op="remove", job=job)
    assert wire.ok(op="import", jobs=[exported])["imports"][0]["created"] is True
    imported = status(wire, job)
    assert [each["activity"] for each in imported["attempts"]] == [each["activity"] for each in exported["attempts"]]
    assert cost(imported["attempts"][1]["activity"]["totals"]) == COST_USD[2]
