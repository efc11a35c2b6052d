"""What the state of every full screen has: its page, prompt and messages. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from luzia_client.tui.fullscreen.text_view import TextView


class Page(NamedTuple):
    """A text that covers the screen."""

    title: str
    text: TextView


class KeyPrompt(NamedTuple):
    """A question that one key answers. keys: key -> the effect; any other key aborts."""

    question: str
    keys: dict[str, Callable[[], None]]


class ConnectionState:
    """connection_error: why the daemon is unreachable, or empty. loading: the list lacks some of its jobs."""

    def __init__(self) -> None:
        self.connection_error = ""
        self.loading = True


class ScreenState:
    """page: covers the screen. prompt: the next key answers it. message: the result of the last key.

    typing: the last row is an input line. away: another program has the terminal.
    """

    def __init__(self) -> None:
        self.page: Page | None = None
        self.prompt: KeyPrompt | None = None
        self.message = ""
        self.typing = False
        self.away = False
