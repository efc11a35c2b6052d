"""The git worktrees of jobs: creates one before an attempt starts, and removes it when no work would be lost.

Git runs on threads of its own, so that neither the event loop nor other file work waits for it. For one job only one
operation runs at a time, so that a worktree is not removed while an attempt is about to use it.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Outcome, Worktree

from luziad.attempts.launch import Launcher
from luziad.jobs.record import JobRecord
from luziad.jobs.refusals import UNTIL_ENDED, wrong_state
from luziad.jobs.table import JobTable
from luziad.journal.journal import Journal
from luziad.worktrees import clean as cleaning
from luziad.worktrees import create
from luziad.worktrees.git import Git, GitError, GitProcesses

log = logging.getLogger("luziad.worktrees")

T = TypeVar("T")
_THREADS = 4
_CLOSE_S = 5.0


class Worktrees:
    """trees_dir: the directory of the worktrees. launcher: knows the environment of a job, which its git gets."""

    def __init__(self, launcher: Launcher, trees_dir: str, table: JobTable, journal: Journal) -> None:
        self._launcher = launcher
        self._processes = GitProcesses()
        self._trees_dir = trees_dir
        self._table = table
        self._journal = journal
        self._pool = ThreadPoolExecutor(_THREADS, "git")
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    def prepare(self, record: JobRecord, ready: Callable[[str | None, Sequence[str]], None]) -> None:
        """Create the job's worktree if it does not exist, then call `ready` with None or with the problem.

        The second argument has the directories outside of the worktree that a commit in it writes to.
        """
        self._task(self._prepare(record, ready))

    async def clean(self, record: JobRecord, *, dry_run: bool = False) -> str | None:
        """Remove the job's worktree unless work would be lost; returns why it stays, or None.

        dry_run: only check. It is not interrupted when the caller is cancelled. Raises Refused.
        """
        return await asyncio.shield(self._task(self._clean(record, dry_run)))

    async def close(self) -> None:
        """Stop git: an unfinished worktree is created again by the next daemon."""
        self._closing = True
        self._processes.stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_CLOSE_S)
            for task in late:
                task.cancel()  # it waits for a store that cannot be written
        self._pool.shutdown()

    async def _prepare(self, record: JobRecord, ready: Callable[[str | None, Sequence[str]], None]) -> None:
        async with self._turn(record.id):
            problem, git_directories = await self._made(record)
        if not self._closing:
            ready(problem, git_directories)

    async def _made(self, record: JobRecord) -> tuple[str | None, Sequence[str]]:
        """Plan and create the worktree; returns the problem, if there is one, and the directories of git."""
        git, used = self._git(record), _may_be_in_use(record)
        try:
            tree = record.status.worktree or await self._planned(git, record)
            await self._in_thread(functools.partial(create.create_worktree, git, tree, used=used))
            return None, await self._in_thread(create.list_git_directories, git, tree)
        except (create.WorktreeUnavailable, GitError, OSError) as exc:
            log.warning("worktree_not_made job=%s error=%s", record.id, exc)
            left = record.status.worktree
            if (
                left is not None
                and not used
                and not self._closing
                and await self._in_thread(create.discard_worktree, git, left)
            ):
                record.status.worktree = None  # recorded with the end of the attempt, which is next
            return f"no worktree: {exc}", ()

    def _git(self, record: JobRecord) -> Git:
        """Git with the job's environment; with the daemon's if that is lost, or the agent is no longer configured."""
        try:
            environment = self._launcher.environment(record)
        except Refused:  # of a launch; a worktree can be removed nevertheless
            environment = self._launcher.base
        return Git(environment, record.spec.umask, self._processes)

    async def _planned(self, git: Git, record: JobRecord) -> Worktree:
        directory = record.spec.cwd or record.spec.directory
        tree = await self._in_thread(create.plan_worktree, git, directory, record.id, self._trees_dir)
        record.status.worktree = tree
        await self._journal.commit(record, self._journal.events.worktree(record))
        return tree

    async def _clean(self, record: JobRecord, dry_run: bool) -> str | None:
        async with self._turn(record.id):
            if not record.status.state.is_final:
                raise wrong_state(record, ErrorCode.JOB_NOT_FINAL, UNTIL_ENDED)
            tree = record.status.worktree
            if tree is None:
                raise Refused(ErrorCode.NO_WORKTREE, f"job {record.id} has no worktree")
            why = await self._in_thread(
                cleaning.find_unsaved_work if dry_run else cleaning.remove_worktree, self._git(record), tree
            )
            if why is None and not dry_run:
                record.status.worktree = None
                self._table.worktree_removed(record)
                await self._journal.commit(record, self._journal.events.worktree(record))
                log.info("worktree_removed job=%s path=%s", record.id, tree.path)
            return why

    def _turn(self, job: str) -> asyncio.Lock:
        return self._turns.setdefault(job, asyncio.Lock())

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)

    def _task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _may_be_in_use(record: JobRecord) -> bool:
    """Whether an agent may have worked in the tree: an earlier attempt may have started."""
    return any(each.started_at is not None or each.outcome is Outcome.LOST for each in record.status.attempts[:-1])
