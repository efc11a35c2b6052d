"""Sends one message, as a process of its own: python -m luzia_client.notify.sender.

It reads a Message as JSON on stdin and prints a Result. So a library that hangs, or a service that does, can be ended,
and the service that listens to events stays small.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import msgspec

from luzia_protocol import environment

from luzia_client.notify.buttons import as_buttons, with_links
from luzia_client.notify.message import Message, Result

TIMEOUT_S = 20.0
"""How long a service may take to answer."""


def send(message: Message) -> Result:
    """Send it."""
    match message.kind:
        case "apprise":
            return _send_by_apprise(message)
        case "desktop":
            return _run(["notify-send", "--app-name=luzia", "--", message.title, _without_markup(message)], b"", {})
        case "command":
            return _run(message.command, json.dumps(message.event).encode(), message.variables)
        case "webhook":
            return _post(message)


def _send_by_apprise(message: Message) -> Result:
    try:
        import apprise
    except ImportError:
        return Result(f"Apprise is not installed. {environment.install_extra('notify')}")
    errors: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            errors.append(record.getMessage())

    log = logging.getLogger("apprise")
    log.addHandler(Collect(logging.WARNING))
    log.propagate = False
    with as_buttons(message) as (url, body):
        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if service is None:
            return Result("Apprise does not understand the URL")
        notifier = apprise.Apprise()
        notifier.add(service)
        if notifier.notify(body=body, title=message.title, body_format=apprise.NotifyFormat.TEXT):
            return Result()
    return Result(without_secrets("; ".join(errors) or "the service did not accept the message", url))


def without_secrets(text: str, url: str) -> str:
    """The text without any part of the URL that may be secret: all but its scheme."""
    for part in sorted({*re.split(r"[/:@?&=,#%]+", url), url}, key=len, reverse=True):
        if len(part) > 2 and part != url.partition(":")[0]:
            text = text.replace(part, "…")
    return " ".join(text.split())[:300]


def _without_markup(message: Message) -> str:
    """The text for a desktop, whose text may have markup, as an agent's must not. The title is plain text."""
    return html.escape(with_links(message), quote=False)


def _run(command: list[str], stdin: bytes, variables: dict[str, str]) -> Result:
    program = shutil.which(os.path.expanduser(command[0]))
    if program is None:
        remedy = "; install it, on Debian with: apt install libnotify-bin" if command[0] == "notify-send" else ""
        return Result(f"the program {command[0]} was not found{remedy}")
    try:
        ended = subprocess.run(
            [program, *command[1:]],
            input=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, **variables},
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(f"{command[0]} has not ended after {TIMEOUT_S:g} s")
    except OSError as exc:
        return Result(f"{command[0]}: {exc.strerror}")
    if ended.returncode == 0:
        return Result()
    words = ended.stderr.decode(errors="replace").strip().splitlines()
    return Result(f"{command[0]} has ended with {ended.returncode}{f': {words[-1][:200]}' if words else ''}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed request goes where it was sent to, and nowhere else."""

    def redirect_request(self, *args: object) -> None:
        """Follow none."""


def _post(message: Message) -> Result:
    content = json.dumps({"title": message.title, "body": message.body, **message.event}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "luzia"}
    if message.secret:
        sent_at = str(int(time.time()))
        signed = hmac.new(message.secret.encode(), f"{sent_at}.".encode() + content, hashlib.sha256).hexdigest()
        headers |= {"X-Luzia-Timestamp": sent_at, "X-Luzia-Signature": f"sha256={signed}"}
    opener = urllib.request.build_opener(_NoRedirect())
    try:
        request = urllib.request.Request(message.url, content, headers)
        with opener.open(request, timeout=TIMEOUT_S):
            return Result()
    except urllib.error.HTTPError as exc:
        return Result(f"the address has answered {exc.code} {exc.reason}", _seconds(exc.headers.get("Retry-After")))
    except (urllib.error.URLError, OSError, ValueError) as exc:
        reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
        return Result(without_secrets(f"the address cannot be reached: {reason}", message.url))


def _seconds(text: str | None) -> float | None:
    """The seconds of a Retry-After header; None for a date, which few services send."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None


def main() -> None:
    """Read a message, send it, print the result."""
    message = msgspec.json.decode(sys.stdin.buffer.read(), type=Message)
    sys.stdout.buffer.write(msgspec.json.encode(send(message)))


if __name__ == "__main__":
    main()
