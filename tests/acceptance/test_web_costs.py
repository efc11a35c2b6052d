"""What the page says of costs, budgets, usage limits and the machine is what the daemon and the machine have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime

import pytest

from luzia_protocol.money import format_usd

from support import PrivateDaemon, dispatch, ended, eventually
from web_scene import Scene, scene
from web_server import Screen, WebServer

NOON = """async ([spent, limit]) => {
    const { burnDown } = await import("/core/spending.js");
    const noon = new Date(2030, 5, 15, 12).getTime();
    const at = (hour) => new Date(2030, 5, 15, hour).toISOString();
    const jobs = [
        { created_at: at(2), ended_at: at(6), activity: { cost_usd: 1 } },
        { created_at: at(2), ended_at: null, activity: { cost_usd: 2 } },
        { created_at: "2030-06-10T00:00:00Z", ended_at: "2030-06-10T00:00:00Z", activity: { cost_usd: 90 } },
    ];
    return burnDown(jobs, spent, limit, noon);
}"""


@pytest.fixture(scope="module")
def place() -> Iterator[Scene]:
    with scene() as made:
        yield made


@pytest.fixture(scope="module")
def daemon(place: Scene) -> PrivateDaemon:
    return place.daemon


def test_a_budget_burns_down_with_the_jobs_of_today(screen: Screen) -> None:
    assert screen.page.evaluate(NOON, [4, 6]) == [[0, 5], [0.25, 4], [0.5, 2], [0.5, 2]]


def test_budgets_say_when_they_are_used_up(place: Scene, screen: Screen) -> None:
    with place.daemon.connect() as wire:
        ended(wire, dispatch(wire, "count the lines", agent="claude"))
        budgets = wire.ok(op="spend")["budgets"]
    budget = next(each for each in budgets if each["project"] is None)
    page = screen.page
    screen.go("#/spend")
    shown = page.locator("[aria-label='Budget of all projects']")
    shown.wait_for()
    assert budget["spent_usd"] > 0
    amount = f"{format_usd(budget['spent_usd'])} of $10"
    eventually(lambda: amount in shown.inner_text(), amount)
    pace = "used up at about" if budget["used_up_at"] else "enough for today at this pace (estimate)"
    assert pace in shown.inner_text()
    other = page.locator("[aria-label='Budget of website']")
    for words in ("$0.00 of $2.00", "enough for today at this pace (estimate)"):
        eventually(lambda words=words: words in other.inner_text(), words)  # type: ignore[misc]


def test_costs_are_summed_by_project_agent_model_and_day(screen: Screen, place: Scene) -> None:
    page = screen.page
    screen.go("#/spend")
    page.wait_for_selector(".chart canvas")
    tables = {each.inner_text() for each in page.locator(".spend-table h2").all()}
    assert tables == {"Project", "Agent", "Model", "Tag", "Day"}
    with place.daemon.connect() as wire:
        groups = wire.ok(op="spend", by=["agent"])["groups"]["agent"]
    (claude,) = (each for each in groups if each["name"] == "claude")
    row = page.locator(".spend-table:has-text('Agent') tr:has-text('claude')").first.locator("td").all_inner_texts()
    assert row[0] == "claude"
    assert row[1].startswith(format_usd(claude["cost_usd"]))
    assert row[4] == str(claude["jobs"])


def test_the_limits_board_says_which_jobs_start_after_which_reset(screen: Screen, place: Scene) -> None:
    page = screen.page
    screen.go("#/spend")
    board = page.locator("[aria-label='Limits'] .entry:has-text('codex')")
    board.locator("a:has-text('translate the manual')").wait_for()
    with place.daemon.connect() as wire:
        at = datetime.fromisoformat(wire.ok(op="info")["usage_limits"]["codex"])
    for words in (f"{at.astimezone():%H:%M}", "2 jobs can start then"):
        eventually(lambda words=words: words in board.inner_text(), words)  # type: ignore[misc]
    assert board.locator("button:has-text('Resume now')").is_enabled()


def test_the_machine_page_shows_the_machine_and_what_doctor_finds(screen: Screen, place: Scene) -> None:
    page = screen.page
    screen.go("#/machine")
    page.wait_for_selector("[aria-label='Doctor'][aria-busy='false'] .finding")
    meters = page.locator(".meter").all_inner_texts()
    assert [each.split()[0] for each in meters] == ["Slots", "Load", "Memory", "Disk"]
    assert os.uname().nodename in page.inner_text("dl")
    page.click("[aria-label='Doctor'] summary")
    assert "luzia and luziad have version" in page.inner_text("[aria-label='Doctor']")
    place.daemon.config_file.write_text(place.daemon.config_file.read_text() + '[projects.gone]\npath = "/gone"\n')
    with place.daemon.connect() as wire:
        wire.ok(op="reload")
    page.click("text=Check again")
    page.wait_for_selector(".finding:has-text('project gone: /gone does not exist') .tone-bad")


def test_jobs_are_filtered_by_agent(screen: Screen, place: Scene) -> None:
    page = screen.page
    screen.go("#/jobs")
    page.wait_for_selector(".job-row[data-job]")
    page.select_option("[aria-label='Agent']", "codex")
    page.wait_for_selector(f"[data-job='{place.jobs['limited']}']")
    screen.wait("[...document.querySelectorAll('[data-job] .cell-agent')].every((each) => each.innerText === 'codex')")
    page.wait_for_selector("text=2 jobs")


def test_the_api_has_the_machine_and_the_findings(server: WebServer) -> None:
    server.sign_in()
    assert {each["mark"] for each in server.request("GET", "/api/doctor").json()["ok"]} <= {"✓", "!", "✗"}
    machine = server.request("GET", "/api/machine").json()["ok"]
    assert 0 < machine["memory_available_bytes"] <= machine["memory_bytes"]
    assert 0 < machine["disk_free_bytes"] <= machine["disk_bytes"]
