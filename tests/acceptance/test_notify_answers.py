"""Questions answered from a phone: a real notifier, a real web page, a real daemon, and what the services get."""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from luzia_client.notify.answer_links import Asked, make_token
from receivers import Mailbox, Sink, cursor, mailbox, sink
from support import DEADLINE_S, ROOT, PrivateDaemon, dispatch, ended, eventually, private_daemon, status
from web_server import Reply, Screen, WebServer, chromium, web_server

__all__ = ["mailbox", "sink"]

AGENT = ROOT / "tests" / "data" / "programs" / "asking_claude.py"
BASH = ["Bash", {"command": "rm -rf <b>build</b>"}]
COLOURS = {"question": "Which colour?", "options": [{"label": "Red"}, {"label": "Blue"}], "multiSelect": False}


class Desk:
    """A daemon whose `claude` asks, with a web page; `notify` starts the notifier."""

    def __init__(self, daemon: PrivateDaemon, web: WebServer, stack: ExitStack) -> None:
        self.daemon = daemon
        self.web = web
        self._stack = stack

    def notify(self, target: str, more: str = "", link: str = "") -> None:
        """Start the notifier with one target, which may answer."""
        self.daemon.config_file.write_text(
            self.daemon.config_file.read_text()
            + f'[notify]\nlink = "{link or self.web.origin}"\n[notify.targets.phone]\nanswers = true\n{target}\n'
            + f'[[notify.rules]]\ntargets = ["phone"]\nevents = ["asks"]\n{more}\n'
        )
        process = self._stack.enter_context(self.daemon.start_command("notify", "run"))
        key = self.daemon.state / "notify.key"

        def started() -> bool:
            assert process.poll() is None, process.communicate()
            return key.exists() and cursor(self.daemon.state / "notify.db") is not None

        eventually(started, "the notifier follows the daemon")

    def ask(self, *steps: object) -> str:
        """A job whose agent asks."""
        with self.daemon.connect() as wire:
            return dispatch(wire, json.dumps(steps or [BASH]), agent="claude", ask=True)

    def waits(self, job: str) -> dict[str, Any]:
        """The job, once it waits for an answer."""

        def asks() -> dict[str, Any] | None:
            with self.daemon.connect() as wire:
                found = status(wire, job)
            return found if found["state"] == "waiting" else None

        found = eventually(asks, "a question")
        assert found is not None
        return found

    def ends(self, job: str) -> str:
        """Its final state."""
        with self.daemon.connect() as wire:
            return str(ended(wire, job)[0]["state"])

    def told(self) -> list[dict[str, Any]]:
        """What the agent was told."""
        file = self.daemon.project / "told"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line)["response"] for line in lines]

    def link(self, job: str, lifetime_s: float = 60.0, key: bytes | None = None, **more: Any) -> str:
        """The path of a link to the open question of a job."""
        found = self.waits(job)
        asked = Asked(job, more.get("attempt", found["attempt"]), more.get("question", found["question"]["id"]))
        key = (self.daemon.state / "notify.key").read_bytes() if key is None else key
        return f"/answer/{make_token(key, asked, time.time() + lifetime_s)}"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    claude = tmp_path / "claude"
    claude.write_text(f'#!/bin/sh\nexec {sys.executable} {AGENT} "$@"\n')
    claude.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with ExitStack() as stack:
        daemon = stack.enter_context(private_daemon("[daemon]\nlinger_s = 1000\n", path))
        yield Desk(daemon, stack.enter_context(web_server(daemon)), stack)


def post(url: str, body: str = "", **headers: str) -> Reply:
    """A POST as a phone sends it: no cookie, no origin."""
    return send("POST", url, body, **headers)


def get(url: str) -> Reply:
    return send("GET", url)


def send(method: str, url: str, body: str = "", **headers: str) -> Reply:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=DEADLINE_S)
    try:
        connection.request(method, parts.path, body.encode() or None, headers)
        return Reply(connection.getresponse())
    finally:
        connection.close()


def pushed(desk: Desk, sink: Sink) -> dict[str, dict[str, Any]]:
    """The buttons of the one message that an ntfy server got, by their labels."""
    eventually(lambda: sink.received, "the message arrives")
    [headers] = sink.headers
    return {action["label"]: action for action in json.loads(headers["X-Actions"])}


def start_ntfy(desk: Desk, sink: Sink, more: str = "") -> None:
    desk.daemon.env["NTFY_URL"] = f"ntfy://127.0.0.1:{sink.port}/topic"
    desk.notify('url_env = "NTFY_URL"', more)


@pytest.mark.parametrize(("label", "behaviour"), [("Allow", "allow"), ("Deny", "deny")])
def test_a_button_of_ntfy_answers_once(desk: Desk, sink: Sink, label: str, behaviour: str) -> None:
    start_ntfy(desk, sink)
    job = desk.ask()
    buttons = pushed(desk, sink)
    assert list(buttons) == ["Allow", "Deny", "Details"]
    assert "Bash: rm -rf <b>build</b>" in sink.received[0]["message"]
    button = buttons[label]
    assert (button["action"], button["method"]) == ("http", "POST")
    for each in buttons.values():  # what follows links to look at them
        assert get(each["url"]).status == 200
    assert desk.waits(job)["question"]["id"] == "request-1"
    assert post(button["url"]).status == 200
    assert desk.ends(job) == "completed"
    assert [each["behavior"] for each in desk.told()] == [behaviour]
    for each in (buttons["Allow"], buttons["Deny"]):
        again = post(each["url"])
        assert (again.status, b"Not answered" in again.body) == (410, True)
    assert get(buttons["Details"]["url"]).status == 410
    assert len(desk.told()) == 1


def test_a_link_in_a_mail_leads_to_a_page_that_asks_first(desk: Desk, mailbox: tuple[Mailbox, int]) -> None:
    received, port = mailbox
    desk.daemon.env["MAIL_URL"] = f"mailto://127.0.0.1:{port}?from=l@example.org&to=me@example.org&mode=insecure"
    desk.notify('url_env = "MAIL_URL"')
    job = desk.ask()
    eventually(lambda: received.messages, "the message arrives")
    links = dict(re.findall(r"(Allow|Deny|Details): (http://[\w./:-]+)", received.texts()[0]))
    assert sorted(links) == ["Allow", "Deny", "Details"]
    page = get(links["Allow"])
    assert page.status == 200
    assert b"rm -rf &lt;b&gt;build&lt;/b&gt;" in page.body
    assert desk.told() == []
    assert desk.waits(job)
    [action] = re.findall(r'<form method="post" action="([^"]+)">', page.body.decode())
    assert desk.web.origin + action == links["Allow"]
    assert post(desk.web.origin + action).status == 200
    assert desk.ends(job) == "completed"
    assert [each["behavior"] for each in desk.told()] == ["allow"]


def test_a_question_is_answered_with_words_on_the_page(desk: Desk, sink: Sink) -> None:
    start_ntfy(desk, sink)
    job = desk.ask(["AskUserQuestion", {"questions": [COLOURS]}])
    buttons = pushed(desk, sink)
    assert list(buttons) == ["Deny", "Details"]
    page = get(buttons["Details"]["url"]).body.decode()
    assert "Which colour?" in page
    assert "<li>Blue</li>" in page
    url = f"{buttons['Details']['url']}/text"
    assert post(url, urlencode({"text": "7"})).status == 400
    assert post(url).status == 400
    assert post(url, urlencode({"text": "2"})).status == 200
    assert desk.ends(job) == "completed"
    assert desk.told()[0]["updatedInput"]["answers"] == {"Which colour?": "Blue"}


def test_a_denial_may_say_what_to_do_instead(desk: Desk, sink: Sink) -> None:
    start_ntfy(desk, sink)
    job = desk.ask()
    assert post(f"{desk.web.origin}{desk.link(job)}/deny", urlencode({"text": "use make clean"})).status == 200
    assert desk.ends(job) == "completed"
    assert desk.told()[0] == {"behavior": "deny", "message": "use make clean"}


def _forged(path: str) -> str:
    return path[:-1] + ("A" if path[-1] != "A" else "B")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda desk, job: desk.link(job, lifetime_s=-1.0), 410),
        (lambda desk, job: desk.link(job, key=bytes(32)), 403),
        (lambda desk, job: _forged(desk.link(job)), 403),
        (lambda desk, job: desk.link(job).partition(".")[0], 403),
        (lambda desk, job: desk.link(job) + "=", 403),
        (lambda desk, job: "/answer/x.y", 403),
        (lambda desk, job: "/answer/ü.%00", 403),
        (lambda desk, job: f"/answer/{'A' * 5000}", 403),
        (lambda desk, job: desk.link(job, question="request-2"), 410),
        (lambda desk, job: desk.link(job, attempt=2), 410),
    ],
    ids=[
        "expired",
        "other key",
        "forged",
        "unsigned",
        "padded",
        "nonsense",
        "bytes",
        "long",
        "other question",
        "attempt",
    ],
)
def test_a_link_that_is_not_for_this_question_answers_nothing(
    desk: Desk, sink: Sink, change: Callable[[Desk, str], str], code: int
) -> None:
    start_ntfy(desk, sink)
    job = desk.ask()
    path = change(desk, job).replace("ü", "%C3%BC")
    for reply in (get(desk.web.origin + path), post(f"{desk.web.origin}{path}/allow")):
        assert reply.status == code, reply.body
        assert b"rm -rf" not in reply.body
    assert desk.waits(job)["question"]["id"] == "request-1"
    assert desk.told() == []


def test_a_question_that_was_answered_elsewhere_is_not_answered_again(desk: Desk, sink: Sink) -> None:
    start_ntfy(desk, sink)
    job = desk.ask()
    buttons = pushed(desk, sink)
    with desk.daemon.connect() as wire:
        wire.ok(op="answer", job=job, words=["deny"])
    assert desk.ends(job) == "completed"
    assert post(buttons["Allow"]["url"]).status == 410
    assert [each["behavior"] for each in desk.told()] == ["deny"]


def test_the_link_stays_valid_while_luziad_is_away(desk: Desk, sink: Sink) -> None:
    start_ntfy(desk, sink)
    job = desk.ask()
    url = pushed(desk, sink)["Allow"]["url"]
    desk.daemon.stop()
    for reply in (get(url), post(url)):
        assert reply.status == 503
        assert b"luziad does not answer" in reply.body
    desk.daemon.start()
    eventually(lambda: post(url).status == 200, "the answer is taken")
    assert desk.ends(job) == "completed"
    assert [each["behavior"] for each in desk.told()] == ["allow"]


def test_each_of_several_questions_is_told_in_its_turn(desk: Desk, sink: Sink) -> None:
    start_ntfy(desk, sink)
    job = desk.ask(BASH, ["Bash", {"command": "second"}])
    eventually(lambda: sink.received, "the first message arrives")
    for number, word in enumerate(("rm -rf", "second"), 1):
        eventually(lambda number=number: len(sink.received) == number, "a message for each")  # type: ignore[misc]
        assert word in sink.received[-1]["message"]
        actions = {each["label"]: each["url"] for each in json.loads(sink.headers[-1]["X-Actions"])}
        assert post(actions["Allow"]).status == 200
    assert desk.ends(job) == "completed"
    assert len(desk.told()) == 2


def test_only_a_post_answers_and_the_page_is_guarded(desk: Desk, sink: Sink) -> None:
    start_ntfy(desk, sink)
    job = desk.ask()
    url = f"{desk.web.origin}{desk.link(job)}"
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        send(method, f"{url}/allow")
    assert post(url).status == 405
    assert post(f"{url}/other").status == 403
    assert post(f"{url}/deny", "&".join(["text=x"] * 200)).status == 400
    assert post(f"{url}/deny", f"text={'x' * 20_000}").status == 400
    assert post(f"{url}/deny", "x" * (5 * 1024 * 1024)).status == 413
    assert post(f"{url}/allow", host="evil.example.org").status == 421
    shown = get(url)
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert "form-action 'self'" in shown.headers["content-security-policy"]
    assert "<script" not in shown.body.decode()
    assert desk.told() == []
    assert desk.waits(job)


def test_a_web_hook_gets_the_addresses_and_a_target_without_answers_gets_none(desk: Desk, sink: Sink) -> None:
    desk.notify(
        f'webhook = "{sink.url}"\n[notify.targets.plain]\nwebhook = "{sink.url}"',
        more='[[notify.rules]]\ntargets = ["plain"]',
    )
    desk.ask()
    eventually(lambda: len(sink.received) == 2, "both messages arrive")
    links = [message["answers"] for message in sink.received if "answers" in message]
    assert len(links) == 1
    assert sorted(links[0]) == ["allow", "deny", "details"]
    assert sum("/answer/" in json.dumps(message) for message in sink.received) == 1


def test_a_page_that_is_read_only_answers_nothing(desk: Desk, sink: Sink) -> None:
    desk.web.stop()
    start_ntfy(desk, sink)
    job = desk.ask()
    with web_server(desk.daemon, "--read-only") as web:
        url = f"{web.origin}{desk.link(job)}"
        assert get(url).status == 200
        assert post(f"{url}/allow").status == 403
    assert desk.told() == []


def test_the_key_is_for_its_owner_and_no_link_is_stored(desk: Desk, sink: Sink) -> None:
    start_ntfy(desk, sink)
    desk.ask()
    url = pushed(desk, sink)["Details"]["url"]
    key = desk.daemon.state / "notify.key"
    assert key.stat().st_mode & 0o777 == 0o600
    token = url.rpartition("/")[2].encode()
    desk.web.stop()
    files = [path for path in desk.daemon.root.rglob("*") if path.is_file() and path != key]
    stored = [path for path in files if token in path.read_bytes() or key.read_bytes() in path.read_bytes()]
    assert stored == []
    key.chmod(0o644)
    with web_server(desk.daemon) as web:
        refused = get(f"{web.origin}/answer/{token.decode()}")
        assert refused.status == 403
        assert b"can be read by other users" in refused.body


def test_answers_need_the_address_of_the_page(desk: Desk) -> None:
    desk.daemon.config_file.write_text('[notify.targets.phone]\nanswers = true\nurl_env = "X"\n')
    refused = desk.daemon.run("notify", "run")
    assert refused.returncode == 74
    assert "`answers` needs the address of `luzia web`" in refused.stderr


def test_the_page_works_in_a_browser_on_a_phone(desk: Desk, sink: Sink) -> None:
    start_ntfy(desk, sink)
    job = desk.ask()
    with chromium() as browser:
        screen = Screen(browser, desk.web, viewport={"width": 390, "height": 844}, is_mobile=True)
        page = screen.page
        page.goto(f"{desk.web.origin}{desk.link(job)}")
        source = (ROOT / "tests" / "data" / "web" / "axe.min.js").read_text()
        page.evaluate(source)
        found = page.evaluate("async () => (await axe.run(document)).violations.map((each) => each.id)")
        assert found == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_role("button", name="Allow").click()
        page.wait_for_selector("h1:has-text('Allowed')")
        screen.check()
        screen.close()
    assert desk.ends(job) == "completed"
    assert [each["behavior"] for each in desk.told()] == ["allow"]
