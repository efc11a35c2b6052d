"""One message, as the process that sends it gets it, and what came of it. Pure."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Message(msgspec.Struct, frozen=True):
    """kind: how it is sent. url: the Apprise URL or the address. secret: signs a webhook. event: the notice as JSON.

    answers: the addresses by which its question is answered, by what they do: `allow`, `deny` and `details`.
    """

    kind: Literal["apprise", "desktop", "command", "webhook"]
    title: str
    body: str
    url: str = ""
    secret: str = ""
    command: list[str] = []
    event: dict[str, Any] = {}
    variables: dict[str, str] = {}
    answers: dict[str, str] = {}


class Result(msgspec.Struct, frozen=True):
    """error: why it was not delivered; empty if it was. It has no secret. retry_after_s: as the service asks."""

    error: str = ""
    retry_after_s: float | None = None
