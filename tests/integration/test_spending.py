"""`spend`: what jobs have cost, reported, computed or unknown, and how long the budgets of the day last."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from integration.test_day_budgets import noon
from luzia_client.api.client import Client
from support import Connection, PrivateDaemon, dispatch, ended, private_daemon

CONFIG = """max_cost_usd_per_day = 2.0
[agents.teller]
command = ["sh", "-c", "{task}"]
reader = "jsonl"
[agents.teller.jsonl]
type = "type"
model = "model"
tokens_in = "in"
tokens_out = "out"
tokens_cached = "cached"
cost = "cost"
success = "end: type"
[prices."house-model"]
input = 1.0
output = 10.0
cached = 0.5
"""


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(CONFIG, {"TZ": noon()}) as running:
        yield running


def tells(wire: Connection, model: str, more: str, **options: Any) -> str:
    """A job whose agent tells this of its model, tokens and cost."""
    lines = [f'{{"type": "start", "model": "{model}"}}', f'{{"type": "end", {more}}}']
    return dispatch(wire, f"printf '%s\\n' {' '.join(map(shlex.quote, lines))}", agent="teller", **options)


def by_name(report: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {each.get("name", ""): each for each in report["groups"][kind]}


def test_costs_are_reported_computed_or_unknown_and_never_0(daemon: PrivateDaemon, wire: Connection) -> None:
    jobs = [
        tells(wire, "house-model", '"in": 300000, "out": 20000, "cached": 100000', tags={"team": "a"}),
        tells(wire, "openai/gpt-5.4-2026-03-05", '"in": 1000000, "out": 0, "cached": 0'),
        tells(wire, "no-such-model", '"in": 5, "out": 5'),
        tells(wire, "house-model", '"in": 9, "out": 9, "cost": 0.25', tags={"team": "a"}),
        dispatch(wire, "true", agent="shell"),
    ]
    assert {job["state"] for job in ended(wire, *jobs)} == {"completed"}
    report = wire.ok(op="spend", by=["model", "agent", "tag", "day", "project"])
    models = by_name(report, "model")
    assert models["house-model"]["computed_usd"] == pytest.approx(0.2 + 0.05 + 0.2)
    assert models["house-model"]["cost_usd"] == 0.25
    assert models["openai/gpt-5.4-2026-03-05"]["computed_usd"] == pytest.approx(2.5)
    unknown = models["no-such-model"]
    assert (unknown.get("cost_usd"), unknown.get("computed_usd"), unknown["unknown"]) == (None, None, 1)
    assert "unknown" not in by_name(report, "agent")["shell"]
    assert by_name(report, "tag")["team=a"]["jobs"] == 2
    assert [each["jobs"] for each in report["groups"]["day"]] == [5]
    assert report["total"]["tokens_in"] == 1300014
    assert [(each["model"], each["shipped"]) for each in report["prices"]] == [
        ("gpt-5.4", True),
        ("house-model", False),
    ]
    assert report["prices"][0]["date"] == "2026-05-13"
    assert "OpenAI" in report["prices"][0]["source"]


def test_budgets_count_computed_costs_only_on_request(daemon: PrivateDaemon, wire: Connection) -> None:
    ended(wire, tells(wire, "house-model", '"in": 1000000, "out": 0'), tells(wire, "x", '"cost": 0.5'))
    (budget,) = wire.ok(op="spend")["budgets"]
    assert (budget["project"], budget["limit_usd"], budget["spent_usd"]) == ("overbits", 2.0, 0.5)
    assert (budget["counts_computed"], budget["used_up_at"]) == (False, None)  # it is noon
    with daemon.config_file.open("a") as config:
        config.write("[daemon]\ncount_computed_costs = true\n")
    wire.ok(op="reload")
    (budget,) = wire.ok(op="spend")["budgets"]
    assert (budget["spent_usd"], budget["counts_computed"]) == (1.5, True)
    assert budget["used_up_at"] is not None
    assert budget["by_end_usd"] == pytest.approx(3.0, rel=0.1)
    job = tells(wire, "house-model", '"in": 1000000, "out": 0')
    ended(wire, job)
    waiting = dispatch(wire, "true", agent="shell")
    assert "is used up" in wire.ok(op="status", job=waiting)["job"]["reason"]


def test_only_what_ended_since_a_time_is_summed(wire: Connection) -> None:
    ended(wire, dispatch(wire, "true", agent="shell"))
    assert wire.ok(op="spend")["total"]["jobs"] == 1
    report = wire.ok(op="spend", since="2100-01-01T00:00:00Z", by=["project"])
    assert (report["total"].get("jobs", 0), report["groups"], report["today"]["jobs"]) == (0, {"project": []}, 1)
    assert wire.error(op="spend", projects=["nowhere-such"])["code"] == "unknown_project"


def test_the_command_shows_and_marks_what_is_computed(daemon: PrivateDaemon, wire: Connection) -> None:
    ended(
        wire, tells(wire, "house-model", '"in": 1000000, "out": 0'), tells(wire, "no-such-model", '"in": 5, "out": 5')
    )
    done = daemon.run("spend", "--by", "model", "--by", "agent")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == ["MODEL", "COST", "TOKENS", "HOURS", "JOBS", "ATTEMPTS", "FAILED"]
    for words in (
        "house-model    ~$1.00",
        "no-such-model  unknown",
        "teller  ~$1.00 + 1 unknown",
        "Budget of overbits: $0.00 of $2.00, enough for today at this pace (estimate)",
        "house-model: in $1.00, cached $0.50, out $10.00",
    ):
        assert words in done.stdout, done.stdout
    report = json.loads(daemon.run("spend", "--json").stdout)
    assert report["total"]["computed_usd"] == 1.0
    assert daemon.run("spend", "--by", "colour").returncode == 2
    with Client(daemon.socket) as client:
        assert client.get_spending("day").total.unknown == 1
