"""Every test of this folder runs under the standard event loop and under uvloop, which the daemon uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from luziad.executor import fork_server_client
from luziad.supervise import cgroup
from unit.luziad.executor.helpers import Machine

WITHOUT_CGROUPS = (
    "import sys; sys.path.append(sys.argv[1]); from luziad.supervise import cgroup, forkserver; "
    "cgroup.find_base = lambda: None; forkserver.main()"
)
WAYS = ["cgroup", "tree walk", "cgroup, Python program", "tree walk, Python program"]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories: dict[str, Any] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return factories


@pytest_asyncio.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    await machine.end_everything()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How trees are held and ended in the test, and by which program: the native one where it has been built."""
    way, _, program = request.param.partition(", ")
    command = fork_server_client.PYTHON_COMMAND if program else fork_server_client.command()
    if way == "cgroup" and cgroup.find_base() is None:
        pytest.skip("no cgroup v2 can be written here")
    if not program and command is fork_server_client.PYTHON_COMMAND:
        pytest.skip("the native program has not been built")
    if way == "tree walk" and program:
        *python, _, root = command
        command = [*python, WITHOUT_CGROUPS, root]
    elif way == "tree walk":
        command[1] = ""  # the directory of the cgroups
    monkeypatch.setattr(fork_server_client, "command", lambda: command)
    return str(way)
