"""What services get of a question's actions, by the library that sends to them."""

from __future__ import annotations

import json
from typing import Any

import apprise
import pytest
from apprise.plugins.slack import NotifySlack

from luzia_client.notify.buttons import as_buttons
from luzia_client.notify.message import Message
from luzia_client.notify.sender import send
from receivers import Sink, sink

__all__ = ["sink"]

ANSWERS = {"allow": "https://l.example.org/answer/a.b/allow", "details": "https://l.example.org/answer/a.b"}


def message(url: str, **more: Any) -> Message:
    return Message("apprise", "? overbits: <fix>", "Bash: {{app_title}} & *make*", url=url, answers=ANSWERS, **more)


def test_slack_gets_buttons_that_open_the_page(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    sink.reply = b"ok"
    monkeypatch.setattr(NotifySlack, "webhook_url", sink.url)
    assert send(message("slack://T0123ABCD/B0123ABCD/0123456789abcdefghijABCD/%23channel")).error == ""
    text = json.dumps(sink.received)
    found: list[dict[str, Any]] = []

    def visit(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("type") == "button":
                found.append(value)
            for each in value.values():
                visit(each)
        elif isinstance(value, list):
            for each in value:
                visit(each)

    visit(sink.received)
    assert [(each["text"]["text"], each["url"]) for each in found] == [
        ("Allow", ANSWERS["allow"]),
        ("Details", ANSWERS["details"]),
    ]
    assert "? overbits: <fix>" in text


def test_ntfy_gets_actions_that_post(sink: Sink) -> None:
    assert send(message(f"ntfy://127.0.0.1:{sink.port}/topic?priority=high")).error == ""
    assert json.loads(sink.headers[0]["X-Actions"]) == [
        {"action": "http", "label": "Allow", "url": ANSWERS["allow"], "method": "POST", "clear": True},
        {"action": "view", "label": "Details", "url": ANSWERS["details"]},
    ]
    assert "/answer/" not in json.dumps(sink.received)


def test_other_services_get_links_in_the_text(sink: Sink) -> None:
    assert send(message(f"json://127.0.0.1:{sink.port}/")).error == ""
    assert sink.received[0]["message"].splitlines()[1:] == [
        f"Allow: {ANSWERS['allow']}",
        f"Details: {ANSWERS['details']}",
    ]


def test_a_message_without_a_question_is_sent_as_it_is() -> None:
    plain = Message("apprise", "t", "b", url="ntfy://127.0.0.1/topic")
    with as_buttons(plain) as found:
        assert found == (plain.url, "b")


def test_the_library_still_understands_an_address_with_buttons() -> None:
    with as_buttons(message("ntfys://user:pass@ntfy.example.org/topic")) as (url, _):
        assert apprise.Apprise.instantiate(url) is not None
