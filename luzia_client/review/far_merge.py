"""Merges the branch of a job of another host into a repository here. Git fetches it over the link to that host."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import quote

import msgspec

from luzia_protocol.jobs import Job, Worktree, branch_of_job

from luzia_client.api.client import Client
from luzia_client.hosts import HostError, link, ssh
from luzia_client.hosts.settings import find_host
from luzia_client.review.acceptance import record_acceptance
from luzia_client.review.verified_merge import merge_verified
from luzia_client.trees import WorktreeError
from luzia_client.trees.branches import require_plain_transport
from luzia_client.trees.git import run_git
from luzia_client.trees.merge import MergeResult, merge_branch

_JOB = re.compile(r"[0-9]{6}-[0-9a-f]{4,16}")
"""The id of a job, which is a part of the names of its branches."""


def merge_from_host(
    client: Client,
    job: Job,
    tree: Worktree,
    host: str,
    directory: str,
    *,
    commit: bool,
    message: str | None,
    verify: bool,
    started: Callable[[str, str], None],
) -> MergeResult:
    """Fetch the branch of a final job, and merge it into the branch that is checked out in `directory`.

    commit, message: as for merge_branch; the commit is made there. verify: the project's command runs there first, on
    the merged commit. started: as for merge_verified. Raises WorktreeError and Refused.
    """
    try:
        opened = link.open_link(find_host(host))
    except HostError as exc:
        raise WorktreeError(exc.message, exc.hint) from exc
    _check_branch(job, tree, host)
    _prepare(opened, job, commit=commit, message=message)
    here = run_git(directory, "rev-parse", "--show-toplevel", codes=(0, 128))
    merge_there = f"Change to a clone of it, or merge there: ssh {opened.host.destination} luzia merge {job.id}"
    if here.code:
        raise WorktreeError(f"{directory} is not in a git repository", merge_there)
    require_plain_transport(here.line, "fetches", merge_there)
    far = _FarRepository(opened, tree.repository, here.line)
    far.fetch(tree.branch)
    head, branch = "HEAD", f"refs/heads/{tree.branch}"
    if run_git(here.line, "merge-base", head, branch, codes=(0, 1, 128)).code:
        run_git(here.line, "update-ref", "-d", branch)
        raise WorktreeError(f"{here.line} has no commit in common with {tree.repository} on {host}", merge_there)
    onto = run_git(here.line, "symbolic-ref", "--quiet", "HEAD", codes=(0, 1)).line.removeprefix("refs/heads/")
    local = msgspec.structs.replace(tree, repository=here.line, path="", onto=onto or None)
    if not verify:
        merged = merge_branch(job, local, commit=False, message=None)
        record_acceptance(client, job, merged)
        return merged
    publish = far.publisher(f"refs/luzia/{job.id}")
    return merge_verified(client, job, local, commit=False, message=None, started=started, publish=publish, host=host)


def _check_branch(job: Job, tree: Worktree, host: str) -> None:
    """Raise WorktreeError unless the branch is that of the job. A host must not choose which one is replaced here."""
    if not _JOB.fullmatch(job.id) or tree.branch != branch_of_job(job.id) or not tree.repository.startswith("/"):
        raise WorktreeError(
            f"host {host} reports the branch {tree.branch!r} of {tree.repository!r} for job {job.id!r}, which is not a"
            " branch created by luzia"
        )


def _prepare(opened: link.Link, job: Job, *, commit: bool, message: str | None) -> None:
    """Let luzia there commit what is to be merged, or refuse. Raises WorktreeError with its words."""
    options = [*(["--commit"] if commit else []), *(["--message", message] if message else [])]
    command = shlex.join([opened.far.luzia, "merge", "--prepare", "--json", *options, job.id])
    status, _, errors = ssh.run(ssh.shared_command(opened.host, opened.control, command))
    if status:
        try:
            error = json.loads(errors.splitlines()[-1])["error"]
            message, hint = f"{error['message']}", f"{error['hint']}"
        except (ValueError, LookupError, TypeError, RecursionError):
            raise WorktreeError(f"luzia on {opened.host.name}: {errors.strip() or f'exit status {status}'}") from None
        raise WorktreeError(f"on {opened.host.name}: {message}", hint)


class _FarRepository:
    """A repository of a host, for the git of a repository here."""

    def __init__(self, opened: link.Link, path: str, here: str) -> None:
        # The link decides where ssh leads to, whatever host the address names.
        self._address = f"ssh://{opened.host.name}{quote(path)}"
        self._here = here
        *command, _, _ = ssh.shared_command(opened.host, opened.control)
        self._env = {"GIT_SSH_COMMAND": shlex.join(command), "GIT_SSH_VARIANT": "ssh", "GIT_TERMINAL_PROMPT": "0"}

    def fetch(self, branch: str) -> None:
        """Fetch a branch into the one of the same name."""
        names = f"+refs/heads/{branch}:refs/heads/{branch}"
        self._git("fetch", "--no-tags", names)

    def _git(self, command: str, *arguments: str) -> None:
        """Run a command of git that talks to the host."""
        *options, reference = arguments
        run_git(self._here, command, "--quiet", *options, self._address, reference, env=self._env, waits=True)

    def publisher(self, reference: str) -> Callable[[str], AbstractContextManager[None]]:
        """What lets the host have a commit under a reference, as long as a block runs."""

        @contextmanager
        def publish(commit: str) -> Iterator[None]:
            self._git("push", "--no-verify", f"+{commit}:{reference}")
            try:
                yield
            finally:
                self._git("push", "--no-verify", f":{reference}")

        return publish
