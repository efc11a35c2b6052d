"""A fork server for tests that want one: the Python program, and the native one under sanitizers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from luziad.supervise import cgroup
from native_programs import HAS_COMPILER, compile_sanitized
from support import ROOT
from unit.luziad.supervise.helpers import ForkServer, native_command

SOURCES = ROOT / "luziad" / "supervise" / "native"


@pytest.fixture(scope="session")
def native_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native fork server."""
    if not HAS_COMPILER:
        pytest.skip("there is no C compiler")
    return compile_sanitized(tmp_path_factory.mktemp("native") / "luzia-forks", *sorted(SOURCES.glob("*.c")))


@pytest.fixture
def native(native_program: Path) -> Iterator[ForkServer]:
    """The native fork server alone."""
    yield from _served(ForkServer(native_command(native_program, base=cgroup.find_base())))


@pytest.fixture
def python_fork_server() -> Iterator[ForkServer]:
    """The Python program alone."""
    yield from _served(ForkServer())


@pytest.fixture(params=["python_fork_server", "native"])
def fork_server(request: pytest.FixtureRequest) -> ForkServer:
    """Each of the two."""
    server: ForkServer = request.getfixturevalue(request.param)
    return server


def _served(server: ForkServer) -> Iterator[ForkServer]:
    yield server
    server.end()
    if server.process.stdout is not None:
        server.process.stdout.close()
