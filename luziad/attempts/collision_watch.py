"""Compares the worktrees of one repository while jobs work in them, and tells which change the same files.

A comparison follows a file edit that an agent reports, and the end of an attempt. Edits that nobody reports are found
by comparing at intervals, only while a job runs and the repository has another worktree. The comparisons take a small
part of one processor at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from itertools import product

from luzia_protocol.jobs import MAX_COLLISION_FILES, Collision, JobState, Worktree

from luziad.attempts.worktrees import Worktrees
from luziad.jobs.collisions import Collisions
from luziad.jobs.observer import JobObserver, Observers
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.table import JobTable
from luziad.journal.journal import Journal
from luziad.worktrees.overlap import Proof

log = logging.getLogger("luziad.worktrees")

GAP_S = 2.0
"""The least time between two comparisons of a repository."""
INTERVAL_S = 10.0
"""The time between two comparisons without a sign of an edit."""
REST = 20
"""A comparison is followed by a rest of this many times its own duration, so that it takes 5 % of a processor."""
MAX_TREES = 50
"""The worktrees of one repository that are compared, those of the newest jobs."""


class _Repository:
    """The comparisons of one repository. files: what each worktree changes. ended: jobs to compare a last time."""

    def __init__(self) -> None:
        self.sign = asyncio.Event()
        self.files: dict[str, frozenset[str] | None] = {}
        self.ended: set[str] = set()
        self.task: asyncio.Task[None] | None = None


class CollisionWatch(JobObserver):
    """collisions: what was found, for those who show it."""

    def __init__(
        self, table: JobTable, collisions: Collisions, worktrees: Worktrees, journal: Journal, observers: Observers
    ) -> None:
        self._table = table
        self._collisions = collisions
        self._worktrees = worktrees
        self._journal = journal
        self._observers = observers
        self._live: dict[str, int] = {}  # jobs with a running attempt, and how many files their agents have reported
        self._queued: dict[str, JobRecord] = {}  # jobs with a worktree that wait for another attempt
        self._repositories: dict[str, _Repository] = {}

    def job_queued(self, record: JobRecord) -> None:
        """Compare others with it while it waits for another attempt."""
        if record.status.worktree is not None:
            self._queued[record.id] = record

    def attempt_started(self, record: JobRecord, attempt: AttemptRecord, ran_s: float) -> None:
        """Compare the work of the attempt from now on."""
        self._queued.pop(record.id, None)
        if record.status.worktree is not None:
            self._live[record.id] = 0
            self._wake(record.status.worktree)

    def output_understood(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Compare when the agent reports another file."""
        known = self._live.get(record.id)
        if known is None or attempt.activity is None or attempt.activity.file_count == known:
            return
        self._live[record.id] = attempt.activity.file_count
        if record.status.worktree is not None:
            self._wake(record.status.worktree)

    def attempt_ended(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Compare a last time."""
        if self._live.pop(record.id, None) is not None and record.status.worktree is not None:
            self._wake(record.status.worktree).ended.add(record.id)

    def job_changed(self, record: JobRecord) -> None:
        """Continue when a paused or waiting job works again."""
        if record.id in self._live and record.status.state is JobState.RUNNING and record.status.worktree is not None:
            repository = self._repositories.get(record.status.worktree.repository)
            if repository is None:
                self._wake(record.status.worktree)

    def job_ended(self, record: JobRecord) -> None:
        """It waits for no attempt any more."""
        self._queued.pop(record.id, None)

    def job_removed(self, record: JobRecord) -> None:
        """Forget it."""
        self._queued.pop(record.id, None)
        self._collisions.drop(record.id)

    def close(self) -> None:
        """Compare no more."""
        for repository in self._repositories.values():
            if repository.task is not None:
                repository.task.cancel()

    def _wake(self, tree: Worktree) -> _Repository:
        """Compare the worktrees of a repository soon."""
        repository = self._repositories.get(tree.repository)
        if repository is None:
            repository = self._repositories[tree.repository] = _Repository()
            repository.task = asyncio.get_running_loop().create_task(self._watch(tree.repository, repository))
        repository.sign.set()
        return repository

    async def _watch(self, path: str, repository: _Repository) -> None:
        """Compare until no job works in a worktree of the repository, or only one worktree is left."""
        loop = asyncio.get_running_loop()
        rest_s = GAP_S
        try:
            while True:
                await asyncio.sleep(rest_s)
                repository.sign.clear()
                began_at = loop.time()
                works = self._works(path)
                if len(works) > 1:
                    await self._compare(works, repository)
                if not repository.sign.is_set() and (
                    len(works) < 2 or not any(_is_working(record) for record, _ in works)
                ):
                    return  # what comes next wakes it
                rest_s = max(GAP_S, REST * (loop.time() - began_at))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL_S - rest_s):
                        await repository.sign.wait()
        except Exception:
            log.exception("worktrees_not_compared repository=%s", path)
        finally:
            del self._repositories[path]

    def _works(self, path: str) -> list[tuple[JobRecord, Worktree]]:
        """The jobs with a worktree of the repository, the oldest first."""
        known = {record.n: record for record in (*self._table.active(), *self._table.kept(), *self._queued.values())}
        found = [
            (record, record.status.worktree)
            for _, record in sorted(known.items())
            if record.status.worktree is not None
            and record.status.worktree.repository == path
            and (record.race is None or not record.race.check)
        ]
        return found[-MAX_TREES:]

    async def _compare(self, works: list[tuple[JobRecord, Worktree]], repository: _Repository) -> None:
        """Compare what may have changed with everything."""
        ended, repository.ended = repository.ended, set()
        changing = {record.id for record, _ in works if record.id in self._live or record.id in ended}
        files: dict[str, frozenset[str] | None] = {}
        for record, tree in works:
            if record.id in changing or record.id not in repository.files:
                files[record.id] = await self._worktrees.list_changed(record, tree)
            else:
                files[record.id] = repository.files[record.id]
        repository.files = files
        for first, second in product(works, works):
            one, other = first[0], second[0]
            if one.n <= other.n or not {one.id, other.id} & changing or _race_each_other(one, other):
                continue
            common = sorted((files[one.id] or frozenset()) & (files[other.id] or frozenset()))
            await self._compare_two(first, second, common, last=bool({one.id, other.id} & ended))

    async def _compare_two(
        self,
        first: tuple[JobRecord, Worktree],
        second: tuple[JobRecord, Worktree],
        common: list[str],
        *,
        last: bool,
    ) -> None:
        known = self._collisions.find(first[0].id, second[0].id)
        if not common and (known is None or not known[1].file_count):
            return
        shown = common[:MAX_COLLISION_FILES]
        is_same = known is not None and (known[1].files, known[1].file_count) == (shown, len(common))
        if known is not None and is_same and known[1].merges is False and not last:
            return
        proof = await self._worktrees.prove(first, second) if common else Proof(None, [])
        if proof.contained:
            common = []
        if any(self._table.get(record.id) is not record for record, _ in (first, second)):
            return
        holder = first[0] if known is None else known[0]
        other = second[0] if holder is first[0] else first[0]
        found = Collision(
            other.id,
            common[:MAX_COLLISION_FILES],
            len(common),
            proof.merges if common else None,
            proof.conflicts[:MAX_COLLISION_FILES] if common else [],
        )
        if found != (known[1] if known is not None else Collision(other.id, [], 0)):
            self._note(holder, other, found, again=known is not None)

    def _note(self, holder: JobRecord, other: JobRecord, found: Collision, *, again: bool) -> None:
        self._collisions.put(holder, found)
        self._journal.record(holder, self._journal.events.collided(holder, found, again=again))
        log.info("collision job=%s other=%s files=%d merges=%s", holder.id, other.id, found.file_count, found.merges)
        self._observers.job_changed(holder)
        self._observers.job_changed(other)


def _is_working(record: JobRecord) -> bool:
    return record.status.state in (JobState.STARTING, JobState.RUNNING)


def _race_each_other(one: JobRecord, other: JobRecord) -> bool:
    """Whether both are racers of one race, of which only one is accepted."""
    return one.race is not None and other.race is not None and one.race.id == other.race.id
