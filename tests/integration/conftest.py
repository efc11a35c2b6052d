"""What the integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import Connection, PrivateDaemon


@pytest.fixture
def wire(daemon: PrivateDaemon) -> Iterator[Connection]:
    """A connection to the daemon of the test's file."""
    with daemon.connect() as connection:
        yield connection
