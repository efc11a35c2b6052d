"""Finished work that waits for a person's decision: to accept it, to send it back, or to discard it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.review.verification import TAG, Verification, describe_verification, run_verification, verify_command
from luzia_client.trees import WorktreeError, worktree_of
from luzia_client.trees.changes import Changes, read_changes
from luzia_client.trees.preview import preview_merge


class ChangedFile(msgspec.Struct, frozen=True):
    """A changed file. insertions, deletions: lines; None for a binary file."""

    path: str
    insertions: int | None
    deletions: int | None


class FinishedWork(msgspec.Struct, frozen=True):
    """The unmerged work of a job that has ended.

    job: as lists show it, with its state, reason and cost; `get_job` has the whole task and last message.
    files: what is not merged yet. conflicts: the files with which a merge would conflict now.
    verification: the newest one, if there was one. problem: why git cannot show the work; empty if it can.
    """

    job: Job
    files: list[ChangedFile]
    conflicts: list[str]
    verification: Verification | None
    problem: str = ""

    @property
    def insertions(self) -> int:
        """The number of added lines in all text files."""
        return sum(file.insertions or 0 for file in self.files)

    @property
    def deletions(self) -> int:
        """The number of deleted lines in all text files."""
        return sum(file.deletions or 0 for file in self.files)

    @property
    def cost_usd(self) -> float | None:
        """The agent's own estimate of what it has cost; None is unknown."""
        return None if self.job.activity is None else self.job.activity.cost_usd

    @property
    def summary(self) -> str:
        """The beginning of the agent's last message; empty if it is not known."""
        return "" if self.job.activity is None else self.job.activity.last_message or ""


def iter_finished(
    client: Client, *, projects: list[str] | None = None, by_project: bool = False
) -> Iterator[FinishedWork]:
    """The finished work of all jobs that is not merged yet, oldest first, while the iterator is used.

    projects: only of these. by_project: the projects by name, and oldest first in each.
    It runs git in the worktrees, some hundredths of a second for each. Raises Refused.
    """
    jobs: list[Job] = []
    verifications: dict[str, Job] = {}
    for job in client.iter_jobs(projects or ()):  # the newest first
        if TAG in job.tags and job.argv is not None:
            verifications.setdefault(job.tags[TAG], job)
        elif job.state.is_final and job.worktree is not None and job.attached is None:
            jobs.append(job)
    jobs.sort(key=lambda job: (job.project if by_project else "", job.ended_at or job.created_at))
    for job in jobs:
        work = read_finished(job, verifications.get(job.id))
        if work.files or work.problem:
            yield work


def read_finished(job: Job, verification: Job | None = None) -> FinishedWork:
    """The unmerged work of one job that has ended. verification: the newest job that has verified it.

    Raises Refused without a worktree.
    """
    tree = worktree_of(job)
    files, conflicts, content, problem = list[ChangedFile](), list[str](), None, ""
    try:
        preview = preview_merge(tree)
        files, conflicts, content = _summarize(read_changes(tree)), preview.conflicts, preview.content
    except WorktreeError as exc:
        problem = exc.message
    found = None if verification is None else describe_verification(verification, content)
    return FinishedWork(job, files, conflicts, found, problem)


def verify_work(client: Client, job: Job, started: Callable[[str], None] = lambda _job: None) -> Job | None:
    """Run the project's `verify` command on what a merge of the work would result in now, without merging it.

    It returns the job that ran the command, when it has ended; None if the project has no such command. started: is
    called with its id. Raises Refused, and WorktreeError if the work conflicts.
    """
    command = verify_command(client, job.project)
    if command is None:
        return None
    preview = preview_merge(worktree_of(job))
    if preview.commit is None:
        raise WorktreeError(f"the work of job {job.id} cannot be merged, so the result cannot be verified")
    return run_verification(client, job, command, preview.commit, started=started)


def _summarize(changes: Changes) -> list[ChangedFile]:
    return [ChangedFile(file.path, file.insertions, file.deletions) for file in changes.files]
