"""When worktrees are compared: only while a job works beside another worktree of its repository."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from luzia_protocol.jobs import JobState, Worktree

from luziad.attempts import collision_watch
from luziad.attempts.collision_watch import CollisionWatch
from luziad.jobs.collisions import Collisions
from luziad.jobs.observer import Observers
from luziad.jobs.record import AttemptRecord, JobRecord, JobSpec, JobStatus
from luziad.jobs.table import JobTable


class NoOverlap:
    """Worktrees that have nothing in common; counts how often each was read."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.read_again = asyncio.Event()

    async def list_changed(self, record: JobRecord, tree: Worktree) -> frozenset[str]:
        self.reads.append(record.id)
        self.read_again.set()
        return frozenset({record.id})


class Scene:
    def __init__(self) -> None:
        self.table = JobTable()
        self.worktrees = NoOverlap()
        self.watch = CollisionWatch(
            self.table, Collisions(self.table), cast(Any, self.worktrees), cast(Any, None), Observers()
        )

    def job(self, number: int, state: JobState, repository: str = "/r") -> JobRecord:
        name = str(number)
        spec = JobSpec(project="overbits", directory="/", agent="shell", created_at=0.0)
        tree = Worktree(f"/t/{name}", f"/t/{name}", f"luzia/{name}", "0" * 40, "main", repository)
        attempts = (AttemptRecord(1, 0.0),)
        record = JobRecord(number, name, spec, JobStatus(state=state, attempts=attempts, worktree=tree), durable=True)
        self.table.add(record)
        return record

    def start(self, record: JobRecord) -> None:
        self.watch.attempt_started(record, record.status.attempts[0], 0.0)

    async def rest(self) -> None:
        """Wait until nothing is compared any more, and nothing is due."""
        for repository in [*self.watch._repositories.values()]:
            assert repository.task is not None
            await repository.task
        assert not self.watch._repositories


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collision_watch, "GAP_S", 0.0)
    monkeypatch.setattr(collision_watch, "INTERVAL_S", 0.001)


async def test_one_worktree_is_compared_with_nothing() -> None:
    scene = Scene()
    scene.job(1, JobState.COMPLETED, "/other")
    scene.start(scene.job(2, JobState.RUNNING))
    await scene.rest()
    assert scene.worktrees.reads == []


async def test_finished_work_is_read_once_and_that_of_a_running_job_as_long_as_it_runs() -> None:
    scene = Scene()
    scene.job(1, JobState.COMPLETED)
    running = scene.job(2, JobState.RUNNING)
    scene.start(running)
    while scene.worktrees.reads.count("2") < 3:
        scene.worktrees.read_again.clear()
        await scene.worktrees.read_again.wait()
    assert scene.worktrees.reads.count("1") == 1
    scene.table.state_changed(running, _set(running, JobState.COMPLETED))
    scene.watch.attempt_ended(running, running.status.attempts[0])
    await scene.rest()
    assert scene.worktrees.reads.count("1") == 1


async def test_nothing_is_compared_while_the_only_job_is_paused_until_it_works_again() -> None:
    scene = Scene()
    scene.job(1, JobState.COMPLETED)
    paused = scene.job(2, JobState.PAUSED)
    scene.start(paused)
    await scene.rest()
    scene.table.state_changed(paused, _set(paused, JobState.RUNNING))
    scene.worktrees.read_again.clear()
    scene.watch.job_changed(paused)
    await scene.worktrees.read_again.wait()
    scene.watch.close()


def _set(record: JobRecord, state: JobState) -> JobState:
    before, record.status.state = record.status.state, state
    return before
