"""The web page in a real browser: from the dispatch to the finished job, live, and across a crash of the daemon."""

from __future__ import annotations

import json
import shlex
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol.money import format_usd

from support import DEADLINE_S, MAIN, PrivateDaemon, dispatch, ended, eventually, expire_cursors, private_daemon, status
from web_server import Screen, WebServer, web_server

NASTY = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script> javascript:window.hacked=1 {{7*7}} \u202e"


def shown_state(screen: Screen, state: str) -> None:
    """Wait until the page of a job shows a state."""
    screen.page.wait_for_selector(f'[data-testid="state"]:has-text("{state}")')


def test_a_job_is_dispatched_followed_and_finished_in_the_page(screen: Screen, daemon: PrivateDaemon) -> None:
    page = screen.page
    gate = daemon.root / "gate"
    screen.go("#/jobs")
    page.click("button:has-text('Dispatch')")
    page.fill("input[name=project]", "overbits")
    page.fill("textarea[name=task]", f"echo first line; while [ ! -e {gate} ]; do sleep 0.05; done; echo last line")
    page.click("text=Options")
    page.fill("input[name=tags]", "ticket=7")
    page.click("dialog button.primary")
    shown_state(screen, "running")
    page.wait_for_selector(".log-row:has-text('first line')")
    gate.touch()
    page.wait_for_selector(".log-row:has-text('last line')")
    shown_state(screen, "completed")
    job = page.url.rpartition("/")[2]
    with daemon.connect() as wire:
        found = status(wire, job)
    assert found["state"] == "completed"
    assert found["tags"] == {"ticket": "7"}


@pytest.mark.parametrize("part", ["parts/ui.js", "app.css", "main.js", "core/start.js", "api/session"])
def test_a_part_that_does_not_arrive_is_requested_again(browser: Any, server: WebServer, part: str) -> None:
    failed: list[str] = []

    def fail_once(route: Any) -> None:
        if failed:
            route.continue_()
        else:
            failed.append(route.request.url)
            route.abort("connectionreset")

    with closing(browser.new_context()) as context:
        context.set_default_timeout(DEADLINE_S * 1000)
        page = context.new_page()
        page.route(f"**/{part}", fail_once)
        with page.expect_request_finished(lambda request: request.url in failed):
            page.goto(server.link())
        page.wait_for_selector("nav.navigation")
    assert len(failed) == 1


def test_a_part_that_never_arrives_is_named(browser: Any, server: WebServer) -> None:
    with closing(browser.new_context()) as context:
        context.set_default_timeout(DEADLINE_S * 1000)
        context.add_init_script("sessionStorage.setItem('luzia.reloads', 5)")
        page = context.new_page()
        page.route("**/parts/ui.js", lambda route: route.abort("connectionreset"))
        page.goto(server.link())
        page.wait_for_selector("text=The page did not load completely: ")


def test_a_refused_dispatch_says_why_and_keeps_what_was_typed(screen: Screen) -> None:
    page = screen.page
    screen.go("#/jobs")
    page.keyboard.press("n")
    page.fill("input[name=project]", "no-such-project")
    page.fill("textarea[name=task]", "a long text")
    page.keyboard.press("Control+Enter")
    assert "no-such-project" in page.inner_text("[role=alert]")
    assert page.input_value("textarea[name=task]") == "a long text"


def test_a_text_file_that_is_dropped_becomes_part_of_the_task(screen: Screen) -> None:
    page = screen.page
    screen.go("#/jobs")
    page.click("button:has-text('Dispatch')")
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["def answer(): return 42"], "answer.py"));
            data.items.add(new File([new Uint8Array(300 * 1024)], "large.bin"));
            document.querySelector("textarea").dispatchEvent(
                new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    screen.wait("document.querySelector('textarea').value.includes('return 42')")
    assert "large.bin" in page.inner_text(".toasts")


def test_jobs_are_live_in_the_list(screen: Screen, daemon: PrivateDaemon) -> None:
    page = screen.page
    screen.go("#/jobs")
    page.wait_for_selector(".job-table")
    gate = daemon.root / "live"
    with daemon.connect() as wire:
        job = dispatch(wire, f"while [ ! -e {gate} ]; do sleep 0.05; done; exit 3")
        row = f'[data-job="{job}"]'
        page.wait_for_selector(f"{row} .state:has-text('running')")
        gate.touch()
        page.wait_for_selector(f"{row} .state:has-text('failed')")
        ended(wire, job)
    screen.wait("document.title.startsWith('(')")


def test_a_job_is_cancelled_with_its_whole_tree_and_retried(screen: Screen, daemon: PrivateDaemon) -> None:
    page = screen.page
    mark = f"{daemon.root}/child"
    with daemon.connect() as wire:
        job = dispatch(wire, f"sh -c 'echo $$ > {mark}; exec sleep 1000' & wait")
        pid = int(eventually(lambda: (daemon.root / "child").exists() and (daemon.root / "child").read_text()) or "0")
        screen.go(f"#/job/{job}")
        shown_state(screen, "running")
        page.click("header button:has-text('Cancel')")
        page.click("dialog button:has-text('Cancel')")
        shown_state(screen, "cancelled")
        ended(wire, job)
        eventually(lambda: subprocess.run(["kill", "-0", str(pid)], capture_output=True).returncode, "its end")
        (daemon.root / "child").unlink()
        page.click("header button:has-text('Retry')")
        shown_state(screen, "running")
        page.wait_for_selector("text=attempt 2")
        wire.ok(op="cancel", job=job)
        ended(wire, job)


def test_luziad_is_killed_while_its_output_is_followed_and_nothing_is_missed_or_shown_twice(
    browser: Any,
) -> None:
    with private_daemon() as daemon, web_server(daemon) as server:
        screen = Screen(browser, server)
        page = screen.page
        gate = daemon.root / "gate"
        with daemon.connect() as wire:
            job = dispatch(
                wire,
                f"for i in $(seq 1 300); do echo line $i; [ $i != 60 ] || while [ ! -e {gate} ]; do sleep 0.05; done;"
                " done; echo the end",
            )
        screen.go(f"#/job/{job}")
        page.wait_for_selector(".log-row:has-text('line 60')")
        daemon.kill()
        page.wait_for_selector(".banner:has-text('luziad is away')")
        assert page.inner_text(".log-row >> nth=0").startswith("line ")
        gate.touch()
        daemon.start()
        page.wait_for_selector(".log-row:has-text('the end')")
        page.wait_for_selector(".banner", state="detached")
        shown_state(screen, "completed")
        with page.expect_download() as download:
            page.click("text=Download")
        lines = download.value.path().read_text().splitlines()
        assert lines == [f"line {number}" for number in range(1, 301)] + ["the end"]
        page.click("text=Start")
        page.wait_for_selector(".log-row:has-text('line 1')")
        shown = read_log(page)
        assert shown == lines
        with daemon.connect() as wire:
            later = dispatch(wire, "true")
            screen.go("#/jobs")
            page.wait_for_selector(f'[data-job="{later}"] .state:has-text("completed")')
        assert screen.page.evaluate("window.violations") == []
        screen.close()


class Between:
    """Sits between a tab and the server's web socket, and can tell the tab that it has missed events."""

    def __init__(self, screen: Screen) -> None:
        self.subscriptions: list[dict[str, Any]] = []
        self.is_losing = False
        self._tab: Any = None
        screen.page.route_web_socket("**/api/socket", self._connect)

    def _connect(self, tab: Any) -> None:
        self._tab = tab
        server = tab.connect_to_server()

        def ask(text: str) -> None:
            request = json.loads(text)
            if request["op"] == "subscribe":
                self.subscriptions.append(request)
            server.send(text)

        tab.on_message(ask)
        server.on_message(lambda text: None if self.is_losing and "event" in json.loads(text) else tab.send(text))

    def lag(self) -> None:
        """End the stream of events as the daemon does for a slow reader."""
        self.is_losing = False
        last = self.subscriptions[-1]
        self._tab.send(json.dumps({"id": last["id"], "lagged": {"next": last["after"]}}))


def test_a_tab_that_has_missed_events_lists_again(screen: Screen, daemon: PrivateDaemon) -> None:
    between = Between(screen)
    page = screen.page
    page.reload()
    screen.go("#/jobs")
    gate = daemon.root / "missed"
    with daemon.connect() as wire:
        job = dispatch(wire, f"while [ ! -e {gate} ]; do sleep 0.05; done")
        page.wait_for_selector(f'[data-job="{job}"] .state:has-text("running")')
        between.is_losing = True
        gate.touch()
        seq = ended(wire, job)[0]["seq"]
        assert page.locator(f'[data-job="{job}"] .state:has-text("running")').count() == 1
        before = len(between.subscriptions)
        between.lag()
        page.wait_for_selector(f'[data-job="{job}"] .state:has-text("completed")')
        eventually(lambda: page.evaluate("1") and len(between.subscriptions) > before, "another subscription")
    assert between.subscriptions[-1]["after"] >= seq


def test_a_tab_whose_events_are_lost_for_good_lists_again(screen: Screen, daemon: PrivateDaemon) -> None:
    screen.go("#/jobs")
    go = daemon.root / "go"
    with daemon.connect() as wire:
        job = dispatch(wire, f"until [ -e {go} ]; do sleep 0.02; done; exit 3")
        screen.page.wait_for_selector(f'[data-job="{job}"] .state:has-text("running")')
    daemon.stop()
    expire_cursors(daemon.state)
    daemon.start()
    with daemon.connect() as wire:
        eventually(lambda: wire.ok(op="info")["subscribers"], "the tab follows again")
    go.touch()
    screen.page.wait_for_selector(f'[data-job="{job}"] .state:has-text("failed")')
    with daemon.connect() as wire:
        later = dispatch(wire)
    screen.page.wait_for_selector(f'[data-job="{later}"] .state:has-text("completed")')


SHOWN = """() => {
    const box = document.querySelector(".log-box .rows-shown");
    const shift = new DOMMatrix(getComputedStyle(box).transform).m42;
    return [Math.round(shift / 19), [...box.querySelectorAll(".log-row")].map((row) => row.textContent)];
}"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def read_log(page: Any) -> list[str]:
    """All rows of the output, read by scrolling through it."""
    rows: dict[int, str] = {}
    box = page.locator(".log-box")
    for top in range(0, 8000, 200):
        box.evaluate("(element, top) => { element.scrollTop = top; }", top)
        page.evaluate(PAINTED)
        first, texts = page.evaluate(SHOWN)
        rows.update({first + index: text for index, text in enumerate(texts)})
    return [rows[index] for index in sorted(rows)]


def test_the_web_server_is_restarted_under_an_open_page(browser: Any) -> None:
    with private_daemon() as daemon:
        with web_server(daemon) as first:
            screen = Screen(browser, first)
            screen.go("#/jobs")
            port = first.host.rpartition(":")[2]
        screen.page.wait_for_selector(".banner:has-text('luzia web does not answer')")
        with web_server(daemon, "--port", port), daemon.connect() as wire:
            job = dispatch(wire, "true")
            screen.page.wait_for_selector(f'[data-job="{job}"] .state:has-text("completed")')
            screen.page.wait_for_selector(".banner", state="detached")
            screen.close()


def test_a_browser_without_a_session_gets_no_job(browser: Any, server: WebServer) -> None:
    page = browser.new_page()
    page.goto(server.origin)
    page.wait_for_selector("text=luzia web url")
    page.goto(f"{server.origin}/#token=forged")
    page.reload()
    page.wait_for_selector("text=expired or has been used")
    eventually(lambda: page.evaluate("location.hash") == "", "the token leaves the address")
    page.close()


def test_a_link_leads_a_new_browser_to_the_page_of_a_job(
    browser: Any, server: WebServer, daemon: PrivateDaemon
) -> None:
    with daemon.connect() as wire:
        job = dispatch(wire, "echo linked")
        ended(wire, job)
    done = daemon.run("open", "--web", job)
    assert done.returncode == 0, done.stderr
    page = browser.new_page()
    page.goto(done.stdout.strip())
    page.wait_for_selector(".log-row:has-text('linked')")
    assert page.evaluate("location.hash") == f"#/job/{job}"
    page.goto("about:blank")
    page.close()


BROWSER = """#!/bin/sh
printf '%s\\n' "$@" > {root}/words
"""
"""A browser that tells what it was started with."""


@pytest.mark.parametrize("words", [["web", "url", "--open"], ["open", "--web", "{job}"]], ids=["url", "job"])
def test_a_browser_is_started_without_the_token_in_its_command_line(
    browser: Any, server: WebServer, daemon: PrivateDaemon, words: list[str]
) -> None:
    program, told = daemon.root / "browser", daemon.root / "words"
    program.write_text(BROWSER.format(root=daemon.root))
    program.chmod(0o755)
    told.unlink(missing_ok=True)
    with daemon.connect() as wire:
        job = dispatch(wire, "echo opened")
        ended(wire, job)
    command = [sys.executable, "-c", MAIN, *(word.format(job=job) for word in words)]
    with_browser = {**daemon.env, "BROWSER": f"{program} %s"}
    done = subprocess.run(["script", "-qec", shlex.join(command), "/dev/null"], env=with_browser, capture_output=True)
    assert done.returncode == 0, done.stdout
    eventually(lambda: told.exists() and told.read_text().endswith("\n"), "the browser")
    address = told.read_text().strip()
    assert "token" not in address
    file = Path(address.removeprefix("file://"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "#token=" in file.read_text()
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("nav.navigation")
    page.wait_for_url(f"{server.origin}/**")
    assert page.evaluate("document.referrer") == ""
    page.close()


def test_an_old_link_does_not_sign_a_browser_out(browser: Any, server: WebServer) -> None:
    screen = Screen(browser, server)
    screen.page.goto("about:blank")
    screen.page.goto(f"{server.origin}/#token=used&to=machine")
    screen.page.wait_for_selector("h1:has-text('Machine')")
    screen.close()


def test_signing_out_ends_the_session(browser: Any, server: WebServer) -> None:
    screen = Screen(browser, server)
    screen.page.click("text=Settings")
    screen.page.click("text=Sign out")
    screen.page.wait_for_selector("text=There is no session")
    screen.page.reload()
    screen.page.wait_for_selector("text=luzia web url")
    screen.close()


def test_scripts_in_every_field_stay_text(screen: Screen, daemon: PrivateDaemon) -> None:
    page = screen.page
    file = daemon.root / "nasty"
    file.write_text(NASTY + "\n\x1b]8;;javascript:alert(1)\x1b\\link\x1b]8;;\x1b\\ \x1b[31m<b>red</b>\x1b[0m\n")
    directory = daemon.root / "<img src=x onerror=window.hacked=1>"
    directory.mkdir()
    with daemon.connect() as wire:
        job = dispatch(
            wire,
            f"# {NASTY}\ncat {file}; cat {file} >&2; exit 1",
            project=str(directory),
            agent="shell",
            tags={"<b>tag</b>": NASTY[:-1]},
            key=NASTY,
            env={"NAME": "x"},
        )
        ended(wire, job)
    for place in ("inbox", "jobs", f"job/{job}", f"job/{job}/timeline", f"job/{job}/details", "spend", "machine"):
        screen.go(f"#/{place}")
        page.wait_for_selector("h1")
        screen.wait("!document.body.innerText.includes('Loading')")
    screen.go(f"#/job/{job}")
    page.wait_for_selector(".log-row:has-text('onerror')")
    assert page.inner_text(".log-row .ansi-red-fg") == "<b>red</b>"
    assert page.evaluate("window.hacked") is None
    assert page.locator("#main img, #main script, #main b").count() == 0
    links = page.evaluate("[...document.querySelectorAll('a')].map((link) => link.protocol)")
    assert set(links) <= {"http:", "https:"}


ATTACK = """async (origin) => {
    const found = [];
    const body = JSON.stringify({ project: "overbits", task: "touch hacked" });
    for (const [mode, kind] of [["no-cors", "text/plain"], ["cors", "application/json"]]) {
        const options = { method: "POST", mode, credentials: "include", headers: { "content-type": kind }, body };
        found.push(await fetch(origin + "/api/dispatch", options).then((reply) => reply.type, () => "refused"));
    }
    const socket = new WebSocket(origin.replace("http", "ws") + "/api/socket");
    found.push(await new Promise((done) => {
        socket.onopen = () => done("open");
        socket.onerror = () => done("refused");
    }));
    return found;
}"""


def test_another_page_in_the_same_browser_can_do_nothing(
    browser: Any, server: WebServer, daemon: PrivateDaemon
) -> None:
    screen = Screen(browser, server)
    with daemon.connect() as wire:
        before = wire.ok(op="list", limit=1)["seq"]
        foreign = screen.context.new_page()
        port = server.host.rpartition(":")[2]
        foreign.route(
            "http://evil.example/**", lambda route: route.fulfill(body="<h1>evil</h1>", content_type="text/html")
        )
        foreign.goto("http://evil.example/")
        results = foreign.evaluate(ATTACK, f"http://127.0.0.1:{port}")
        assert results[1:] == ["refused", "refused"]
        assert wire.ok(op="list", limit=1)["seq"] == before
        assert not (daemon.project / "hacked").exists()
    screen.close()


def test_amounts_are_those_of_the_command_line(screen: Screen) -> None:
    amounts = [0, 0.000002, 0.001, 0.0123, 0.5, 1.004, 2.5, 20, 1250.5, 1_234_567.891]
    load = "async (amounts) => amounts.map((await import('/core/format.js')).money)"
    assert screen.page.evaluate(load, amounts) == [format_usd(usd) for usd in amounts]


def test_progress_says_what_it_counts(screen: Screen) -> None:
    doing = "progress => import('/core/format.js').then((of) => of.doing({ state: 'running', progress }))"
    shown = [
        screen.page.evaluate(doing, progress)
        for progress in (
            {"label": "parts compiled", "done": 5, "total": 8, "percent": 62},
            {"label": "MB", "done": 1.25999, "total": 3},
            {"label": "still reading", "done": 7},
            {"phase": "tool Bash"},
        )
    ]
    assert shown == ["parts compiled: 5 of 8", "MB: 1.26 of 3", "still reading", "tool Bash"]


def test_the_page_is_used_by_keys_alone(screen: Screen, daemon: PrivateDaemon) -> None:
    page = screen.page
    with daemon.connect() as wire:
        job = dispatch(wire, "echo by keys; sleep 1000")
        page.keyboard.press("2")
        page.wait_for_selector(f'[data-job="{job}"] .state:has-text("running")')
        page.keyboard.press("?")
        assert "retry it" in page.inner_text("dialog")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        page.keyboard.press("Enter")
        page.wait_for_selector(".log-row:has-text('by keys')")
        page.keyboard.press("i")
        page.wait_for_selector("dl")
        page.keyboard.press("o")
        page.wait_for_selector(".log-row:has-text('by keys')")
        page.keyboard.press("/")
        page.keyboard.type("by")
        page.keyboard.press("Enter")
        page.wait_for_selector(".log-row.found")
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        assert page.locator("dialog").count() == 0
        page.keyboard.press("c")
        page.wait_for_selector("dialog:has-text('Cancel job')")
        page.keyboard.press("y")
        shown_state(screen, "cancelled")
        ended(wire, job)
        page.keyboard.press("Control+k")
        page.keyboard.type("go to mach")
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:has-text('Machine')")
        page.keyboard.press("Control+k")
        page.keyboard.type(job)
        page.wait_for_selector(f".palette li:has-text('{job}')")
        page.keyboard.press("Enter")
        screen.wait(f"location.hash.includes('{job}')")


def test_an_open_page_ends_with_its_signal_and_leaves_no_traceback(browser: Any) -> None:
    with private_daemon() as daemon:
        server = WebServer(daemon)
        screen = Screen(browser, server)
        assert server.stop() == ""
        screen.close()
