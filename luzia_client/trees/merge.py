"""Merges a job's branch into the branch that was checked out in the project when the job started.

The merge commit is made without touching the project's files; then the project is fast-forwarded to it, which git does
completely or not at all. So a conflict or a refusal leaves everything unchanged.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

import msgspec

from luzia_protocol.jobs import Job, Worktree

from luzia_client.trees import WorktreeError
from luzia_client.trees.diff import copy_index
from luzia_client.trees.git import run_git

_IN_PROGRESS = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "sequencer")
_MAX_LISTED = 10


class MergeResult(msgspec.Struct, frozen=True):
    """A merge. commit: the new head of `onto`. commits: the number of commits that it gained from the branch."""

    job: str
    branch: str
    onto: str
    commit: str
    commits: int


def merge_branch(
    job: Job, tree: Worktree, *, commit: bool, message: str | None, check: Callable[[str], None] | None = None
) -> MergeResult:
    """Merge the branch of a final job.

    commit: first commit the uncommitted changes of its worktree, with `message` or the first line of the task.
    check: is called with the merged commit before any branch is moved; an exception from it changes nothing.
    Raises WorktreeError.
    """
    branch = f"refs/heads/{tree.branch}"
    if not os.path.isdir(tree.repository):
        raise WorktreeError(f"the project's repository {tree.repository} does not exist")
    tip = _resolve_commit(tree.repository, branch)
    if tip is None:
        raise WorktreeError(f"the branch {tree.branch} does not exist any more")
    last = _commit_to_merge(tree, tip, commit, message or _title(job)) if os.path.isdir(tree.path) else tip
    onto = _target_branch(tree)
    head = _resolve_commit(tree.repository, "HEAD")
    if head is None:
        raise WorktreeError(f"{onto} has no commits")
    count = int(run_git(tree.repository, "rev-list", "--count", f"{head}..{last}").line)
    if count:
        target = last if _is_ancestor(tree.repository, head, last) else _merge_commit(job, tree, onto, head, last)
        if check is not None:
            check(target)
        _fast_forward(job, tree, target)
    else:
        target = head
    _move_branch(tree, tip, last)
    return MergeResult(job.id, tree.branch, onto, target, count)


def prepare_branch(job: Job, tree: Worktree, *, commit: bool, message: str | None) -> str:
    """Make the branch of a final job ready to be merged elsewhere; returns its commit.

    commit, message: as for merge_branch. Raises WorktreeError.
    """
    tip = _resolve_commit(tree.repository, f"refs/heads/{tree.branch}") if os.path.isdir(tree.repository) else None
    if tip is None:
        raise WorktreeError(f"the branch {tree.branch} does not exist any more in {tree.repository}")
    last = _commit_to_merge(tree, tip, commit, message or _title(job)) if os.path.isdir(tree.path) else tip
    _move_branch(tree, tip, last)
    return last


def _move_branch(tree: Worktree, tip: str, last: str) -> None:
    """Move the branch of a worktree from its tip to a commit of everything that is in the worktree."""
    if last != tip:
        run_git(tree.path, "update-ref", f"refs/heads/{tree.branch}", last, tip)
        run_git(tree.path, "reset", "--quiet")


def _commit_to_merge(tree: Worktree, tip: str, commit: bool, message: str) -> str:
    """The commit to merge: that of the branch, or a new one on top of it that no reference names yet."""
    head = _resolve_commit(tree.path, "HEAD")
    if head is not None and not _is_ancestor(tree.path, head, tip):
        raise WorktreeError(
            f"the worktree has commits that are not on its branch {tree.branch} (a detached head or another branch)",
            f"Move the branch there: git -C {tree.path} checkout -B {tree.branch}",
        )
    status = run_git(tree.path, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames").names
    if not status:
        return tip
    if not commit:
        raise WorktreeError(
            f"the worktree has uncommitted changes: {_list_names([entry[3:] for entry in status])}",
            "See them with `luzia diff`, then commit them there, or merge with --commit.",
        )
    twice = [entry[3:] for entry in status if entry[0] not in " ?" and entry[1] != " "]
    if twice:
        hint = f"Commit the right version in {tree.path}."
        raise WorktreeError(f"files were changed after they were staged: {_list_names(twice)}", hint)
    own = run_git(tree.path, "rev-parse", "--absolute-git-dir").line
    if any(os.path.lexists(os.path.join(own, name)) for name in _IN_PROGRESS):
        raise WorktreeError("a git operation is in progress in the worktree", f"Finish it in {tree.path}.")
    if os.path.lexists(lock := os.path.join(own, "index.lock")):
        raise WorktreeError("a git command is running in the worktree, or was killed there", f"Then delete {lock}.")
    if run_git(tree.path, "symbolic-ref", "--quiet", "HEAD", codes=(0, 1)).line != f"refs/heads/{tree.branch}":
        raise WorktreeError(f"the worktree is not on its branch {tree.branch}", f"Commit in {tree.path}.")
    return _snapshot(tree, tip, message)


def _snapshot(tree: Worktree, tip: str, message: str) -> str:
    """A commit of everything in the worktree, made with a copy of its index; the tip if nothing is new."""
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        env = {"GIT_INDEX_FILE": copy_index(tree.path, scratch, "--all")}
        changed = run_git(tree.path, "diff-index", "--cached", "--raw", "--no-renames", "-z", tip, env=env).names
        inner = [name for entry, name in zip(changed[::2], changed[1::2], strict=True) if entry.split()[1] == "160000"]
        if inner:
            raise WorktreeError(
                f"the worktree contains another repository, which a commit would not include: {_list_names(inner)}",
                f"Move it elsewhere, or commit in {tree.path}.",
            )
        content = run_git(tree.path, "write-tree", env=env).line
    if content == run_git(tree.path, "rev-parse", f"{tip}^{{tree}}").line:
        return tip  # the files differ only as they are checked out, such as in their line endings
    return run_git(tree.path, "commit-tree", content, "-p", tip, "-m", message).line


def _target_branch(tree: Worktree) -> str:
    """The branch to merge into, which must still be checked out in the project."""
    hint = f"Merge it with git: git merge {tree.branch}"
    if tree.onto is None:
        raise WorktreeError("no branch was checked out in the project when the job started (a detached head)", hint)
    head = run_git(tree.repository, "symbolic-ref", "--quiet", "HEAD", codes=(0, 1)).line.removeprefix("refs/heads/")
    if head != tree.onto:
        now = f"{head} is now" if head else "a detached head is now"
        raise WorktreeError(f"{tree.onto} was checked out in {tree.repository} when the job started, and {now}", hint)
    return tree.onto


def _merge_commit(job: Job, tree: Worktree, onto: str, head: str, last: str) -> str:
    """A merge commit of two diverged commits, made without touching the project's files."""
    args = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", head, last)
    output = run_git(tree.repository, *args, codes=(0, 1, 129))
    if output.code == 129:
        hint = f"Update git, or merge with git: git -C {tree.repository} merge {tree.branch}"
        raise WorktreeError("a merge that is not a fast-forward requires git 2.38 or newer", hint)
    content, *conflicts = output.names
    if output.code == 1:
        hint = f"Nothing was changed. Merge {onto} into the branch in {tree.path}, then try again."
        raise WorktreeError(f"{tree.branch} conflicts with {onto}: {_list_names(conflicts)}", hint)
    title = f"Merge branch '{tree.branch}' into {onto}"
    parents = ("-p", head, "-p", last)
    return run_git(tree.repository, "commit-tree", content, *parents, "-m", title, "-m", _title(job)).line


def _fast_forward(job: Job, tree: Worktree, target: str) -> None:
    """Fast-forward the project to a commit. Git refuses when that would overwrite anything."""
    args = ("merge", "--quiet", "--ff-only", "--no-autostash", "--no-overwrite-ignore", target)
    try:
        run_git(tree.repository, *args, env={"GIT_REFLOG_ACTION": f"luzia merge {job.id}"})
    except WorktreeError as exc:
        names = [line.strip() for line in exc.message.splitlines() if line.startswith("\t")]
        if names:
            hint = "Nothing was changed. Commit, move or remove them, then merge again."
            raise WorktreeError(
                f"the merge would overwrite files in {tree.repository}: {_list_names(names)}", hint
            ) from exc
        raise WorktreeError(f"cannot fast-forward {tree.repository}: {exc.message}", "Nothing was changed.") from exc


def _resolve_commit(directory: str, name: str) -> str | None:
    found = run_git(directory, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", codes=(0, 1, 128))
    return found.line if found.code == 0 else None


def _is_ancestor(directory: str, older: str, newer: str) -> bool:
    return run_git(directory, "merge-base", "--is-ancestor", older, newer, codes=(0, 1)).code == 0


def _title(job: Job) -> str:
    """The task's first line, for a commit message."""
    line = next((line.strip() for line in job.task.splitlines() if line.strip()), "")
    return (line if len(line) <= 72 else f"{line[:71]}…") or f"Work of job {job.id}"


def _list_names(names: list[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more
