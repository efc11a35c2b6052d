"""Merges work of a job after its project's `verify` command has succeeded on the merged commit."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job, JobState, Worktree

from luzia_client.api.client import Client
from luzia_client.hosts.job_ids import id_here
from luzia_client.hosts.settings import LOCAL
from luzia_client.review.acceptance import record_acceptance
from luzia_client.review.verification import run_verification, verify_command
from luzia_client.trees import WorktreeError
from luzia_client.trees.merge import MergeResult, merge_branch
from luzia_client.trees.selection import Selection


def merge_verified(
    client: Client,
    job: Job,
    tree: Worktree,
    *,
    commit: bool,
    message: str | None,
    selection: Selection | None = None,
    started: Callable[[str, str], None] = lambda _job, _command: None,
    publish: Callable[[str], AbstractContextManager[None]] = lambda _commit: nullcontext(),
    host: str = LOCAL,
) -> MergeResult:
    """Merge the work of a final job, as merge_branch does, if the verification succeeds or there is none.

    The command runs as a job in a worktree of its own, which begins at the merged commit. Until it has succeeded,
    nothing is changed. Afterwards the work is accepted, if it was to be reviewed.
    started: is called with the id of that job and the command. publish: puts the merged commit where that job can find
    it, while the block runs. host: where the job is. Raises WorktreeError and Refused.
    """
    check = require_verified(client, job, started, publish, host)
    merged = merge_branch(job, tree, commit=commit, message=message, selection=selection, check=check)
    record_acceptance(client, job, merged)
    return merged


def require_verified(
    client: Client,
    job: Job,
    started: Callable[[str, str], None],
    publish: Callable[[str], AbstractContextManager[None]] = lambda _commit: nullcontext(),
    host: str = LOCAL,
) -> Callable[[str], None] | None:
    """What raises WorktreeError for a commit on which the project's `verify` command fails; None without a command."""
    command = verify_command(client, job.project)
    if command is None:
        return None
    return functools.partial(_require_success, client, job, command, started, publish, host)


def require_finished(job: Job) -> None:
    """Raise Refused if the job may still change its work."""
    if job.attached is not None:
        raise Refused(ErrorCode.JOB_ATTACHED, f"job {job.id} is attached: {job.reason}")
    if not job.state.is_final:
        raise Refused(ErrorCode.JOB_NOT_FINAL, f"job {job.id} has not ended: it is {job.state}")


def _require_success(
    client: Client,
    job: Job,
    command: str,
    started: Callable[[str, str], None],
    publish: Callable[[str], AbstractContextManager[None]],
    host: str,
    commit: str,
) -> None:
    """Run the command on a commit. Raises WorktreeError if it fails, and Refused."""
    with publish(commit):
        done = run_verification(client, job, command, commit, started=lambda name: started(name, command))
    if done.state is not JobState.COMPLETED:
        why = f": {done.reason}" if done.reason else ""
        name = id_here(host, done.id)
        hint = f"Nothing was changed. `luzia logs {name}` shows its output; --no-verify merges nevertheless."
        raise WorktreeError(f"`{command}` failed on the merged files, in job {name}{why}", hint)
