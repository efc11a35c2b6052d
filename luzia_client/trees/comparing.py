"""What a job has changed since its worktree began: committed, uncommitted and new files alike."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from luzia_protocol.jobs import Worktree

from luzia_client.trees.errors import TreeError
from luzia_client.trees.git import ask, environment


def show(tree: Worktree, *, stat: bool) -> int:
    """Have git print the changes, with the colours and the pager that the user has set; returns git's exit code."""
    with _compared(tree) as (directory, revisions, env):
        options = ["--stat"] if stat else []
        return subprocess.call(["git", "diff", *options, *revisions, "--"], cwd=directory, env=environment(env))


def text(tree: Worktree, *, colour: bool, most: int) -> bytes:
    """The changes as git prints them, without a pager; at most so many bytes."""
    how = "--color=always" if colour else "--color=never"
    with _compared(tree) as (directory, revisions, env):
        try:
            git = subprocess.Popen(
                ["git", "diff", how, *revisions, "--"],
                cwd=directory,
                env=environment(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as exc:
            raise TreeError(f"git cannot be run in {directory}: {exc.strerror}") from exc
        with git:
            assert git.stdout is not None
            printed = git.stdout.read(most)
            if len(printed) == most:
                git.kill()
                return printed
    if git.returncode:
        raise TreeError(f"git diff ended with {git.returncode}")
    return printed


def files(tree: Worktree) -> list[tuple[str, int | None, int | None]]:
    """The changed files: path, lines added and deleted (None for a binary file)."""
    with _compared(tree) as (directory, revisions, env):
        answer = ask(directory, "diff", "--numstat", "--no-renames", "-z", *revisions, "--", env=env)
    rows = [entry.split("\t", 2) for entry in answer.names]
    return [(path, _count(added), _count(deleted)) for added, deleted, path in rows]


@contextmanager
def _compared(tree: Worktree) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Where to run `git diff`, with which revisions and variables.

    New files are seen by a copy of the index that names them; the tree's own index stays as it is.
    """
    if not os.path.isdir(tree.path):
        if not os.path.isdir(tree.repository):
            raise TreeError(f"neither {tree.path} nor {tree.repository} is there")
        yield tree.repository, [tree.base, f"refs/heads/{tree.branch}"], {}
        return
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        yield tree.path, [tree.base], {"GIT_INDEX_FILE": scratch_index(tree.path, scratch, "--intent-to-add")}


def scratch_index(directory: str, scratch: str, *how: str) -> str:
    """A copy of a work tree's index to which everything in the tree was added; `how`: options of `git add`."""
    index = os.path.join(scratch, "index")
    own = os.path.join(directory, ask(directory, "rev-parse", "--git-path", "index").line)
    if os.path.exists(own):
        shutil.copy2(own, index)  # with its time, by which git tells files that changed in the same instant
    ask(directory, "add", *how, "--", ".", env={"GIT_INDEX_FILE": index})
    return index


def _count(text: str) -> int | None:
    return None if text == "-" else int(text)
