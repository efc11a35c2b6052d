"""The git worktrees of jobs: makes one ready before an attempt starts, and removes it when no work would be lost.

Git runs on threads of its own, so that neither the event loop nor other file work waits for it. For one job only one
operation runs at a time, so that a worktree is not removed while an attempt is about to use it.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import DiscardedWork, Outcome, Worktree
from luzia_protocol.states import JobState

from luziad.attempts.launch import NO_WORKTREE, Launcher, PreparedWorktree
from luziad.attempts.setup import Setup
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord
from luziad.jobs.refusals import UNTIL_ENDED, wrong_state
from luziad.jobs.table import JobTable
from luziad.journal.journal import Journal
from luziad.supervise.system_errors import describe_error
from luziad.worktrees import clean as cleaning
from luziad.worktrees import create, overlap, provision, submodules
from luziad.worktrees import discard as discarding
from luziad.worktrees.git import Git, GitError, GitProcesses

log = logging.getLogger("luziad.worktrees")

T = TypeVar("T")
_CLOSE_S = 5.0
MAX_THREADS_OF_PROJECT = 2


_NOT_DISCARDED = "Nothing was removed. Correct what the message names, then run `luzia discard {}` again."


class Worktrees(JobObserver):
    """trees_dir: the directory of the worktrees. launcher: knows the environment of a job, which its git gets.

    threads: those on which git is used, which end with this object.
    """

    def __init__(
        self, launcher: Launcher, trees_dir: str, table: JobTable, journal: Journal, threads: ThreadPoolExecutor
    ) -> None:
        self._launcher = launcher
        self._processes = GitProcesses()
        self._trees_dir = trees_dir
        self._table = table
        self._journal = journal
        self._pool = threads
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._preparing: dict[str, GitProcesses] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    def prepare(self, record: JobRecord, ready: Callable[[str | None, PreparedWorktree], None]) -> None:
        """Create the job's worktree if it does not exist, then call `ready` with None, or with the problem."""
        self._task(self._prepare(record, ready))

    def job_changed(self, record: JobRecord) -> None:
        """End the git of a job that is stopped while its worktree is being prepared."""
        if record.status.state is JobState.STOPPING and (processes := self._preparing.get(record.id)) is not None:
            processes.stop()

    def job_ended(self, record: JobRecord) -> None:
        """Unlock the job's worktree, and remove it if its project is so configured and nothing in it was changed."""
        if record.status.worktree is not None:
            self._task(self._release(record))

    async def clean(self, record: JobRecord, *, dry_run: bool = False) -> str | None:
        """Remove the job's worktree unless work would be lost; returns why it stays, or None.

        dry_run: only check. It is not interrupted when the caller is cancelled. Raises Refused.
        """
        return await asyncio.shield(self._task(self._clean(record, dry_run)))

    async def discard(self, record: JobRecord, note: Callable[[JobRecord, Worktree, str], None]) -> None:
        """Remove the job's worktree, and keep a copy of its work. It is not interrupted. Raises Refused.

        note: enters the commit with the copy in the record, before anything is removed.
        """
        await asyncio.shield(self._task(self._discard(record, note)))

    async def restore(self, record: JobRecord) -> None:
        """Make the worktree again that was discarded. It is not interrupted. Raises Refused."""
        await asyncio.shield(self._task(self._restore(record)))

    async def settle(self, job: str) -> None:
        """Wait until nothing is being done with the worktree of a job."""
        async with self._turn(job):
            return

    def delete_copy(self, record: JobRecord) -> None:
        """Delete the copy of the job's discarded work."""
        self._task(self._delete_copy(record))

    async def list_changed(self, record: JobRecord, tree: Worktree) -> frozenset[str] | None:
        """The files that a job's worktree changes, committed or not; None when git cannot tell."""
        try:
            return await self._in_thread(record, overlap.list_changed, self._git(record), tree)
        except (GitError, OSError) as exc:  # it may be removed just now
            log.info("worktree_not_compared job=%s error=%s", record.id, describe_error(exc))
            return None

    async def prove(self, first: tuple[JobRecord, Worktree], second: tuple[JobRecord, Worktree]) -> overlap.Proof:
        """Whether git can merge the work of two jobs of one repository."""
        (one, one_tree), (other, other_tree) = first, second
        works = (one.id, one_tree), (other.id, other_tree)
        try:
            return await self._in_thread(one, overlap.prove, self._git(one), *works)
        except (GitError, OSError) as exc:
            log.info("merge_not_proved job=%s other=%s error=%s", one.id, other.id, describe_error(exc))
            return overlap.Proof(None, [])

    async def close(self) -> None:
        """Stop git: an unfinished worktree is created again by the next daemon."""
        self._closing = True
        for processes in (self._processes, *self._preparing.values()):
            processes.stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_CLOSE_S)
            for task in late:
                task.cancel()  # it waits for a store that cannot be written
        self._pool.shutdown()

    async def _prepare(self, record: JobRecord, ready: Callable[[str | None, PreparedWorktree], None]) -> None:
        async with self._turn(record.id):
            self._preparing[record.id] = GitProcesses()
            try:
                problem, worktree = await self._made(record)
            finally:
                del self._preparing[record.id]
        if not self._closing:
            ready(problem, worktree)

    async def _made(self, record: JobRecord) -> tuple[str | None, PreparedWorktree]:
        """Plan and create the worktree, and give it its files; returns the problem, if there is one."""
        git, used = self._git(record), _may_be_in_use(record)
        try:
            tree = record.status.worktree or await self._planned(git, record)
            await self._in_thread(record, functools.partial(create.create_worktree, git, tree, used=used))
            await self._in_thread(record, create.lock_worktree, git, tree)
            setup = await self._in_thread(record, self._provide, git, tree, record)
            directories = await self._in_thread(record, create.list_git_directories, git, tree)
            return None, PreparedWorktree(directories, setup, await self._in_thread(record, self._copied, tree, record))
        except (create.WorktreeUnavailable, GitError, OSError) as exc:
            log.warning("worktree_not_made job=%s error=%s", record.id, exc)
            left = record.status.worktree
            if (
                left is not None
                and not used
                and not git.processes.stopped
                and await self._in_thread(record, create.discard_worktree, git, left)
            ):
                record.status.worktree = None  # recorded with the end of the attempt, which is next
            return f"no worktree: {describe_error(exc)}", NO_WORKTREE

    def _provide(self, git: Git, tree: Worktree, record: JobRecord) -> Setup | None:
        """Give a new worktree its files; returns the setup, if it is due. Runs on a thread."""
        project, directory = self._launcher.config.project(record.project).worktrees, record.spec.directory
        done = provision.provide_files(git, tree, directory, project.copy, project.link)
        if done is None:
            return None
        if project.setup is not None:
            return Setup(project.setup, provision.project_directory(tree, directory), done)
        with open(done, "xb"):
            return None

    def _copied(self, tree: Worktree, record: JobRecord) -> list[str]:
        """What the worktree has copies of, as paths in it, for a job whose node has to get them, too."""
        names = self._launcher.config.project(record.project).worktrees.copy
        if record.executor is None or not names:
            return []
        place = provision.project_directory(tree, record.spec.directory)
        return [os.path.relpath(os.path.join(place, name), tree.path) for name in names]

    def _git(self, record: JobRecord) -> Git:
        """Git with the job's environment; with the daemon's if that is lost, or the agent is no longer configured."""
        try:
            environment = self._launcher.environment(record)
        except Refused:  # of a launch; a worktree can be removed nevertheless
            environment = self._launcher.base
        return Git(environment, record.spec.umask, self._preparing.get(record.id, self._processes))

    async def _planned(self, git: Git, record: JobRecord) -> Worktree:
        if record.race is None:
            return await self._plan(git, record)
        async with self._turn(f"race {record.race.id}"):  # the others begin where the first one does
            return await self._plan(git, record)

    async def _plan(self, git: Git, record: JobRecord) -> Worktree:
        directory = record.spec.cwd or record.spec.directory
        base, onto = await self._base(git, record)
        tree = await self._in_thread(
            record, create.plan_worktree, git, directory, record.id, self._trees_dir, base, onto
        )
        record.status.worktree = tree
        await self._journal.commit(record, self._journal.events.worktree(record))
        return tree

    async def _base(self, git: Git, record: JobRecord) -> tuple[str | None, str | None]:
        """At what the job's worktree begins, and into which branch it is merged; see create.plan_worktree."""
        options = record.spec.launch_options
        if options is not None and options.with_work and record.status.dependencies is not None:
            (name,) = record.status.dependencies.parents
            parent = self._table.get(name)
            if parent is not None and parent.status.discarded is not None and parent.status.worktree is None:
                raise create.WorktreeUnavailable(f"the work of job {name} was discarded")
            if parent is not None and parent.status.worktree is not None:
                return await self._work_of(git, parent, parent.status.worktree)
            # Otherwise nothing was left: it was merged, or there was none.
        if record.race is not None and (first := self._of_race(record.race.id)) is not None:
            return first.base, first.onto
        own = options.base if options is not None else None
        return own or self._launcher.config.project(record.project).worktrees.base, None

    def _of_race(self, race: str) -> Worktree | None:
        """The worktree of a racer that has begun: all racers begin at its commit."""
        for record in self._table.newest_first():
            if record.race is not None and record.race.id == race and not record.race.check:
                kept = record.status.discarded
                tree = record.status.worktree or (kept.worktree if kept is not None else None)
                if tree is not None:
                    return tree
        return None

    async def _work_of(self, git: Git, parent: JobRecord, tree: Worktree) -> tuple[str, str | None]:
        async with self._turn(parent.id):
            try:
                commit = await self._in_thread(parent, discarding.commit_of_all, git, tree, parent.id)
                await self._in_thread(parent, submodules.publish, git, tree)
                return commit, tree.onto
            except discarding.CannotDiscard as exc:
                raise create.WorktreeUnavailable(f"the work of job {parent.id} cannot be copied: {exc}") from exc

    async def _release(self, record: JobRecord) -> None:
        async with self._turn(record.id):
            tree = record.status.worktree
            if tree is None or self._closing or not record.status.state.is_final:
                return
            await self._unlock(record, tree)
            auto_remove = self._launcher.config.project(record.project).worktrees.auto_remove
            if auto_remove and await self._was_unchanged(record, tree):
                record.status.worktree = None
                await self._changed(record)
                log.info("unchanged_worktree_removed job=%s path=%s", record.id, tree.path)

    async def _was_unchanged(self, record: JobRecord, tree: Worktree) -> bool:
        """Remove the worktree if nothing in it was changed; whether it was."""
        try:
            return await self._in_thread(record, cleaning.remove_unchanged, self._git(record), tree)
        except GitError:  # it is logged, and stays
            return False

    async def _unlock(self, record: JobRecord, tree: Worktree) -> None:
        try:
            await self._in_thread(record, create.unlock_worktree, self._git(record), tree)
        except (GitError, OSError) as exc:  # `clean` and `discard` will report it
            log.warning("worktree_not_unlocked job=%s error=%s", record.id, describe_error(exc))

    async def _clean(self, record: JobRecord, dry_run: bool) -> str | None:
        async with self._turn(record.id):
            tree = _ended_tree(record)
            if not dry_run:
                await self._unlock(record, tree)
            look = cleaning.find_unsaved_work if dry_run else cleaning.remove_worktree
            try:
                why = await self._in_thread(record, look, self._git(record), tree)
            except GitError as exc:
                why = f"it cannot be inspected: {exc}"
            if why is None and not dry_run:
                record.status.worktree = None
                await self._changed(record)
                log.info("worktree_removed job=%s path=%s", record.id, tree.path)
            return why

    async def _discard(self, record: JobRecord, note: Callable[[JobRecord, Worktree, str], None]) -> None:
        async with self._turn(record.id):
            tree = _ended_tree(record)
            await self._unlock(record, tree)
            try:
                commit = await self._in_thread(record, discarding.keep_work, self._git(record), tree, record.id)
                if commit is not None:
                    note(record, tree, commit)
                    await self._changed(record)
                await self._in_thread(record, discarding.remove_kept, self._git(record), tree)
            except (discarding.CannotDiscard, create.WorktreeUnavailable, GitError, OSError) as exc:
                message = f"the work of job {record.id} cannot be discarded: {describe_error(exc)}"
                raise Refused(ErrorCode.WORKTREE_KEPT, message, _NOT_DISCARDED.format(record.id)) from exc
            record.status.worktree = None
            await self._changed(record)
            log.info("work_discarded job=%s path=%s commit=%s", record.id, tree.path, commit)

    async def _restore(self, record: JobRecord) -> None:
        async with self._turn(record.id):
            kept = record.status.discarded
            if kept is None:
                raise Refused(ErrorCode.NOTHING_DISCARDED, f"no discarded work of job {record.id} is kept")
            if not record.status.state.is_final:
                raise wrong_state(record, ErrorCode.JOB_NOT_FINAL, UNTIL_ENDED)
            if record.status.worktree is not None:
                hint = f"Merge it (`luzia merge {record.id}`), clean it (`luzia clean {record.id}`), or discard it too."
                raise Refused(ErrorCode.WORKTREE_KEPT, f"job {record.id} has another worktree now", hint)
            try:
                await self._in_thread(record, discarding.restore_work, self._git(record), kept.worktree, kept.commit)
            except (discarding.CannotDiscard, GitError, OSError) as exc:
                message = f"the work of job {record.id} cannot be restored: {describe_error(exc)}"
                raise Refused(ErrorCode.WORKTREE_KEPT, message, f"It is kept in the commit {kept.commit}.") from exc
            record.status.worktree, record.status.discarded, record.status.discarded_until = kept.worktree, None, None
            await self._changed(record)
            await self._delete_reference(record, kept)
            log.info("work_restored job=%s path=%s", record.id, kept.worktree.path)

    async def _delete_copy(self, record: JobRecord) -> None:
        async with self._turn(record.id):
            kept = record.status.discarded
            if kept is None or self._closing:
                return  # it was restored just now, or the next daemon does it
            await self._delete_reference(record, kept)
            if self._table.get(record.id) is record:
                record.status.discarded = record.status.discarded_until = None
                await self._changed(record)

    async def _delete_reference(self, record: JobRecord, kept: DiscardedWork) -> None:
        try:
            await self._in_thread(
                record, discarding.delete_copy, self._git(record), kept.worktree, record.id, kept.commit
            )
        except GitError as exc:
            log.warning("discarded_work_not_deleted job=%s commit=%s error=%s", record.id, kept.commit, exc)

    async def _changed(self, record: JobRecord) -> None:
        """Record a change of the job's worktree or of its discarded work."""
        self._table.work_changed(record)
        await self._journal.commit(record, self._journal.events.worktree(record))

    def _turn(self, job: str) -> asyncio.Lock:
        return self._turns.setdefault(job, asyncio.Lock())

    async def _in_thread(self, record: JobRecord, work: Callable[..., T], *arguments: Any) -> T:
        """Use git on a thread. One project never has all threads: a job can make its repository hang."""
        async with self._shares.setdefault(record.spec.directory, asyncio.Semaphore(MAX_THREADS_OF_PROJECT)):
            try:
                return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
            except (GitError, OSError, create.WorktreeUnavailable, discarding.CannotDiscard):
                raise
            except Exception as exc:  # a job decides what it finds: directories of any depth, names with a NUL
                log.exception("worktree_failed job=%s", record.id)
                raise GitError(f"{type(exc).__name__}: {exc}") from exc

    def _task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _may_be_in_use(record: JobRecord) -> bool:
    """Whether an agent may have worked in the tree: an earlier attempt may have started."""
    return any(each.started_at is not None or each.outcome is Outcome.LOST for each in record.status.attempts[:-1])


def _ended_tree(record: JobRecord) -> Worktree:
    """The worktree of a job that has ended. Raises Refused for another state, and without a worktree."""
    if not record.status.state.is_final:
        raise wrong_state(record, ErrorCode.JOB_NOT_FINAL, UNTIL_ENDED)
    if record.status.worktree is not None:
        return record.status.worktree
    if record.status.discarded is None:
        raise Refused(ErrorCode.NO_WORKTREE, f"job {record.id} has no worktree")
    hint = f"Restore it with `luzia restore-work {record.id}`."
    raise Refused(ErrorCode.NO_WORKTREE, f"the work of job {record.id} was discarded", hint)
