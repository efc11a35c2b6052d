"""Merges a job's branch into the branch that was checked out in the project when the job began.

The merge is made beside the project, as a commit, and the project only moves forward to it: git does that wholly or
not at all. So a conflict or a refusal leaves everything exactly as it was.
"""

from __future__ import annotations

import os
import tempfile

import msgspec

from luzia_protocol.jobs import Job, Worktree

from luzia_client.trees.comparing import scratch_index
from luzia_client.trees.errors import TreeError
from luzia_client.trees.git import ask

_UNDER_WAY = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "sequencer")
_TOLD = 10


class Merged(msgspec.Struct, frozen=True):
    """What was done. commit: what `onto` is at now. commits: how many of the branch's came with it, 0 for none."""

    job: str
    branch: str
    onto: str
    commit: str
    commits: int


def merge(job: Job, tree: Worktree, *, commit: bool, message: str | None) -> Merged:
    """Merge the branch of a final job.

    commit: first commit what is uncommitted in its tree, with `message` or the task's first line.
    Raises TreeError, and has changed nothing then.
    """
    branch = f"refs/heads/{tree.branch}"
    if not os.path.isdir(tree.repository):
        raise TreeError(f"the project's repository {tree.repository} is not there")
    tip = _commit(tree.repository, branch)
    if tip is None:
        raise TreeError(f"the branch {tree.branch} is not there any more")
    last = _with_uncommitted(tree, tip, commit, message or _title(job)) if os.path.isdir(tree.path) else tip
    onto = _onto(tree)
    head = _commit(tree.repository, "HEAD")
    if head is None:
        raise TreeError(f"{onto} has no commit any more")
    count = int(ask(tree.repository, "rev-list", "--count", f"{head}..{last}").line)
    if count:
        target = last if _is_ancestor(tree.repository, head, last) else _merge_commit(job, tree, onto, head, last)
        _forward(job, tree, target)
    else:
        target = head
    if last != tip:
        ask(tree.path, "update-ref", branch, last, tip)
        ask(tree.path, "reset", "--quiet")
    return Merged(job.id, tree.branch, onto, target, count)


def _with_uncommitted(tree: Worktree, tip: str, commit: bool, message: str) -> str:
    """The commit to merge: the branch's, or a new one on top of it that no reference names yet."""
    head = _commit(tree.path, "HEAD")
    if head is not None and not _is_ancestor(tree.path, head, tip):
        raise TreeError(
            f"the worktree has commits that its branch {tree.branch} has not (a detached head or another branch)",
            f"Move the branch there: git -C {tree.path} checkout -B {tree.branch}",
        )
    status = ask(tree.path, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames").names
    if not status:
        return tip
    if not commit:
        raise TreeError(
            f"there is uncommitted work in the worktree: {_listed([entry[3:] for entry in status])}",
            "Look at it with `luzia diff`, then commit it there yourself, or merge with --commit.",
        )
    twice = [entry[3:] for entry in status if entry[0] not in " ?" and entry[1] != " "]
    if twice:
        hint = f"Say which is right: commit in {tree.path} yourself."
        raise TreeError(f"files are staged in one form and changed to another: {_listed(twice)}", hint)
    own = ask(tree.path, "rev-parse", "--absolute-git-dir").line
    if any(os.path.lexists(os.path.join(own, name)) for name in _UNDER_WAY):
        raise TreeError("git is in the middle of something in the worktree", f"Finish it in {tree.path}.")
    if ask(tree.path, "symbolic-ref", "--quiet", "HEAD", codes=(0, 1)).line != f"refs/heads/{tree.branch}":
        raise TreeError(f"the worktree is not on its branch {tree.branch}", f"Commit in {tree.path} yourself.")
    return _snapshot(tree, tip, message)


def _snapshot(tree: Worktree, tip: str, message: str) -> str:
    """A commit of everything in the tree, made beside its index."""
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        env = {"GIT_INDEX_FILE": scratch_index(tree.path, scratch, "--all")}
        changed = ask(tree.path, "diff-index", "--cached", "--raw", "--no-renames", "-z", tip, env=env).names
        inner = [name for entry, name in zip(changed[::2], changed[1::2], strict=True) if entry.split()[1] == "160000"]
        if inner:
            raise TreeError(
                f"the worktree holds a repository of its own, which a commit would not take in: {_listed(inner)}",
                f"Move it away, or commit in {tree.path} yourself.",
            )
        content = ask(tree.path, "write-tree", env=env).line
    return ask(tree.path, "commit-tree", content, "-p", tip, "-m", message).line


def _onto(tree: Worktree) -> str:
    """The branch to merge into, which must be checked out in the project as it was."""
    by_hand = f"Merge it yourself where you want it: git merge {tree.branch}"
    if tree.onto is None:
        raise TreeError("no branch was checked out in the project when the job began (a detached head)", by_hand)
    head = ask(tree.repository, "symbolic-ref", "--quiet", "HEAD", codes=(0, 1)).line.removeprefix("refs/heads/")
    if head != tree.onto:
        now = f"{head} is now" if head else "a detached head is now"
        raise TreeError(f"{tree.onto} was checked out in {tree.repository} when the job began, and {now}", by_hand)
    return tree.onto


def _merge_commit(job: Job, tree: Worktree, onto: str, head: str, last: str) -> str:
    """The merge of two commits that have gone different ways; no file of the project is touched."""
    words = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", head, last)
    answer = ask(tree.repository, *words, codes=(0, 1, 129))
    if answer.code == 129:
        hint = f"Update git, or merge yourself: git -C {tree.repository} merge {tree.branch}"
        raise TreeError("a merge that is no fast-forward needs git 2.38 or newer", hint)
    content, *conflicts = answer.names
    if answer.code == 1:
        hint = f"Nothing was changed. Merge {onto} into the branch in {tree.path}, and then merge again."
        raise TreeError(f"{tree.branch} conflicts with {onto}: {_listed(conflicts)}", hint)
    title = f"Merge branch '{tree.branch}' into {onto}"
    parents = ("-p", head, "-p", last)
    return ask(tree.repository, "commit-tree", content, *parents, "-m", title, "-m", _title(job)).line


def _forward(job: Job, tree: Worktree, target: str) -> None:
    """Move the project's branch and files forward to a commit; git refuses where that would overwrite anything."""
    words = ("merge", "--quiet", "--ff-only", "--no-autostash", "--no-overwrite-ignore", target)
    try:
        ask(tree.repository, *words, env={"GIT_REFLOG_ACTION": f"luzia merge {job.id}"})
    except TreeError as exc:
        raise TreeError(f"{tree.repository} cannot take it: {exc.message}", "Nothing was changed.") from exc


def _commit(directory: str, name: str) -> str | None:
    found = ask(directory, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", codes=(0, 1, 128))
    return found.line if found.code == 0 else None


def _is_ancestor(directory: str, older: str, newer: str) -> bool:
    return ask(directory, "merge-base", "--is-ancestor", older, newer, codes=(0, 1)).code == 0


def _title(job: Job) -> str:
    """The task's first line, for a commit message."""
    line = next((line.strip() for line in job.task.splitlines() if line.strip()), "")
    return (line if len(line) <= 72 else f"{line[:71]}…") or f"Work of job {job.id}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more
