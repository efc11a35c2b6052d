"""What of a job's work is not merged yet, by file and hunk: committed, uncommitted and new files together.

Both sides are trees of git, so what is shown is exactly what a merge takes, and no filter, hook or program runs to
compare them.
"""

from __future__ import annotations

import os

import msgspec

from luzia_protocol.jobs import Worktree

from luzia_client.trees import WorktreeError
from luzia_client.trees.content import read_content
from luzia_client.trees.git import git_environment, is_ancestor, read_git, resolve_commit, run_git
from luzia_client.trees.patch import FileChange, parse_changes
from luzia_client.trees.programs import neutral_options

MAX_PATCH_BYTES = 32 * 1024 * 1024
"""How much of a diff is read; the files after it have no hunks."""
_OPTIONS = (
    "-r",
    "--find-renames",
    "-l1000",
    "--full-index",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=none",
)
_PATCH = ("--patch", "--no-color", "--unified=3", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/")


class Changes(msgspec.Struct, frozen=True):
    """The unmerged work of a job. base: the commit with which it is compared. content: git's name of all its files.

    Equal names of `content` are equal files: a Selection with this name is refused when the work has changed since.
    """

    base: str
    content: str
    files: list[FileChange]


def read_changes(tree: Worktree, *, max_bytes: int = MAX_PATCH_BYTES) -> Changes:
    """The work that a merge would bring, as it is now. Nothing is changed. Raises WorktreeError."""
    base = find_base(tree)
    content, _ = read_content(tree)
    return compare(tree.repository, base, content, max_bytes=max_bytes)


def find_base(tree: Worktree) -> str:
    """The commit with which the work is compared: where its branch has last been in common with its target.

    That is where the worktree began, until a part of its work is merged, or its target is merged into its branch. With
    the work of another job it is where its own work began.
    """
    if not os.path.isdir(tree.repository):
        raise WorktreeError(f"the project's repository {tree.repository} does not exist")
    tip = resolve_commit(tree.repository, f"refs/heads/{tree.branch}")
    onto = None if tree.onto is None else resolve_commit(tree.repository, f"refs/heads/{tree.onto}")
    if tip is None or onto is None:
        return tree.base
    common = run_git(tree.repository, "merge-base", onto, tip, codes=(0, 1)).line
    return common if common and is_ancestor(tree.repository, tree.base, common) else tree.base


def compare(directory: str, base: str, content: str, *, max_bytes: int = MAX_PATCH_BYTES) -> Changes:
    """The changes between a commit and a tree of git. Raises WorktreeError."""
    raw = run_git(directory, "diff-tree", *_OPTIONS, "--raw", "-z", base, content).names
    printed = _read_patch(directory, base, content, max_bytes) if raw else b""
    return Changes(base, content, parse_changes(raw, printed, cut=len(printed) == max_bytes))


def _read_patch(directory: str, base: str, content: str, max_bytes: int) -> bytes:
    """The first bytes of the patch."""
    settings = (*neutral_options(directory), "-c", "diff.suppressBlankEmpty=false")
    argv = ["git", *settings, "diff-tree", *_OPTIONS, *_PATCH, base, content]
    return read_git(argv, directory, git_environment({"LC_ALL": "C"}), max_bytes)
