"""The web page stays usable with 100,000 jobs and with an output of 1,000,000 lines."""

from __future__ import annotations

import json
from typing import Any

from support import dispatch, ended, private_daemon, status
from web_server import Screen, web_server

JOBS = 100_000
LINES = 1_000_000
IN_ONE_GRAPH = 10_000


def test_100_000_jobs_are_listed_as_they_are_seen(browser: Any) -> None:
    with private_daemon("[daemon]\nmax_running = 1\n") as daemon, daemon.connect() as wire:
        for first in range(0, JOBS, IN_ONE_GRAPH):
            nodes = [
                {"name": str(number), "project": "overbits", "task": f"job {first + number}", "hold": True}
                for number in range(IN_ONE_GRAPH)
            ]
            wire.ok(op="graph", jobs=nodes)
        with web_server(daemon) as server:
            screen = Screen(browser, server)
            page = screen.page
            requests: list[dict[str, Any]] = []
            page.on("request", lambda each: requests.append(json.loads(each.post_data or "{}")))
            screen.go("#/jobs")
            page.wait_for_selector(".job-row[data-job]")
            assert page.input_value("[aria-label='Order']") == "created"
            page.locator(".job-scroll").evaluate("(element) => { element.scrollTop = element.scrollHeight; }")
            page.wait_for_selector(".job-row[aria-rowindex='190'][data-job]")
            page.select_option("[aria-label='Order']", "turn")
            page.wait_for_selector(".job-row[aria-rowindex='2'][data-job]")
            page.wait_for_selector("text=100,000 jobs")
            assert page.locator(".job-row").count() < 100
            assert sum(each.get("limit", 0) for each in requests) < 2000
            page.focus(".job-scroll")
            page.keyboard.press("End")
            page.wait_for_selector(".job-row[aria-rowindex='100001'][data-job]")
            page.keyboard.press("Home")
            page.wait_for_selector(".job-row[aria-rowindex='2'][data-job]")
            page.locator(".job-scroll").evaluate("(element) => { element.scrollTop = element.scrollHeight / 2; }")
            screen.wait("[...document.querySelectorAll('.job-row')].some((row) => row.ariaRowIndex > 49000)")
            page.wait_for_selector(".job-row[data-job] >> nth=10")
            job = page.get_attribute(".job-row[data-job] >> nth=10", "data-job")
            wire.ok(op="cancel", job=job)
            page.locator(".job-scroll").evaluate("(element) => { element.scrollTop = 0; }")
            screen.go("#/jobs?state=cancelled")
            page.wait_for_selector(f".job-row[data-job='{job}'] .state:has-text('cancelled')")
            screen.check()
            screen.close()


def test_a_million_lines_open_at_the_end_and_are_read_to_the_beginning(browser: Any) -> None:
    with private_daemon("[daemon]\nmax_log_bytes = 100_000_000\n") as daemon, daemon.connect() as wire:
        gate = daemon.root / "gate"
        job = dispatch(wire, f"seq 1 {LINES}; while [ ! -e {gate} ]; do sleep 0.05; done; echo the end")
        with web_server(daemon) as server:
            screen = Screen(browser, server)
            page = screen.page
            screen.go(f"#/job/{job}")
            page.wait_for_selector(f".log-row:text-is('{LINES}')")
            assert page.locator(".log-row").count() < 200
            box = page.locator(".log-box")
            seen = LINES
            for _ in range(3):
                box.evaluate("(element) => { element.scrollTop = 0; }")
                screen.wait(f"Number(document.querySelector('.log-row')?.textContent || {LINES}) < {seen}")
                screen.wait("document.querySelector('.log-box').scrollTop > 0")
                seen = int(page.inner_text(".log-row >> nth=0"))
            gate.touch()
            ended(wire, job)
            assert page.locator(".log-row:has-text('the end')").count() == 0
            page.click("text=Go to the end")
            page.wait_for_selector(".log-row:has-text('the end')")
            page.click("text=Start")
            page.wait_for_selector(".log-row:text-is('1')")
            page.fill(".log-search", "777")
            page.keyboard.press("Enter")
            page.wait_for_selector(".log-row.found:has-text('777')")
            assert status(wire, job)["state"] == "completed"
            screen.check()
            screen.close()


def test_a_slow_browser_never_slows_the_daemon(browser: Any) -> None:
    with private_daemon() as daemon, daemon.connect() as wire, web_server(daemon) as server:
        screen = Screen(browser, server)
        page = screen.page
        job = dispatch(wire, "while :; do echo 0123456789012345678901234567890123456789; done")
        screen.go(f"#/job/{job}")
        page.wait_for_selector(".log-row")
        session = screen.context.new_cdp_session(page)
        session.send("Debugger.enable")
        session.send("Debugger.pause")
        others = [dispatch(wire, "true") for _ in range(50)]
        assert {each["state"] for each in ended(wire, *others)} == {"completed"}
        wire.ok(op="cancel", job=job)
        ended(wire, job)
        session.send("Debugger.disable")
        page.wait_for_selector("[data-testid='state']:has-text('cancelled')")
        screen.close()
