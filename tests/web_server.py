"""A web server of a test's own, and a real browser that has a session with it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest

from support import DEADLINE_S, MAIN, eventually

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

REPORTER = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


class Reply:
    """A reply of HTTP."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> dict[str, Any]:
        """The object in the body."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def error(self) -> str:
        """The code of the error in the body."""
        return str(self.json()["error"]["code"])


class Luzia(Protocol):
    """A daemon of a test's own, of either kind. env: what leads commands to it."""

    env: dict[str, str]


class WebServer:
    """A running `luzia web`. options: of the command. The daemon is that of the test."""

    def __init__(self, daemon: Luzia, *options: str) -> None:
        self._env = daemon.env
        self._process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "web", *options],
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.line = self._process.stdout.readline()
        if not self.line:
            raise AssertionError(self._process.communicate()[1])
        self.origin = self.line.split()[1]
        self.host = self.origin.partition("://")[2]
        self.said = self._process.stdout.readline()
        self.cookie = ""

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def link(self) -> str:
        """A link of `luzia web url`."""
        command = [sys.executable, "-c", MAIN, "web", "url"]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=DEADLINE_S)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """A request as the page makes it. headers: instead of its own; `_` stands for `-`, an empty one is left out."""
        sent = {"host": self.host, "origin": self.origin, "content-type": "application/json", "cookie": self.cookie}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", int(self.host.rpartition(":")[2]), timeout=DEADLINE_S)
        connection.putrequest(method, path, skip_host=True)
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        for name, value in {**sent, "content-length": str(len(data)) if method == "POST" else ""}.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders(data)
        try:
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def sign_in(self) -> None:
        """Get a session for `request`."""
        token = self.link().partition("#token=")[2]
        reply = self.request("POST", "/api/session", {"token": token})
        assert reply.status == 200, reply.body
        self.cookie = reply.headers["set-cookie"].partition(";")[0]

    def ok(self, op: str, **fields: object) -> dict[str, Any]:
        """The object in the reply to an op that must succeed."""
        reply = self.request("POST", f"/api/{op}", fields)
        assert reply.status == 200, reply.body
        found: dict[str, Any] = reply.json()["ok"]
        return found

    def stop(self) -> str:
        """End it as an operator does; returns what it has written on stderr."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        _, errors = self._process.communicate(timeout=DEADLINE_S)
        return errors


@contextmanager
def web_server(daemon: Luzia, *options: str) -> Iterator[WebServer]:
    """A running web server; it has ended after the block."""
    server = WebServer(daemon, *options)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's Chromium without a window. Skips the test, and says so, where it is not installed."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs luzia[dev]")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Screen:
    """A tab of a browser that has a session, and all that goes wrong in it."""

    def __init__(self, browser: Any, server: WebServer, **options: object) -> None:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(DEADLINE_S * 1000)
        self.context.add_init_script(REPORTER)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("console", self._hear)
        self.requests: dict[str, str] = {}
        self.page.on("request", lambda request: self.requests.update({request.url: "no reply"}))
        self.page.on("requestfailed", lambda request: self.requests.update({request.url: str(request.failure)}))
        self.page.on("requestfinished", lambda request: self.requests.pop(request.url, None))
        self.page.goto(server.link())
        try:
            self.page.wait_for_selector("nav.navigation")
        except Exception as exc:
            raise AssertionError(f"shows {self.page.inner_text('body')!r}; {self.problems} {self.requests}") from exc

    @classmethod
    @contextmanager
    def opened(cls, browser: Any, server: WebServer, **options: object) -> Iterator[Screen]:
        """A tab that is closed after the block, which fails if anything went wrong in the page."""
        screen = cls(browser, server, **options)
        try:
            yield screen
            screen.check()
        finally:
            screen.close()

    def _hear(self, message: Any) -> None:
        if (
            message.type == "error"
            and "Failed to load resource" not in message.text
            and "WebSocket" not in message.text
        ):
            self.problems.append(f"console: {message.text}")

    def go(self, place: str) -> None:
        """Go to a place of the page, such as `#/jobs`."""
        self.page.evaluate("place => { location.hash = place; }", place)

    def wait(self, expression: str) -> None:
        """Wait until an expression of JavaScript is true; the policy of the page forbids playwright's own way."""
        eventually(lambda: self.page.evaluate(expression), expression)

    def check(self) -> None:
        """Fail if a script has failed, or if the policy of the page was violated."""
        assert self.problems == [], self.problems
        assert self.page.evaluate("window.violations") == []

    def close(self) -> None:
        """Close the tab."""
        self.context.close()
