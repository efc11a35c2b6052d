"""What a job has changed since its worktree was created: committed, uncommitted and new files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from luzia_protocol.jobs import Worktree

from luzia_client.trees import WorktreeError, has_directory
from luzia_client.trees.git import git_environment, read_git, run_git
from luzia_client.trees.programs import diff_options, neutral_options

MAX_INDEX_BYTES = 2 * 1024**3
"""More than the index of the largest repositories."""


def print_diff(tree: Worktree, *, stat: bool) -> int:
    """Let git print the changes, with the user's colours and pager; returns git's exit code."""
    with _revisions(tree) as (directory, revisions, env):
        options = ["--stat"] if stat else []
        argv = _diff_command(directory, *options, *revisions, "--")
        return subprocess.call(argv, cwd=directory, env=git_environment(env))


def open_difftool(tree: Worktree) -> int:
    """Let git open each changed file in the user's diff tool, and return its exit code. Raises WorktreeError."""
    with _revisions(tree) as (directory, revisions, env):
        if diff_options(directory):
            hint = f"See `git -C {directory} config --show-scope --get-regexp '^diff\\.'`."
            raise WorktreeError("the repository's own settings name a program that git would run instead", hint)
        argv = ["git", *neutral_options(directory), "difftool", "--no-prompt", *revisions, "--"]
        return subprocess.call(argv, cwd=directory, env=git_environment(env))


def diff_text(tree: Worktree, *, colour: bool, max_bytes: int) -> bytes:
    """The changes as git prints them without a pager, cut at `max_bytes`."""
    colours = "--color=always" if colour else "--color=never"
    with _revisions(tree) as (directory, revisions, env):
        argv = _diff_command(directory, colours, *revisions, "--")
        return read_git(argv, directory, git_environment(env), max_bytes)


def changed_files(tree: Worktree) -> list[tuple[str, int | None, int | None]]:
    """The changed files: path, lines added and deleted (None for a binary file)."""
    with _revisions(tree) as (directory, revisions, env):
        output = run_git(directory, "diff", "--numstat", "--no-renames", "-z", *revisions, "--", env=env)
    rows = [entry.split("\t", 2) for entry in output.names]
    return [(path, _count(added), _count(deleted)) for added, deleted, path in rows]


def _diff_command(directory: str, *args: str) -> list[str]:
    return ["git", *neutral_options(directory), "diff", *diff_options(directory), *args]


@contextmanager
def _revisions(tree: Worktree) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """The directory, the revisions and the variables for `git diff`.

    New files are included by a copy of the index that has them; the worktree's own index stays unchanged.
    """
    if not has_directory(tree):
        if not os.path.isdir(tree.repository):
            raise WorktreeError(f"neither {tree.path} nor {tree.repository} exists")
        yield tree.repository, [tree.base, f"refs/heads/{tree.branch}"], {}
        return
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        yield tree.path, [tree.base], {"GIT_INDEX_FILE": copy_index(tree.path, scratch, "--intent-to-add")}


def copy_index(directory: str, scratch: str, *add_options: str, env: Mapping[str, str] | None = None) -> str:
    """A copy of a worktree's index, in `scratch`, with every file added. add_options: options of `git add`.

    env: more variables for it.

    In a sparse checkout, git would leave out the files that were written outside of it.
    """
    index = os.path.join(scratch, "index")
    own = os.path.join(directory, run_git(directory, "rev-parse", "--git-path", "index").line)
    if os.path.exists(own):
        if os.stat(own).st_size > MAX_INDEX_BYTES or not os.path.isfile(own):  # a job can write there
            raise WorktreeError(f"{own} is no index of git")
        shutil.copy2(own, index)  # with its time, from which git sees files that changed at the same time
    sparse = run_git(directory, "config", "--type=bool", "core.sparseCheckout", codes=(0, 1)).line == "true"
    options = [*add_options, "--sparse"] if sparse else add_options
    run_git(directory, "add", *options, "--", ".", env={**(env or {}), "GIT_INDEX_FILE": index})
    return index


def _count(text: str) -> int | None:
    return None if text == "-" else int(text)
