"""Opens a pull request for the work of a job, with the user's own `gh` or `glab`, instead of merging it here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

import msgspec

from luzia_protocol.jobs import Job, Worktree

from luzia_client.api.client import Client
from luzia_client.review.verified_merge import require_finished, require_verified
from luzia_client.trees import WorktreeError, worktree_of
from luzia_client.trees.branches import commit_branch, find_remote, push_branch, title_of
from luzia_client.trees.git import git_environment

_SITES = {"github": "gh", "gitlab": "glab"}
_COMMANDS = {
    "gh": "gh pr create --head {branch} --base {onto} --title {title} --body {body}",
    "glab": "glab mr create --yes --source-branch {branch} --target-branch {onto} --title {title} --description {body}",
}


class PullRequest(msgspec.Struct, frozen=True):
    """An open pull request. commit: what was pushed to `remote`. url: as the program prints it, which may be empty."""

    job: str
    branch: str
    onto: str
    remote: str
    commit: str
    url: str


def open_pull_request(
    client: Client,
    job: Job,
    *,
    commit: bool,
    message: str | None = None,
    verify: bool = True,
    started: Callable[[str, str], None] = lambda _job, _command: None,
) -> PullRequest:
    """Push the branch of a final job, and open a pull request into the branch that `luzia merge` would merge it into.

    commit, message: as in merge_branch; message is the title, too. verify: first run the project's `verify` command on
    the result of the merge. started: as in merge_verified.
    Raises WorktreeError and Refused; before the push, nothing has changed then.
    """
    require_finished(job)
    tree = worktree_of(job)
    if tree.onto is None:
        raise WorktreeError("no branch was checked out in the project when the job started (a detached HEAD)")
    remote, address = find_remote(tree, tree.onto)
    program = _find_program(client, job.project, address)
    last = commit_branch(
        job,
        tree,
        commit=commit,
        message=message,
        check=require_verified(client, job, started) if verify else None,
        before=lambda found: push_branch(tree, remote, found),
    )
    url = _create(program, job, tree, tree.onto, message or title_of(job))
    return PullRequest(job.id, tree.branch, tree.onto, remote, last, url)


def _find_program(client: Client, project: str, address: str) -> str:
    """The program that opens pull requests. Raises WorktreeError if none is installed or known."""
    projects = client.list_projects().projects
    found = next((each.pull_request for each in projects if each.name == project), None)
    found = found or next((program for site, program in _SITES.items() if site in address), None)
    if found is None:
        hint = f'Set it: luzia config set projects.{project}.pull_request gh (or "glab")'
        raise WorktreeError(f"cannot tell from {address} whether to use gh or glab", hint)
    if shutil.which(found) is None:
        raise WorktreeError(f"{found} is not installed", f"Install {found} and log in with `{found} auth login`.")
    return found


def _create(program: str, job: Job, tree: Worktree, onto: str, title: str) -> str:
    """Open the pull request, and return its address. Raises WorktreeError."""
    values = {"branch": tree.branch, "onto": onto, "title": title, "body": job.task or title}
    argv = [word.format_map(values) if word.startswith("{") else word for word in _COMMANDS[program].split()]
    try:
        done = subprocess.run(
            argv,
            cwd=tree.repository,
            env=git_environment({"NO_COLOR": "1"}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as exc:
        raise WorktreeError(f"cannot run {program}: {exc.strerror}") from exc
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        hint = f"The branch {tree.branch} was pushed. Correct what the message names, then try again."
        raise WorktreeError(f"{program}: {said}", hint)
    lines = os.fsdecode(done.stdout).split()
    return next((word for word in reversed(lines) if word.startswith(("https://", "http://"))), "")
