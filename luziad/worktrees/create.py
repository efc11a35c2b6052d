"""Makes the tree of a job: first a plan, which is recorded, and then what the plan says, as often as it takes.

A tree that was begun and not finished (the daemon, git or the machine died) is recognised and made anew. One that an
agent may have worked in is never touched: it is used as it is, or the attempt fails and says why.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from luzia_protocol.jobs import Worktree

from luziad.worktrees.git import Git, GitError

BRANCHES = "refs/heads/"
_UNFINISHED = "initializing"
"""What git writes into the `locked` file of a worktree while it makes it."""


class Impossible(Exception):
    """No tree can be had here; the text says why and what to do."""


def plan(git: Git, directory: str, job: str, trees_dir: str) -> Worktree:
    """What the tree of a job will be; nothing is changed.

    directory: where the job would run without a tree. Raises Impossible and GitError.
    """
    if git.ask(directory, "rev-parse", "--is-inside-work-tree").line != "true":
        raise Impossible(f"{directory} is in a repository without a work tree")
    repository = git.ask(directory, "rev-parse", "--show-toplevel").line
    below = git.ask(directory, "rev-parse", "--show-prefix").line.rstrip("/")
    found = git.ask(directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", codes=(0, 1, 128))
    if found.code != 0:
        raise Impossible(f"{repository} has no commit yet: a worktree begins at one")
    base = found.line
    if git.ask(repository, "cat-file", "-e", f"{base}:.gitmodules", codes=(0, 1, 128)).code == 0:
        raise Impossible(f"{repository} has submodules, which a worktree would lack: run the job without one")
    if below and git.ask(repository, "cat-file", "-t", f"{base}:{below}", codes=(0, 128)).line != "tree":
        raise Impossible(f"{directory} is not in the last commit of {repository}: commit it first")
    path, branch = os.path.join(os.path.realpath(trees_dir), job), f"luzia/{job}"
    if os.path.lexists(path) or tip(git, repository, branch) is not None:
        raise Impossible(f"there is a tree {path} or a branch {branch} already, of another job of this name")
    status = git.ask(repository, "status", "--porcelain", "-z", "--ignore-submodules=none")
    return Worktree(
        path=path,
        directory=os.path.join(path, below) if below else path,
        branch=branch,
        base=base,
        onto=branch_of(git, repository),
        repository=repository,
        dirty=bool(status.out),
    )


def make(git: Git, tree: Worktree, *, used: bool) -> None:
    """Make the tree, unless it is there. used: an agent may have worked in it. Raises Impossible and GitError."""
    os.makedirs(os.path.dirname(tree.path), 0o700, exist_ok=True)
    with _alone(tree) as held:
        if os.path.lexists(tree.path):
            if _is_finished(git, tree):
                return
            if used:
                raise Impossible(f"{tree.path} is no worktree of {tree.repository} any more")
            shutil.rmtree(tree.path)
        known = tip(git, tree.repository, tree.branch) is not None
        what = [tree.path, tree.branch] if known else ["--no-track", "-b", tree.branch, tree.path, tree.base]
        force = [] if used else ["--force", "--force"]  # what is registered is what was not finished
        git.ask(tree.repository, "worktree", "add", "--quiet", *force, *what, held=held)


def undo(git: Git, tree: Worktree) -> bool:
    """Dependencies `make` failed for a tree that nobody has worked in: True when nothing is left of it."""
    try:
        if os.path.lexists(tree.path):
            git.ask(tree.repository, "worktree", "remove", "--force", "--force", "--", tree.path)
        if tip(git, tree.repository, tree.branch) is not None:
            git.ask(tree.repository, "update-ref", "-d", BRANCHES + tree.branch, tree.base)
    except GitError:
        return False
    return not os.path.lexists(tree.path)


def branch_of(git: Git, directory: str) -> str | None:
    """The branch that is checked out in a work tree, None for a detached head."""
    head = git.ask(directory, "symbolic-ref", "--quiet", "HEAD", codes=(0, 1))
    return head.line.removeprefix(BRANCHES) if head.code == 0 else None


def tip(git: Git, repository: str, branch: str) -> str | None:
    """The commit that a branch of the repository is at, None when there is no such branch."""
    found = git.ask(repository, "rev-parse", "--verify", "--quiet", BRANCHES + branch, codes=(0, 1, 128))
    return found.line if found.code == 0 else None


def _is_finished(git: Git, tree: Worktree) -> bool:
    ceiling = os.path.dirname(tree.path)
    top = git.ask(tree.path, "rev-parse", "--show-toplevel", codes=(0, 128), ceiling=ceiling)
    if top.code != 0 or os.path.realpath(top.line) != tree.path:
        return False
    locked = os.path.join(git.ask(tree.path, "rev-parse", "--absolute-git-dir", ceiling=ceiling).line, "locked")
    try:
        with open(locked, encoding="utf-8", errors="replace") as file:
            return file.read(100).strip() != _UNFINISHED
    except FileNotFoundError:
        return True


@contextmanager
def _alone(tree: Worktree) -> Iterator[int]:
    """One maker at a time, also when the git of a daemon that was killed still runs: it holds the lock, too."""
    path = os.path.join(os.path.dirname(tree.path), f".{os.path.basename(tree.path)}.lock")
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(descriptor)):
            break
        os.close(descriptor)  # whoever had it before has deleted it
    try:
        yield descriptor
    finally:
        os.unlink(path)
        os.close(descriptor)
