"""What the integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schemas import Traffic
from support import Connection, PrivateDaemon


@pytest.fixture(autouse=True, scope="session")
def validated() -> Iterator[None]:
    """Validate all requests that a daemon accepts, all replies and all events against the schemas."""
    Connection.watcher = Traffic
    yield
    Connection.watcher = None


@pytest.fixture
def wire(daemon: PrivateDaemon) -> Iterator[Connection]:
    """A connection to the daemon of the test's file."""
    with daemon.connect() as connection:
        yield connection
