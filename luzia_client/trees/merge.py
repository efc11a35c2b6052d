"""Merges a job's branch into the branch that was checked out in the project when the job started.

The merge commit is made without touching the project's files; then the project is fast-forwarded to it, which git does
completely or not at all. So a conflict or a refusal leaves everything unchanged.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from luzia_protocol.jobs import Job, Worktree

from luzia_client.trees import WorktreeError
from luzia_client.trees.branches import find_commits, title_of
from luzia_client.trees.changes import compare, find_base
from luzia_client.trees.content import move_branch
from luzia_client.trees.git import content_of, is_ancestor, list_names, resolve_commit, run_git
from luzia_client.trees.preview import conflict_error, merge_contents
from luzia_client.trees.selection import Selection, select


class MergeResult(msgspec.Struct, frozen=True):
    """A merge. commit: the new head of `onto`. commits: the number of commits that it gained from the branch.

    files_left: changed files of which something was not selected; it stays in the worktree and on the branch.
    """

    job: str
    branch: str
    onto: str
    commit: str
    commits: int
    files_left: int = 0


def merge_branch(
    job: Job,
    tree: Worktree,
    *,
    commit: bool,
    message: str | None,
    selection: Selection | None = None,
    check: Callable[[str], None] | None = None,
) -> MergeResult:
    """Merge the branch of a final job, or some of its changes.

    commit: first commit the uncommitted changes of its worktree, with `message` or the first line of the task.
    selection: what to merge; None is everything. It is merged as one commit with that message. The rest stays, and
    the branch gets a merge commit that says what was merged, so that a later merge brings only the rest.
    check: is called with the merged commit before any branch is moved; an exception from it changes nothing.
    Raises WorktreeError.
    """
    title = message or title_of(job)
    tip, last = find_commits(job, tree, commit=commit, message=title)
    onto = _target_branch(tree)
    head = resolve_commit(tree.repository, "HEAD")
    if head is None:
        raise WorktreeError(f"{onto} has no commits")
    chosen, kept, files_left = (last, last, 0) if selection is None else _select(tree, last, selection, title)
    count = int(run_git(tree.repository, "rev-list", "--count", f"{head}..{chosen}").line)
    if count:
        target = chosen if is_ancestor(tree.repository, head, chosen) else _merge_commit(job, tree, onto, head, chosen)
        if check is not None:
            check(target)
            if resolve_commit(tree.repository, f"refs/heads/{tree.branch}") != tip:
                raise WorktreeError(
                    f"{tree.branch} has changed during the verification", "Nothing was changed. Merge again."
                )
        _fast_forward(job, tree, target)
    else:
        target = head
    move_branch(tree, job.id, tip, kept, has_new_files=last != tip)
    return MergeResult(job.id, tree.branch, onto, target, count, files_left)


def is_merged(tree: Worktree) -> bool:
    """Whether the branch to merge into contains all of the work, also what is not committed. Raises WorktreeError."""
    head = None if tree.onto is None else resolve_commit(tree.repository, f"refs/heads/{tree.onto}")
    tip = resolve_commit(tree.repository, f"refs/heads/{tree.branch}")
    if head is None or tip is None or not is_ancestor(tree.repository, tip, head):
        return False
    return not run_git(tree.path, "status", "--porcelain", "--untracked-files=normal", "-z").names


def _select(tree: Worktree, last: str, selection: Selection, title: str) -> tuple[str, str, int]:
    """The commit with the selected changes, the commit that the branch gets, and the number of files with a rest.

    The latter has all files of `last`, and both commits as parents: from then on, git sees as unmerged only the rest.
    """
    content = content_of(tree.repository, last)
    changes = compare(tree.repository, find_base(tree), content)
    part = select(tree.repository, changes, selection)
    if part == content:
        return last, last, 0
    if part == content_of(tree.repository, changes.base):
        raise WorktreeError("nothing is selected that is not merged yet")
    chosen = run_git(tree.repository, "commit-tree", part, "-p", changes.base, "-m", title).line
    note = f"Merge the accepted part of '{tree.branch}'"
    kept = run_git(tree.repository, "commit-tree", content, "-p", last, "-p", chosen, "-m", note).line
    return chosen, kept, len(compare(tree.repository, chosen, content).files)


def _target_branch(tree: Worktree) -> str:
    """The branch to merge into, which must still be checked out in the project."""
    hint = f"Merge it with git: git merge {tree.branch}"
    if tree.onto is None:
        raise WorktreeError("no branch was checked out in the project when the job started (a detached HEAD)", hint)
    head = run_git(tree.repository, "symbolic-ref", "--quiet", "HEAD", codes=(0, 1)).line.removeprefix("refs/heads/")
    if head != tree.onto:
        now = f"{head} is now" if head else "a detached HEAD is now"
        raise WorktreeError(f"{tree.onto} was checked out in {tree.repository} when the job started, and {now}", hint)
    return tree.onto


def _merge_commit(job: Job, tree: Worktree, onto: str, head: str, last: str) -> str:
    """A merge commit of two diverged commits, made without touching the project's files."""
    content, conflicts = merge_contents(tree, head, last)
    if conflicts:
        raise conflict_error(job, tree, conflicts)
    title = f"Merge branch '{tree.branch}' into {onto}"
    parents = ("-p", head, "-p", last)
    return run_git(tree.repository, "commit-tree", content, *parents, "-m", title, "-m", title_of(job)).line


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
                f"the merge would overwrite files in {tree.repository}: {list_names(names)}", hint
            ) from exc
        raise WorktreeError(f"cannot fast-forward {tree.repository}: {exc.message}", "Nothing was changed.") from exc
