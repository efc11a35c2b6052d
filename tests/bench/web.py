"""Measures the web page and its server in a real browser: a part of `make bench`. Exit code 1 for a missed bound."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import re
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from websockets.sync.client import connect  # noqa: E402
from websockets.typing import Origin  # noqa: E402

from bench.measures import switches  # noqa: E402
from bench.run import Figure  # noqa: E402
from support import PrivateDaemon, dispatch, ended, private_daemon, status  # noqa: E402
from web_server import Screen, WebServer, chromium, web_server  # noqa: E402

MANY = 100_000
TABS = 20
CHANGING = 50
IDLE_S = 10.0
REPORTING_S, ROUND_S = 5.0, 0.1
"""How long the jobs report, and how often each: as often as the page shows it, and more often than any agent."""

SEEN = """(job) => new Promise((done) => {
    const shown = () => document.querySelector(`[data-job="${job}"] .tone-good`);
    const look = () => shown() && (watch.disconnect(), done(Date.now()));
    const watch = new MutationObserver(look);
    watch.observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
    look();
})"""
"""Resolves to the time at which a row shows that its job has completed."""

FRAMES = """(ms) => new Promise((done) => {
    const tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration)))
        .observe({ type: "longtask" });
    let frames = 0;
    const begin = performance.now();
    const step = (now) => {
        frames += 1;
        if (now - begin < ms) requestAnimationFrame(step);
        else done([frames / ((now - begin) / 1000), Math.max(0, ...tasks)]);
    };
    requestAnimationFrame(step);
})"""
"""Resolves to frames a second and the longest task in milliseconds."""


def many_jobs(browser: Any) -> Iterator[Figure]:
    """The list with 100,000 jobs: at the server, and on the screen of a browser that has cached nothing."""
    with private_daemon("[daemon]\nmax_running = 1\n") as daemon, daemon.connect() as wire:
        dispatch(wire, "sleep 100000")
        for _ in range(0, MANY, 10_000):
            nodes = [{"name": str(n), "project": "overbits", "task": f"job {n}"} for n in range(10_000)]
            wire.ok(op="graph", jobs=nodes)
        with web_server(daemon) as server:
            server.sign_in()
            page_s = statistics.median(_list_times(server))
            yield Figure("a page of 100 of 100,000 jobs", "HTTP, median of 50", page_s * 1000, "ms", 10.0)
            delays = []
            for _ in range(5):
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                name, _, value = server.cookie.partition("=")
                context.add_cookies([{"name": name, "value": value, "url": server.origin}])
                page = context.new_page()
                began = time.perf_counter()
                page.goto(f"{server.origin}/#/jobs", wait_until="commit")
                page.wait_for_selector(".job-row[data-job]")
                delays.append(time.perf_counter() - began)
                context.close()
            yield Figure("first rows of 100,000 jobs", "cold browser, median of 5", statistics.median(delays), "s", 1.0)


def _list_times(server: WebServer) -> Iterator[float]:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.host.rpartition(":")[2]))
    headers = {
        "Host": server.host,
        "Origin": server.origin,
        "Cookie": server.cookie,
        "Content-Type": "application/json",
    }
    for _ in range(50):
        began = time.perf_counter()
        connection.request("POST", "/api/list", json.dumps({"limit": 100}), headers)
        reply = json.loads(connection.getresponse().read())
        yield time.perf_counter() - began
        assert len(reply["ok"]["jobs"]) == 100
    connection.close()


def live(browser: Any, daemon: PrivateDaemon, server: WebServer) -> Iterator[Figure]:
    """From an event to the screen, and how smooth the list is while jobs change."""
    screen = Screen(browser, server)
    screen.go("#/jobs")
    with daemon.connect() as wire:
        delays = []
        for _ in range(20):
            gate = daemon.root / "gate"
            job = dispatch(wire, f"while [ ! -e {gate} ]; do sleep 0.01; done")
            screen.page.wait_for_selector(f'[data-job="{job}"] .tone-live')
            watching = screen.page.evaluate_handle(f"({{ seen: ({SEEN})({json.dumps(job)}) }})")
            gate.touch()
            shown_ms = watching.evaluate("(box) => box.seen")
            ended(wire, job)
            ended_at = status(wire, job)["ended_at"]
            delays.append(shown_ms - screen.page.evaluate("(text) => Date.parse(text)", ended_at))
            gate.unlink()
        yield Figure("from an event to the screen", "p95 of 20", sorted(delays)[-2], "ms", 200.0)
        jobs = [dispatch(wire, "sleep 1000") for _ in range(CHANGING)]
        screen.page.wait_for_selector(f'[data-job="{jobs[-1]}"] .tone-live')
        measuring = screen.page.evaluate_handle(f"({{ frames: ({FRAMES})({REPORTING_S * 1000:g}) }})")
        begin = time.monotonic()
        step = 0
        while time.monotonic() < begin + REPORTING_S:
            step += 1
            for job in jobs:
                wire.ok(op="progress", job=job, done=step % 100, total=100)
            time.sleep(max(0.0, begin + step * ROUND_S - time.monotonic()))
        rate, longest_ms = measuring.evaluate("(box) => box.frames")
        yield Figure(
            "frames while 50 jobs change",
            f"{step * CHANGING / REPORTING_S:.0f} reports/s",
            rate,
            "/s",
            55.0,
            at_least=True,
        )
        yield Figure("longest task of the page meanwhile", f"long tasks of {REPORTING_S:g} s", longest_ms, "ms", 50.0)
        for job in jobs:
            wire.ok(op="cancel", job=job)
        ended(wire, *jobs)
    screen.close()


def resting(browser: Any, daemon: PrivateDaemon, server: WebServer) -> Iterator[Figure]:
    """The memory of the server with many tabs, and what it does when nothing happens."""
    server.sign_in()
    with contextlib.ExitStack() as stack:
        for number in range(TABS):
            tab = stack.enter_context(
                connect(
                    f"ws://{server.host}/api/socket",
                    origin=Origin(server.origin),
                    additional_headers={"cookie": server.cookie},
                    proxy=None,
                    ping_interval=None,
                    close_timeout=0,
                )
            )
            tab.send(json.dumps({"op": "subscribe", "id": number}))
            tab.recv()
        with daemon.connect() as wire:
            ended(wire, *(dispatch(wire, "true") for _ in range(100)))
        text = Path(f"/proc/{server.pid}/status").read_text()
        (resident,) = re.findall(r"VmRSS:\s+(\d+) kB", text)
        yield Figure("memory of the server", f"{TABS} tabs, 100 jobs", int(resident) / 1024, "MB", 60.0)
    screen = Screen(browser, server)
    screen.go("#/jobs")
    screen.page.wait_for_selector(".job-row")
    time.sleep(8.0)  # until the connections of the first requests have been closed
    before = switches(server.pid)
    time.sleep(IDLE_S)
    yield Figure("wakeups of the server", f"one tab, {IDLE_S:g} idle seconds", switches(server.pid) - before, "", 2.0)
    screen.close()


PARTS = ("many", "live", "resting")


def main() -> int:
    """Take the figures of the parts that are named, or of all, and print them as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=" ".join(PARTS))
    chosen = parser.parse_args().parts or PARTS
    kept = True
    with chromium() as browser, contextlib.ExitStack() as stack:
        measures: list[Iterator[Figure]] = [many_jobs(browser)] if "many" in chosen else []
        if {"live", "resting"} & set(chosen):
            daemon = stack.enter_context(private_daemon("[daemon]\nmax_running = 64\n"))
            server = stack.enter_context(web_server(daemon))
            measures += [live(browser, daemon, server)] if "live" in chosen else []
            measures += [resting(browser, daemon, server)] if "resting" in chosen else []
        for figure in itertools.chain.from_iterable(measures):
            print(("  " if figure.kept else "! ") + figure.row(), flush=True)
            kept = kept and figure.kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
