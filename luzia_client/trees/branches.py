"""The branch of a job on its way to a remote repository."""

from __future__ import annotations

import os
from collections.abc import Callable

from luzia_protocol.jobs import Job, Worktree

from luzia_client.trees import WorktreeError, has_directory
from luzia_client.trees.content import commit_to_merge, move_branch
from luzia_client.trees.git import list_names, resolve_commit, run_git
from luzia_client.trees.preview import conflict_error, preview_merge
from luzia_client.trees.programs import list_transport_settings
from luzia_client.trees.submodules import publish_submodules

_NO_PROMPT = {"GIT_TERMINAL_PROMPT": "0"}


def title_of(job: Job) -> str:
    """The task's first line, for a commit message."""
    line = next((line.strip() for line in job.task.splitlines() if line.strip()), "")
    return (line if len(line) <= 72 else f"{line[:71]}…") or f"Work of job {job.id}"


def find_remote(tree: Worktree, onto: str) -> tuple[str, str]:
    """The remote repository of a branch of the project: its name and its address. Raises WorktreeError."""
    name = run_git(tree.repository, "config", f"branch.{onto}.remote", codes=(0, 1)).line or "origin"
    address = run_git(tree.repository, "config", f"remote.{name}.url", codes=(0, 1)).line
    if not address:
        hint = f"Add one: git -C {tree.repository} remote add origin URL"
        raise WorktreeError(f"the branch {onto} has no remote repository", hint)
    return name, address


def commit_branch(
    job: Job,
    tree: Worktree,
    *,
    commit: bool,
    message: str | None,
    check: Callable[[str], None] | None,
    before: Callable[[str], None],
) -> str:
    """Have the branch of a job contain all its work, and return its commit.

    commit, message: as in merge_branch. check: is called with what a merge would result in. before: is called with the
    commit before the branch moves to it. An exception from both changes nothing. Raises WorktreeError.
    """
    tip, last = find_commits(job, tree, commit=commit, message=message)
    preview = preview_merge(tree)
    if preview.conflicts:
        raise conflict_error(job, tree, preview.conflicts)
    if check is not None and preview.commit is not None:
        check(preview.commit)
    before(last)
    move_branch(tree, job.id, tip, last, has_new_files=last != tip)
    return last


def prepare_branch(job: Job, tree: Worktree, *, commit: bool, message: str | None) -> str:
    """Have the branch of a job contain all its work, for a merge into another repository, and return its commit.

    commit, message: as in merge_branch. Raises WorktreeError.
    """
    tip, last = find_commits(job, tree, commit=commit, message=message)
    move_branch(tree, job.id, tip, last, has_new_files=last != tip)
    return last


def find_commits(job: Job, tree: Worktree, *, commit: bool, message: str | None) -> tuple[str, str]:
    """The commit of the branch, and that of all work, which no reference names yet. Raises WorktreeError."""
    if not os.path.isdir(tree.repository):
        raise WorktreeError(f"the project's repository {tree.repository} does not exist")
    tip = resolve_commit(tree.repository, f"refs/heads/{tree.branch}")
    if tip is None:
        raise WorktreeError(f"the branch {tree.branch} does not exist any more")
    title = message or title_of(job)
    if not has_directory(tree):
        return tip, tip
    last = commit_to_merge(tree, tip, commit=commit, message=title)
    publish_submodules(tree)  # a verification checks them out
    return tip, last


def push_branch(tree: Worktree, remote: str, commit: str) -> None:
    """Push a commit as the job's branch, fast-forward only. Hooks are not run. Raises WorktreeError."""
    hint = f"Push it yourself: git -C {tree.repository} push {remote} {tree.branch}"
    require_plain_transport(tree.repository, "pushes", hint)
    branch = f"{commit}:refs/heads/{tree.branch}"
    run_git(tree.repository, "push", "--quiet", remote, branch, env=_NO_PROMPT, waits=True)


def require_plain_transport(repository: str, verb: str, hint: str) -> None:
    """Raise WorktreeError when settings of the repository, to which a job can write, change how git pushes or fetches.

    verb: what git does, for the message.
    """
    if settings := list_transport_settings(repository):
        raise WorktreeError(f"the repository's own settings would change how git {verb}: {list_names(settings)}", hint)
