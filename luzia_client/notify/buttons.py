"""How a question's actions reach each service: as buttons where Apprise can send them, else as links in the text."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from luzia_client.notify.message import Message

LABELS = {"allow": "Allow", "deny": "Deny", "details": "Details"}

SLACK_CHARS = 2900
"""The text of a section of Slack has 3000 characters at most."""


@contextmanager
def as_buttons(message: Message) -> Iterator[tuple[str, str]]:
    """The Apprise URL and the text with which to send a message; what they need is there while the block runs."""
    service = message.url.partition("://")[0].lower()
    if not message.answers:
        yield message.url, message.body
    elif service in ("ntfy", "ntfys"):
        yield _with_parameter(message.url, "actions", json.dumps(_ntfy_actions(message.answers))), message.body
    elif service == "slack":
        with tempfile.NamedTemporaryFile("w", prefix="luzia-", suffix=".json", encoding="utf-8") as template:
            json.dump({"blocks": _slack_blocks(message)}, template)
            template.flush()
            yield _with_parameter(message.url, "template", template.name), message.body
    else:
        yield message.url, with_links(message)


def with_links(message: Message) -> str:
    """The text, and below it a link for each action."""
    return "\n".join([message.body, *(f"{LABELS[action]}: {url}" for action, url in message.answers.items())])


def _ntfy_actions(answers: dict[str, str]) -> list[dict[str, object]]:
    """The phone sends a POST for `allow` and `deny`, and shows what came of it; `details` opens the page."""
    return [
        {"action": "view", "label": LABELS[action], "url": url}
        if action == "details"
        else {"action": "http", "label": LABELS[action], "url": url, "method": "POST", "clear": True}
        for action, url in answers.items()
    ]


def _slack_blocks(message: Message) -> list[dict[str, object]]:
    """Buttons that open the page: Slack itself answers nothing."""
    text = f"{message.title}\n{message.body}"[:SLACK_CHARS].replace("{{", "{ {")  # Apprise fills in {{names}}
    buttons = [
        {"type": "button", "text": {"type": "plain_text", "text": LABELS[action]}, "url": url, "action_id": action}
        for action, url in message.answers.items()
    ]
    return [
        {"type": "section", "text": {"type": "plain_text", "text": text}},
        {"type": "actions", "elements": buttons},
    ]


def _with_parameter(url: str, name: str, value: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{name}={quote(value, safe='')}"
