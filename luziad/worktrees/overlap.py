"""Which files a worktree changes, and whether git can merge the work of two. Nothing of them or of git is changed.

What is not committed counts as well. What git has to write for the proof is in a temporary directory.
luziad/attempts/collision_watch.py says when; `luzia collisions` has luzia_client/trees/overlap.py.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

from luzia_protocol.jobs import Worktree

from luziad.worktrees.create import BRANCHES
from luziad.worktrees.discard import CannotDiscard, commit_of_all
from luziad.worktrees.git import Git, GitError

_NEEDS_NEWER_GIT = 129
"""The exit code of a git that has no `merge-tree --write-tree`, which are those before 2.38."""


MAX_CHANGED_FILES = 20_000
_MAX_NAMES_BYTES = 2 * 1024 * 1024
"""Worktrees that change more files than this are not compared: their names would be kept in memory."""


class Proof(NamedTuple):
    """Whether git can merge the work of two worktrees; None if that is not known. conflicts: what it cannot merge.

    contained: one of them has all work of the other, so they are no two works.
    """

    merges: bool | None
    conflicts: list[str]
    contained: bool = False


def list_changed(git: Git, tree: Worktree) -> frozenset[str]:
    """The files that differ from where the worktree began, committed or not, as text. Raises GitError."""
    difference = ("diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", tree.base)
    if not os.path.isdir(tree.path):
        return _few_names(git, tree.repository, *difference, BRANCHES + tree.branch, "--")
    tracked = _few_names(git, tree.path, *difference, "--")
    return tracked | _few_names(git, tree.path, "ls-files", "--others", "--exclude-standard", "-z")


def prove(git: Git, first: tuple[str, Worktree], second: tuple[str, Worktree]) -> Proof:
    """Merge the work of two jobs of one repository, and forget the result. Raises GitError and OSError."""
    repository = first[1].repository
    with _scratch(git, repository) as scratch:
        try:
            commits = [commit_of_all(scratch, tree, job) for job, tree in (first, second)]
        except CannotDiscard:
            return Proof(None, [])  # a commit cannot have all of it
        merged = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", *commits)
        output = scratch.run(repository, *merged, codes=(0, 1, _NEEDS_NEWER_GIT))
        if output.code == _NEEDS_NEWER_GIT:
            return Proof(None, [])
        content, *conflicts = output.out.rstrip(b"\0").split(b"\0")
        trees = [scratch.run(repository, "rev-parse", f"{commit}^{{tree}}").line for commit in commits]
        return Proof(not conflicts, sorted(_names(b"\0".join(conflicts))), os.fsdecode(content) in trees)


@contextlib.contextmanager
def _scratch(git: Git, repository: str) -> Iterator[Git]:
    """Git that writes its objects into a temporary directory."""
    objects = os.path.join(repository, git.run(repository, "rev-parse", "--git-path", "objects").line)
    if '"' in objects or "\n" in objects:
        raise GitError(f"the path {objects} cannot be given to git as an alternate")
    with tempfile.TemporaryDirectory(prefix="luzia-") as directory:
        yield git.writing_to(directory, f'"{objects}"')


def _few_names(git: Git, directory: str, *arguments: str) -> frozenset[str]:
    """The names that git prints. Raises GitError if there are too many."""
    output = git.run(directory, *arguments, max_bytes=_MAX_NAMES_BYTES).out
    if output.count(b"\0") > MAX_CHANGED_FILES:
        raise GitError(f"more than {MAX_CHANGED_FILES} files are changed")
    return _names(output)


def _names(output: bytes) -> frozenset[str]:
    return frozenset(name.decode(errors="replace") for name in output.split(b"\0") if name)
