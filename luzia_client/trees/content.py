"""Everything that is in a worktree now as a tree or a commit of git, made without changing the worktree."""

from __future__ import annotations

import os
import tempfile

from luzia_protocol.jobs import Worktree

from luzia_client.trees import WorktreeError, has_directory
from luzia_client.trees.diff import copy_index
from luzia_client.trees.git import content_of, is_ancestor, list_names, resolve_commit, run_git
from luzia_client.trees.patch import SUBMODULE
from luzia_client.trees.programs import list_own_filters

_LIST_DIRTY = 'git status --porcelain --ignore-submodules=dirty | grep -q . && echo "$displaypath"; :'
_IN_PROGRESS = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "sequencer")


def read_content(tree: Worktree) -> tuple[str, list[str]]:
    """The tree of git with everything in the worktree, and the paths of other repositories that it has added.

    Without its directory, it is what its branch has. Raises WorktreeError.
    """
    if not has_directory(tree):
        tip = resolve_commit(tree.repository, f"refs/heads/{tree.branch}")
        if tip is None:
            raise WorktreeError(f"neither {tree.path} nor the branch {tree.branch} exists any more")
        return content_of(tree.repository, tip), []
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        env = {"GIT_INDEX_FILE": copy_index(tree.path, scratch, "--all")}
        head = resolve_commit(tree.path, "HEAD") or tree.base
        changed = run_git(tree.path, "diff-index", "--cached", "--raw", "--no-renames", "-z", head, env=env).names
        inner = [
            name
            for entry, name in zip(changed[::2], changed[1::2], strict=True)
            if entry.split()[1] == SUBMODULE and entry.split()[0] != f":{SUBMODULE}"
        ]
        return run_git(tree.path, "write-tree", env=env).line, inner


def move_branch(tree: Worktree, job: str, tip: str, commit: str, *, has_new_files: bool) -> None:
    """Move the job's branch from its tip to a commit, unless another process has moved it. Raises WorktreeError.

    has_new_files: the commit has changes of the worktree that were not committed yet, so its index changes, too.
    """
    if commit != tip:
        branch = f"refs/heads/{tree.branch}"
        run_git(tree.repository, "update-ref", "-m", f"luzia merge {job}", branch, commit, tip)
    if has_new_files:
        run_git(tree.path, "reset", "--quiet")


def commit_to_merge(tree: Worktree, tip: str, *, commit: bool, message: str) -> str:
    """The commit to merge: that of the branch, or a new one on top of it that no reference names yet.

    Raises WorktreeError if there is work that this commit would not have.
    """
    head = resolve_commit(tree.path, "HEAD")
    if head is not None and not is_ancestor(tree.path, head, tip):
        raise WorktreeError(
            f"the worktree has commits that are not on its branch {tree.branch} (a detached HEAD or another branch)",
            f"Move the branch there: git -C {tree.path} checkout -B {tree.branch}",
        )
    status = run_git(tree.path, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames").names
    if not status:
        return tip
    dirty = run_git(tree.path, "submodule", "--quiet", "foreach", "--recursive", _LIST_DIRTY, codes=(0, 1)).out
    if dirty:
        raise WorktreeError(
            f"the submodule {os.fsdecode(dirty.splitlines()[0])} has uncommitted changes",
            f"A commit would not include them: commit them there, in {tree.path}.",
        )
    if not commit:
        raise WorktreeError(
            f"the worktree has uncommitted changes: {list_names([entry[3:] for entry in status])}",
            "See them with `luzia diff`, then commit them there, or merge with --commit.",
        )
    twice = [entry[3:] for entry in status if entry[0] not in " ?" and entry[1] != " "]
    if twice:
        hint = f"Commit the right version in {tree.path}."
        raise WorktreeError(f"files were changed after they were staged: {list_names(twice)}", hint)
    own = run_git(tree.path, "rev-parse", "--absolute-git-dir").line
    if any(os.path.lexists(os.path.join(own, name)) for name in _IN_PROGRESS):
        raise WorktreeError("a git operation is in progress in the worktree", f"Finish it in {tree.path}.")
    if os.path.lexists(lock := os.path.join(own, "index.lock")):
        raise WorktreeError("a git command is running in the worktree, or was killed there", f"Then delete {lock}.")
    if run_git(tree.path, "symbolic-ref", "--quiet", "HEAD", codes=(0, 1)).line != f"refs/heads/{tree.branch}":
        raise WorktreeError(f"the worktree is not on its branch {tree.branch}", f"Commit in {tree.path}.")
    content, inner = read_content(tree)
    if inner:
        raise WorktreeError(
            f"the worktree contains another repository, which a commit would not include: {list_names(inner)}",
            f"Move it elsewhere, or commit in {tree.path}.",
        )
    if content == content_of(tree.path, tip):
        return tip  # the files differ only as they are checked out, such as in their line endings
    filtered = _list_filtered(tree, tip, content)
    if filtered:
        raise WorktreeError(
            f"a filter that only the repository's own settings name would not be applied to {list_names(filtered)}",
            f"Commit in {tree.path}, or configure the filter in your own settings, as `git lfs install` does.",
        )
    return run_git(tree.path, "commit-tree", content, "-p", tip, "-m", message).line


def _list_filtered(tree: Worktree, tip: str, content: str) -> list[str]:
    """The changed files whose filter git does without, so that a commit would have other contents than it should."""
    filters = list_own_filters(tree.path)
    if not filters:
        return []
    names = run_git(tree.path, "diff-tree", "-r", "--name-only", "--diff-filter=d", "-z", tip, content)
    fields = run_git(tree.path, "check-attr", "-z", "--stdin", "filter", stdin=names.out).names
    return [name for name, value in zip(fields[::3], fields[2::3], strict=True) if value in filters]
