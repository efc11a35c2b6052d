"""The `verify` command of a project, run as a job in a worktree of its own that begins at a given commit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Literal

import msgspec

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import MAX_PRIORITY, Job, JobState

from luzia_client.api.client import Client
from luzia_client.trees import worktree_of
from luzia_client.trees.git import content_of

TAG = "verify"
"""The tag of jobs that verify; its value is the id of the job whose work is verified."""
CONTENT_TAG = "content"
"""The tag with git's name of the files that were verified."""
_CANCEL_S = 30.0


class Verification(msgspec.Struct, frozen=True):
    """The newest verification of a job's work.

    job: that ran the command, for its output. is_current: what was verified is what a merge would result in now:
    neither the work nor its target branch has changed since.
    """

    job: str
    result: Literal["running", "passed", "failed"]
    is_current: bool


def verify_command(client: Client, project: str) -> str | None:
    """The `verify` command of a project; None if it has none."""
    return next((each.verify for each in client.list_projects().projects if each.name == project), None)


def run_verification(
    client: Client,
    job: Job,
    command: str,
    commit: str,
    *,
    started: Callable[[str], None] = lambda _job: None,
) -> Job:
    """Run the command on a commit of the job's repository, and return the job that ran it when it has ended.

    started: is called with the id of that job. Raises Refused and WorktreeError.
    """
    tags = {TAG: job.id, CONTENT_TAG: content_of(worktree_of(job).repository, commit)}
    argv = ["/bin/sh", "-c", command]
    name = client.dispatch(
        job.project, argv=argv, base=commit, tags=tags, priority=MAX_PRIORITY, retries=0, parent=""
    ).job
    try:
        started(name)
        client.wait(name)
    finally:
        done = _end(client, name)
    return done


def describe_verification(job: Job, content: str | None) -> Verification:
    """What a job that verifies has found. content: git's name of the files that a merge would result in now."""
    is_current = content is not None and job.tags.get(CONTENT_TAG) == content
    if not job.state.is_final:
        return Verification(job.id, "running", is_current)
    return Verification(job.id, "passed" if job.state is JobState.COMPLETED else "failed", is_current)


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
