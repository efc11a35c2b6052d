"""The budget of a day ends what runs and holds what waits, also over a restart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.fake_agent import AgentDaemon, ended_job
from integration.test_sessions import reason
from support import eventually, private_daemon, status


def noon() -> str:
    """A time zone in which no day ends while the test runs."""
    hours = (12 - time.gmtime().tm_hour) % 24
    return f"NOON{-hours if hours <= 12 else 24 - hours}"


@pytest.fixture
def luzia() -> Iterator[AgentDaemon]:
    with private_daemon("[daemon]\nmax_running = 4\n", {"TZ": noon()}) as daemon:
        yield AgentDaemon(daemon)


def with_budget(luzia: AgentDaemon, usd: float, more: str = "") -> None:
    """Give the project overbits a budget of a day."""
    file = luzia.daemon.config_file
    lines = [line for line in file.read_text().splitlines() if not line.startswith("max_cost_usd_per_day")]
    at = lines.index("[projects.overbits]")
    file.write_text("\n".join([*lines[: at + 1], f"max_cost_usd_per_day = {usd}", *lines[at + 1 :], more, ""]))


def test_the_budget_of_a_day_ends_what_runs_and_holds_what_waits(luzia: AgentDaemon, tmp_path: Path) -> None:
    with_budget(luzia, 0.2, f'[projects.other]\npath = "{tmp_path}"\n')
    used_up = "the day's budget of overbits, $0.25 of $0.20, is used up; "
    with luzia.daemon.connect() as wire:
        wire.ok(op="reload")
        running = luzia.dispatch(wire, "wait for it")
        eventually(lambda: (status(wire, running)["activity"] or {}).get("last_message") == "waiting")
        assert ended_job(wire, luzia.dispatch(wire, "work"))["state"] == "completed"
        job = ended_job(wire, running)
        assert (job["state"], job["outcome"], job["attempt"]) == ("failed", "over_budget", 1)
        when = "when a new day begins at 00:00, or with a larger budget"
        assert job["reason"] == f"{used_up}`luzia retry {running}` continues {when}"
        waiting = luzia.dispatch(wire, "work")
        assert reason(wire, waiting) == f"{used_up}a new day begins at 00:00"
    luzia.daemon.kill()
    luzia.daemon.start()
    with luzia.daemon.connect() as wire:
        wire.ok(op="retry", job=running)
        for each in (waiting, running):
            assert reason(wire, each) == f"{used_up}a new day begins at 00:00"
        free = wire.ok(op="dispatch", project="other", task="true", agent="shell")["job"]
        assert ended_job(wire, free)["state"] == "completed"
        with_budget(luzia, 5.0)
        wire.ok(op="reload")
        assert ended_job(wire, waiting)["state"] == "completed"
        assert ended_job(wire, running)["state"] == "completed"
    first, second, *others = luzia.calls()
    assert "--max-budget-usd=0.2" in first["argv"]
    assert "--max-budget-usd=0.2" in second["argv"]
    assert first["session"] in [call["session"] for call in others if call["resumed"]]


def test_the_budget_of_a_project_is_that_of_its_jobs_that_name_none(luzia: AgentDaemon) -> None:
    with_budget(luzia, 100.0)
    file = luzia.daemon.config_file
    file.write_text(file.read_text().replace("max_cost_usd_per_day", "max_turns = 2\nmax_cost_usd_per_day"))
    with luzia.daemon.connect() as wire:
        wire.ok(op="reload")
        job = ended_job(wire, luzia.dispatch(wire, "spend"))
        assert (job["outcome"], job["attempt"]) == ("over_budget", 1)
        assert "turns, and its budget is 2" in job["reason"]
        own = luzia.dispatch(wire, "work", max_turns=7)
        assert ended_job(wire, own)["state"] == "completed"
    first, second = luzia.calls()
    assert "--max-turns=2" in first["argv"]
    assert "--max-turns=7" in second["argv"]
