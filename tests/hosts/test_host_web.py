"""The web page with the jobs of another host and of this machine, through a real sshd and a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from far_host import NAME, FarHost, far_host
from git_projects import Repository
from luzia_client.web.hosts import MAX_DIFF_BYTES
from support import ended, eventually, status
from web_server import Screen, WebServer, chromium, web_server

WAITS = "exec sleep 1000"
ENDLESS_BYTES = 256 * 1024 * 1024


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def host() -> Iterator[FarHost]:
    with far_host("worktree = true\n") as found:
        Repository(found.there.project, found.there.root).init()
        found.here.start()
        yield found


@pytest.fixture
def server(host: FarHost) -> Iterator[WebServer]:
    with web_server(host.here) as started:
        started.sign_in()
        yield started


def test_ops_for_a_host_are_answered_by_its_daemon(host: FarHost, server: WebServer) -> None:
    far, near = host.job_there("echo far words > file; echo far words"), host.job_here("true")
    with host.there.connect() as wire:
        ended(wire, far)
    assert server.request("GET", "/api/about").json()["ok"]["hosts"] == [NAME]
    listed = server.request("POST", f"/api/hosts/{NAME}/list", {"limit": 5}).json()["ok"]["jobs"]
    assert [job["id"] for job in listed] == [far]
    output = server.request("GET", f"/api/hosts/{NAME}/output?job={far}")
    assert output.body == b"far words\n"
    changed = server.request("GET", f"/api/hosts/{NAME}/diff?job={far}").json()["ok"]
    assert "+far words" in changed["text"]
    assert server.request("POST", f"/api/hosts/{NAME}/status", {"job": near}).status == 404
    refused = server.request("POST", "/api/hosts/bog/list", {})
    assert (refused.status, refused.error) == (503, "host_unreachable")
    made = server.request("POST", f"/api/hosts/{NAME}/dispatch", {"project": "overbits", "task": "echo $PATH"}).json()[
        "ok"
    ]["job"]
    with host.there.connect() as wire:
        assert ended(wire, made)[0]["state"] == "completed"
    done = server.request("GET", f"/api/hosts/{NAME}/output?job={made}")
    assert str(host.here.root).encode() not in done.body


def test_of_changes_without_an_end_only_what_is_shown_is_read(host: FarHost, server: WebServer) -> None:
    far = host.job_there("true")
    program, all_sent = host.there.root / "bin" / "luzia", host.root / "all-sent"
    real = program.rename(program.with_name("real"))
    endless = f"yes | head -c {ENDLESS_BYTES} && touch {all_sent}; exit 0"
    program.write_text(f'#!/bin/sh\necho $$ >> {host.root}/pids\n[ "$1" = diff ] || exec {real} "$@"\n{endless}\n')
    program.chmod(0o755)
    changed = server.request("GET", f"/api/hosts/{NAME}/diff?job={far}").json()["ok"]
    assert (changed["truncated"], len(changed["text"])) == (True, MAX_DIFF_BYTES)
    for pid in (host.root / "pids").read_text().split():
        eventually(lambda pid=pid: not Path("/proc", pid).exists(), "the end of the command there")  # type: ignore[misc]
    assert not all_sent.exists()


def test_a_host_that_does_not_answer_delays_only_requests_for_it(host: FarHost, server: WebServer) -> None:
    near = host.job_here("true")
    host.add("gone", "far-absent")
    refused = server.request("POST", "/api/hosts/gone/list", {})
    assert (refused.status, refused.error) == (503, "host_unreachable")
    assert server.ok("list", limit=1)["jobs"][0]["id"] == near
    assert len(host.masters()) == 0


def test_the_list_has_all_hosts_and_acts_go_to_the_host_of_the_job(
    browser: Any, host: FarHost, server: WebServer
) -> None:
    far, near = host.job_there(f"echo far words; {WAITS}"), host.job_here("true")
    with Screen.opened(browser, server) as screen:
        page = screen.page
        screen.go("#/jobs")
        row = f"[data-job='{NAME}/{far}']"
        page.wait_for_selector(row)
        assert page.text_content(f"{row} .cell-host") == NAME
        assert page.text_content(f"[data-job='{near}'] .cell-host") == "local"
        page.select_option("select[aria-label=Host]", NAME)
        page.wait_for_selector(f"[data-job='{near}']", state="detached")
        page.wait_for_selector(row)
        later = host.job_there("true")
        page.wait_for_selector(f"[data-job='{NAME}/{later}']")
        page.select_option("select[aria-label=Host]", "")
        page.wait_for_selector(f"[data-job='{near}']")
        page.click(f"{row} a")
        page.wait_for_selector(".log-row:has-text('far words')")
        page.click("button:text-is('Cancel')")
        page.click("dialog button:text-is('Cancel')")
        eventually(lambda: host.state_there(far) == "cancelled", "the cancelled job")
        page.wait_for_selector("[data-testid=state]:has-text('cancelled')")
        page.click("button:text-is('Again…')")
        page.wait_for_selector("dialog select[name=host]")
        assert page.input_value("dialog select[name=host]") == NAME
        page.fill("dialog textarea", "echo once more")
        page.click("dialog button.primary")
        page.wait_for_selector(".log-row:has-text('once more')")
        assert "once more" in host.ok("logs", "@last")


def test_an_unreachable_host_is_told_its_rows_stay_and_it_comes_back(
    browser: Any, host: FarHost, server: WebServer
) -> None:
    far, near = host.job_there(WAITS), host.job_here("true")
    with Screen.opened(browser, server) as screen:
        page = screen.page
        screen.go("#/jobs")
        row = f"[data-job='{NAME}/{far}']"
        page.wait_for_selector(row)
        host.stop()
        page.wait_for_selector(f"{row}.away")
        page.wait_for_selector(f".banner:has-text('{NAME} is unreachable')")
        assert page.text_content(f"{row} .cell-host") == f"{NAME} (unreachable)"
        other = host.job_here("true")
        page.wait_for_selector(f"[data-job='{other}']")
        assert page.query_selector(f"{row}.away") is not None
        later = host.job_there("true")
        host.start()
        page.wait_for_selector(f"[data-job='{NAME}/{later}']")
        page.wait_for_selector(f"{row}:not(.away)")
        page.wait_for_selector(f"[data-job='{near}']")


def test_the_inbox_has_the_work_of_the_host_and_shows_what_it_has_changed(
    browser: Any, host: FarHost, server: WebServer
) -> None:
    far = host.job_there("echo made > made")
    with Screen.opened(browser, server) as screen:
        page = screen.page
        page.wait_for_selector(f".entry:has(code:text('{NAME}/{far}'))")
        page.select_option("select[aria-label=Host]", "local")
        page.wait_for_selector(".entry", state="detached")
        page.select_option("select[aria-label=Host]", NAME)
        page.click(f".entry:has(code:text('{NAME}/{far}')) a.button")
        page.wait_for_selector(".diff:has-text('+made')")
        assert f"luzia merge {NAME}/{far}" in page.text_content(".change-head")
        page.click("button:text-is('Discard')")
        page.click("dialog button:text-is('Discard')")
        with host.there.connect() as wire:
            eventually(lambda: status(wire, far).get("discarded"), "the discarded work")
