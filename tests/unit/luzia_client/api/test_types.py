"""A user's program under `mypy --strict`: every public method of both clients has a type without Any."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import luzia_client
from luzia_client import AsyncClient, Client

WRONG = """
client.dispatch("p", argv="make", prio=1)
client.graph([{"task": "x"}])
client.graph([{"project": "p", "afters": ["y"]}])
client.subscribe(kinds="end")
client.get_job(3)
client.dispatch("p", "x", timeout="5m")
"""
RIGHT = """
import datetime, pathlib
from luzia_client import DispatchResult, GraphJob, GraphResult, Job, JobChange, JobPage, WaitResult

dispatched: DispatchResult = client.dispatch(pathlib.Path("."), "x", timeout_s=datetime.timedelta(hours=1))
jobs: list[GraphJob] = [{"name": "a", "project": "p", "task": "x"}, {"project": "p", "argv": ["make"], "after": ["a"]}]
graph: GraphResult = client.graph(jobs)
page: JobPage = client.list_jobs(parent=dispatched)
job: Job = client.get_job(dispatched)
waited: WaitResult = client.wait([job, dispatched, *graph.jobs.values()], timeout_s=datetime.timedelta(minutes=1))
change: JobChange = client.cancel(job)
events = client.subscribe(jobs=graph, kinds=["started", "ended"])
"""


def mypy(tmp_path: Path, program: str) -> list[str]:
    """What a checker says of a program outside of this tree."""
    path = tmp_path / "program.py"
    path.write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}/cache", path.name]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert not result.stderr
    return result.stdout.splitlines()


def methods(client: type) -> list[str]:
    """The names of a client's public methods."""
    return [name for name, value in inspect.getmembers(client, callable) if not name.startswith("_")]


def test_no_public_name_has_the_type_any(tmp_path: Path) -> None:
    calls: list[tuple[str, Any]] = [(name, client) for client in (Client, AsyncClient) for name in methods(client)]
    names = [name for name in luzia_client.__all__ if name not in ("Client", "AsyncClient")]
    program = "import luzia_client\nfrom luzia_client import AsyncClient, Client\n"
    program += "".join(f"reveal_type({client.__name__}.{name})\n" for name, client in calls)
    program += "".join(f"reveal_type(luzia_client.{name})\n" for name in names)
    *revealed, summary = mypy(tmp_path, program)
    assert summary.startswith("Success"), revealed
    assert len(revealed) == len(calls) + len(names)
    assert not [
        line
        for line in revealed
        if "Any" in line.replace("CoroutineType[Any, Any,", "").replace("Coroutine[Any, Any,", "")
    ]


def test_a_program_that_uses_the_results_of_methods_as_arguments_is_right(tmp_path: Path) -> None:
    assert mypy(tmp_path, f"from luzia_client import Client\n\nclient = Client()\n{RIGHT}")[0].startswith("Success")


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_mistakes_are_seen_before_a_program_runs(tmp_path: Path, client: str) -> None:
    lines = mypy(tmp_path, f"from luzia_client import {client}\n\nclient = {client}()\n{WRONG}")
    wrong = {int(line.split(":")[1]) - 4 for line in lines if ": error:" in line}
    assert wrong == set(range(1, len(WRONG.splitlines())))
