"""Merges the branch of a job after its project's `verify` command has succeeded on the merged commit."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from contextlib import AbstractContextManager

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import MAX_PRIORITY, Job, JobState, Worktree

from luzia_client.api.client import Client
from luzia_client.trees import WorktreeError
from luzia_client.trees.merge import MergeResult, merge_branch

TAG = "verify"
"""The tag of jobs that verify; its value is the id of the job that is to be merged."""
_CANCEL_S = 30.0


def merge_verified(
    client: Client,
    job: Job,
    tree: Worktree,
    *,
    commit: bool,
    message: str | None,
    started: Callable[[str, str], None] = lambda _job, _command: None,
    publish: Callable[[str], AbstractContextManager[None]] = lambda _commit: contextlib.nullcontext(),
) -> MergeResult:
    """Merge the branch of a final job, as merge_branch does, if the verification succeeds or there is none.

    The command runs as a job in a worktree of its own, which begins at the merged commit. Until it has succeeded,
    nothing is changed. started: is called with the id of that job and the command. publish: puts the merged commit
    where that job can find it, while the block runs. Raises WorktreeError and Refused.
    """
    command = next((each.verify for each in client.list_projects().projects if each.name == job.project), None)
    check = None if command is None else functools.partial(_verify, client, job, command, started, publish)
    return merge_branch(job, tree, commit=commit, message=message, check=check)


def _verify(
    client: Client,
    job: Job,
    command: str,
    started: Callable[[str, str], None],
    publish: Callable[[str], AbstractContextManager[None]],
    commit: str,
) -> None:
    """Run the command on a commit. Raises WorktreeError if it fails, and Refused."""
    argv, tags = ["/bin/sh", "-c", command], {TAG: job.id}
    with publish(commit):
        name = client.dispatch(
            job.project, argv=argv, base=commit, tags=tags, priority=MAX_PRIORITY, retries=0, parent=""
        ).job
        try:
            started(name, command)
            client.wait(name)
        finally:
            done = _end(client, name)
    if done.state is not JobState.COMPLETED:
        why = f": {done.reason}" if done.reason else ""
        hint = f"Nothing was changed. `luzia logs {name}` shows its output; --no-verify merges nevertheless."
        raise WorktreeError(f"`{command}` failed on the merged files, in job {name}{why}", hint)


def _end(client: Client, name: str) -> Job:
    """End the job if the wait for it was interrupted, and remove its worktree; what it has left there is no work."""
    done = client.get_job(name)
    if not done.state.is_final:
        client.cancel(name)
        client.wait(name, _CANCEL_S)
    with contextlib.suppress(Refused):  # it has none, because git could not make it; or the job does not end
        if not client.clean_worktree(name).removed:
            client.discard(name)
    return done
