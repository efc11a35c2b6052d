"""A fork server for tests that want one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unit.luziad.supervise.helpers import ForkServer


@pytest.fixture
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.end()
    if server.process.stdout is not None:
        server.process.stdout.close()
