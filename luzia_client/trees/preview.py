"""What a merge of a job's work would result in, or with which files it would conflict. Nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from luzia_protocol.jobs import Job, Worktree

from luzia_client.trees import WorktreeError
from luzia_client.trees.changes import find_base
from luzia_client.trees.content import read_content
from luzia_client.trees.git import content_of, list_names, resolve_commit, run_git

_IDENTITY = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "luzia"), ("EMAIL", "luzia@localhost"), ("DATE", "@0 +0000"))
}
"""The same for every preview, so that a repeated one adds nothing to the repository."""


class Preview(msgspec.Struct, frozen=True):
    """commit: the result of the merge, which no branch has; None if it would conflict, or without a target branch.

    content: git's name of its files. conflicts: the paths that conflict.
    """

    commit: str | None
    content: str | None
    conflicts: list[str]


def preview_merge(tree: Worktree) -> Preview:
    """Merge everything that is in the worktree with its target branch, in memory. Raises WorktreeError."""
    head = None if tree.onto is None else resolve_commit(tree.repository, f"refs/heads/{tree.onto}")
    if head is None:
        return Preview(None, None, [])
    content, _ = read_content(tree)
    tip = resolve_commit(tree.repository, f"refs/heads/{tree.branch}") or find_base(tree)
    last = _commit(tree, content, tip)
    merged, conflicts = merge_contents(tree, head, last)
    if conflicts:
        return Preview(None, None, conflicts)
    return Preview(_commit(tree, merged, head, last), merged, [])


def conflict_error(job: Job, tree: Worktree, conflicts: Sequence[str]) -> WorktreeError:
    """What is raised because work conflicts with the branch to merge into. conflicts: the paths."""
    if tree.path:
        remedy = (
            f"`luzia send {job.id} --conflict` has the agent resolve it; or merge {tree.onto} into the branch in"
            f" {tree.path}, then try again."
        )
    else:  # it is on another host, where the agent does not see this branch
        remedy = f"Resolve it with git: git -C {tree.repository} merge {tree.branch}"
    hint = f"Nothing was changed. {remedy}"
    return WorktreeError(f"{tree.branch} conflicts with {tree.onto}: {list_names(conflicts)}", hint)


def merge_contents(tree: Worktree, ours: str, theirs: str) -> tuple[str, list[str]]:
    """The files of two merged commits as a tree of git, and the paths that conflict. Raises WorktreeError."""
    args = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs)
    output = run_git(tree.repository, *args, codes=(0, 1, 129))
    if output.code == 129:
        hint = f"Update git, or merge with git: git -C {tree.repository} merge {tree.branch}"
        raise WorktreeError("a merge that is not a fast-forward requires git 2.38 or newer", hint)
    content, *conflicts = output.names
    return content, conflicts if output.code == 1 else []


def _commit(tree: Worktree, content: str, *parents: str) -> str:
    """A commit that no reference names; without changes it is its only parent."""
    if len(parents) == 1 and content == content_of(tree.repository, parents[0]):
        return parents[0]
    options = [word for parent in parents for word in ("-p", parent)]
    return run_git(tree.repository, "commit-tree", content, *options, "-m", "Preview", env=_IDENTITY).line
