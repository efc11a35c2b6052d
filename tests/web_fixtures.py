"""The fixtures of the tests of the web page: a daemon with its web server, a browser, and a tab that has a session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support import PrivateDaemon, private_daemon
from web_server import Screen, WebServer, chromium, web_server


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    """A daemon without jobs."""
    with private_daemon() as started:
        yield started


@pytest.fixture(scope="module")
def server(daemon: PrivateDaemon) -> Iterator[WebServer]:
    """The web server of the daemon; its `request` has a session."""
    with web_server(daemon) as started:
        started.sign_in()
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser for the tests of a module."""
    with chromium() as started:
        yield started


@pytest.fixture
def screen(browser: Any, server: WebServer) -> Iterator[Screen]:
    """A tab; the test fails if a script of the page did, or if its policy was violated."""
    with Screen.opened(browser, server) as opened:
        yield opened
