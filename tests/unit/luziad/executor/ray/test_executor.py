"""The daemon's side of a cluster that it cannot use, and of attempts that it has not submitted."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from luziad.config.schema import ExecutorConfig
from luziad.executor.base import Launch, Remote
from luziad.executor.ray import home
from luziad.executor.ray.demand import NodeResources
from luziad.executor.ray.executor import RayExecutor, make_clusters
from luziad.executor.ray.home import Record
from luziad.executor.ray.wire import Cluster
from luziad.jobs.attempt import AttemptEnd, AttemptRef, ExitRecord, LostAttempt, NotStarted
from luziad.jobs.requirements import Requirements


class Ends:
    """Hears of the ends of attempts."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[AttemptRef, AttemptEnd]] = asyncio.Queue()

    def attempt_started(self, ref: AttemptRef, pid: int, started_at: float, ran_s: float) -> None:
        raise AssertionError(f"{ref} must not start")

    def attempt_ended(self, ref: AttemptRef, end: AttemptEnd) -> None:
        self.queue.put_nowait((ref, end))

    def start_hindered(self, problem: str) -> None:
        raise AssertionError(problem)


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
async def executor(tmp_path: Path, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RayExecutor]:
    """One without Ray."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    settings = ExecutorConfig("ray", "127.0.0.1:1", lease_s=2.0)
    found = make_clusters(
        {"farm": settings}, str(tmp_path), lambda ref: str(tmp_path / ref.job / str(ref.attempt)), None
    )["farm"]
    await found.start(ends)
    yield found
    await found.stop()


def launch(number: int) -> Launch:
    """An attempt for the cluster."""
    remote = Remote("farm", Requirements(executor="farm"), None, ())
    ref = AttemptRef("113754-a2f5", number)
    return Launch(ref, ["true"], {}, "/", "", False, False, 1.0, remote=remote)


async def test_without_the_extra_an_attempt_is_refused_with_what_is_missing(executor: RayExecutor, ends: Ends) -> None:
    assert executor.is_refused
    assert "luzia[ray] is not installed" in (executor.cluster_problem or "")
    executor.submit(launch(1))
    _, end = await ends.queue.get()
    assert isinstance(end, ExitRecord)
    assert end.error == executor.cluster_problem


async def test_an_attempt_that_was_never_submitted_has_not_started(executor: RayExecutor, ends: Ends) -> None:
    executor.attach(AttemptRef("113754-a2f5", 1), 1.0)
    _, end = await ends.queue.get()
    assert isinstance(end, NotStarted)


async def test_an_attempt_with_a_damaged_record_is_lost(executor: RayExecutor, ends: Ends, tmp_path: Path) -> None:
    directory = tmp_path / "113754-a2f5" / "1"
    directory.mkdir(parents=True)
    (directory / home.RECORD).write_text("{")
    executor.attach(AttemptRef("113754-a2f5", 1), 1.0)
    _, end = await ends.queue.get()
    assert isinstance(end, LostAttempt)


async def test_the_next_attempt_waits_for_the_lease_of_a_lost_one_and_can_be_cancelled(
    executor: RayExecutor, ends: Ends, tmp_path: Path
) -> None:
    lost = str(tmp_path / "113754-a2f5" / "1")
    home.create(lost, "", Record(runs_until=2**40), ())  # the clock was set back since
    executor.submit(launch(2))
    while "attempt 1 was lost" not in (executor.problem(AttemptRef("113754-a2f5", 2)) or ""):  # noqa: ASYNC110 (a problem has no event)
        await asyncio.sleep(0.01)
    assert ends.queue.empty()
    executor.cancel(AttemptRef("113754-a2f5", 2))
    ref, end = await asyncio.wait_for(ends.queue.get(), 60)
    assert ref.attempt == 2
    assert isinstance(end, NotStarted)


async def test_an_attempt_says_what_it_waits_for_when_its_node_is_gone(executor: RayExecutor, tmp_path: Path) -> None:
    ref = AttemptRef("113754-a2f5", 1)
    executor.cluster_changed(Cluster([NodeResources("small", {"CPU": 0.5})]))
    executor.submit(launch(1))
    assert executor.problem(ref) == "the job needs 1 CPU, and no node has more than 0.5 CPUs"
    executor.cluster_changed(Cluster([NodeResources("large", {"CPU": 2.0})]))
    assert executor.problem(ref) is None
    executor.cluster_changed(Cluster(problem="no cluster at 127.0.0.1:1"))
    assert executor.problem(ref) == "no cluster at 127.0.0.1:1"


def test_a_record_is_replaced_and_output_continues_at_its_size(tmp_path: Path) -> None:
    directory = str(tmp_path / "j" / "1")
    home.create(directory, "the task", Record(tree="/trees/1"), ("stdout", "stderr"))
    assert (tmp_path / "j" / "1" / "prompt").read_text() == "the task"
    assert home.read_record(directory) == Record(tree="/trees/1")
    for part in (b"one ", b"two"):
        output = home.Output(directory, 1 << 20)
        output.append("stdout", part)
        output.close()
    assert home.Output(directory, 1 << 20).sizes == {"stdout": 7, "stderr": 0}
    assert (tmp_path / "j" / "1" / "stdout").read_bytes() == b"one two"
    assert home.read_record(str(tmp_path / "other")) is None
