"""Which worktrees of one repository change the same files, whether they conflict, and in which order to merge them.

`git merge-tree` is the proof. Whatever it has to write is in a temporary directory: the repository is only read. What a
job has not committed counts as well. For `luzia collisions` and `luzia merge-order`; while jobs run, luziad compares by
itself (luziad/worktrees/overlap.py).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations

import msgspec

from luzia_protocol.jobs import Job, Worktree

from luzia_client.trees import WorktreeError, has_directory
from luzia_client.trees.diff import copy_index
from luzia_client.trees.git import run_git

MAX_TREES = 50
"""The worktrees of one repository that are compared, the newest ones."""
_IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "luzia"), ("EMAIL", "luzia@localhost"))
}


class Collision(msgspec.Struct, frozen=True):
    """Two jobs that change the same files. conflicts: those that git cannot merge; empty if it can merge all."""

    repository: str
    jobs: tuple[str, str]
    files: list[str]
    conflicts: list[str]


class PlannedMerge(msgspec.Struct, frozen=True):
    """A job in the proposed order. conflicts: the files that conflict when the jobs before it are merged.

    with_jobs: the jobs before it with which it conflicts; empty if it conflicts with the branch `onto` itself.
    """

    job: str
    onto: str
    conflicts: list[str]
    with_jobs: list[str]


class Overlap(msgspec.Struct, frozen=True):
    """What was found. unreadable: the jobs whose worktrees git could not read, and why. left_out: older jobs."""

    collisions: list[Collision]
    unreadable: dict[str, str]
    left_out: list[str]


class MergePlan(msgspec.Struct, frozen=True):
    """The proposed order: what merges cleanly first. unreadable, left_out: as in Overlap."""

    merges: list[PlannedMerge]
    unreadable: dict[str, str]
    left_out: list[str]


class _Work(msgspec.Struct, frozen=True):
    """A job's work: the commit that has all of it, and the files that it changes."""

    job: str
    tree: Worktree
    commit: str
    files: frozenset[str]


def find_collisions(jobs: Iterable[Job]) -> Overlap:
    """Compare the work of jobs, finished or not, repository by repository. jobs: newest first; others are ignored.

    Racers of one race are not compared with each other, since only one of them is accepted.
    """
    overlap = Overlap([], {}, [])
    jobs = list(jobs)
    races = {job.id: job.race.id for job in jobs if job.race is not None}
    for repository, trees in _by_repository(jobs, overlap.left_out):
        with _scratch_objects(repository) as env:
            works = _works(trees, env, overlap.unreadable)
            for first, second in combinations(works, 2):
                files = sorted(first.files & second.files)
                if files and races.get(first.job, first.job) != races.get(second.job, second.job):
                    _, conflicts = _merge(repository, first.commit, second.commit, env)
                    overlap.collisions.append(Collision(repository, (first.job, second.job), files, conflicts))
    return overlap


def plan_merges(jobs: Iterable[Job]) -> MergePlan:
    """An order in which finished work can be merged, and which of it will conflict. jobs: as in find_collisions.

    At each step the job comes next that merges cleanly and conflicts with the fewest of the others, the oldest first.
    """
    plan = MergePlan([], {}, [])
    for repository, trees in _by_repository((job for job in jobs if job.state.is_final), plan.left_out):
        with _scratch_objects(repository) as env:
            works = _works(trees, env, plan.unreadable)
            for onto in dict.fromkeys(work.tree.onto for work in works if work.tree.onto is not None):
                plan.merges.extend(_order(repository, onto, [work for work in works if work.tree.onto == onto], env))
    return plan


def _order(repository: str, onto: str, works: Sequence[_Work], env: dict[str, str]) -> Iterator[PlannedMerge]:
    current = run_git(repository, "rev-parse", f"refs/heads/{onto}^{{commit}}", env=env).line
    hostile: dict[str, set[str]] = {work.job: set() for work in works}
    for first, second in combinations(works, 2):
        if first.files & second.files and _merge(repository, first.commit, second.commit, env)[1]:
            hostile[first.job].add(second.job)
            hostile[second.job].add(first.job)
    merged: list[str] = []
    left = list(works)
    while left:
        names = {work.job for work in left}
        for work in sorted(left, key=lambda each: len(hostile[each.job] & names)):
            content, conflicts = _merge(repository, current, work.commit, env)
            if not conflicts:
                break
        else:
            break
        parents = ("-p", current, "-p", work.commit)
        current = run_git(repository, "commit-tree", content, *parents, "-m", "merge", env=env | _IDENTITY).line
        left.remove(work)
        merged.append(work.job)
        yield PlannedMerge(work.job, onto, [], [])
    for work in left:
        _, conflicts = _merge(repository, current, work.commit, env)
        yield PlannedMerge(work.job, onto, conflicts, [job for job in merged if job in hostile[work.job]])


def _by_repository(jobs: Iterable[Job], left_out: list[str]) -> Iterator[tuple[str, list[tuple[str, Worktree]]]]:
    """The repositories with the worktrees of at least one job, the oldest job first."""
    found: dict[str, list[tuple[str, Worktree]]] = {}
    for job in jobs:
        if job.worktree is not None and (job.race is None or not job.race.check):
            trees = found.setdefault(job.worktree.repository, [])
            if len(trees) < MAX_TREES:
                trees.append((job.id, job.worktree))
            else:
                left_out.append(job.id)
    for repository, trees in found.items():
        yield repository, trees[::-1]


@contextmanager
def _scratch_objects(repository: str) -> Iterator[dict[str, str]]:
    """The variables with which git writes objects into a temporary directory. Raises WorktreeError."""
    if not os.path.isdir(repository):
        raise WorktreeError(f"the project's repository {repository} does not exist")
    objects = os.path.join(repository, run_git(repository, "rev-parse", "--git-path", "objects").line)
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        yield {"GIT_OBJECT_DIRECTORY": scratch, "GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{objects}"'}


def _works(trees: Sequence[tuple[str, Worktree]], env: dict[str, str], unreadable: dict[str, str]) -> list[_Work]:
    works: list[_Work] = []
    for job, tree in trees:
        try:
            commit = _commit_of_all(tree, env)
            changed = run_git(
                tree.repository, "diff", "--name-only", "--no-renames", "-z", tree.base, commit, "--", env=env
            )
        except (WorktreeError, OSError) as exc:
            unreadable[job] = str(exc)
        else:
            works.append(_Work(job, tree, commit, frozenset(changed.names)))
    return works


def _commit_of_all(tree: Worktree, env: dict[str, str]) -> str:
    """A commit of everything in the worktree, or that of its branch. Raises WorktreeError."""
    if not has_directory(tree):
        return run_git(tree.repository, "rev-parse", f"refs/heads/{tree.branch}^{{commit}}", env=env).line
    head = run_git(tree.path, "rev-parse", "HEAD^{commit}", env=env).line
    if not run_git(tree.path, "status", "--porcelain", "-z", env=env).out:
        return head
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        index = copy_index(tree.path, scratch, "--all", env=env)
        content = run_git(tree.path, "write-tree", env=env | {"GIT_INDEX_FILE": index}).line
    return run_git(tree.path, "commit-tree", content, "-p", head, "-m", "all", env=env | _IDENTITY).line


def _merge(repository: str, first: str, second: str, env: dict[str, str]) -> tuple[str, list[str]]:
    """The tree of the merge of two commits, and the files that conflict. Raises WorktreeError."""
    args = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", first, second)
    output = run_git(repository, *args, codes=(0, 1, 129), env=env)
    if output.code == 129:
        raise WorktreeError("comparing the work of jobs requires git 2.38 or newer", "Update git.")
    content, *conflicts = output.names
    return content, conflicts
