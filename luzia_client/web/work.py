"""What jobs changed in their worktrees: the diff by file, and the merge, as for `luzia diff` and `luzia merge`."""

from __future__ import annotations

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job

from luzia_client.api.client import Client
from luzia_client.review.verified_merge import merge_verified
from luzia_client.trees import worktree_of
from luzia_client.trees.diff import changed_files, diff_text
from luzia_client.trees.git import as_text
from luzia_client.trees.merge import MergeResult
from luzia_client.trees.selection import Selection

MAX_DIFF_BYTES = 2 * 1024 * 1024
"""How much of a diff is shown."""


class ChangedFile(msgspec.Struct, frozen=True):
    """A changed file. added, deleted: lines; None for a binary file."""

    path: str
    added: int | None
    deleted: int | None


class Changes(msgspec.Struct, frozen=True):
    """What a job has changed. text: the diff as git prints it. truncated: it is longer than MAX_DIFF_BYTES."""

    job: str
    branch: str
    onto: str | None
    files: list[ChangedFile]
    text: str
    truncated: bool


class Merge(msgspec.Struct):
    """The request for a merge. commit: first commit all changes in the worktree, with `message`.

    files, hunks: merge only these, with the numbers of hunks by path; without any, everything. content: that of the
    changes from which they were chosen; the merge is refused if the work has changed since.
    """

    job: str
    commit: bool = False
    message: str | None = None
    files: list[str] = []
    hunks: dict[str, list[int]] = {}
    content: str | None = None

    @property
    def selection(self) -> Selection | None:
        """What to merge; None is everything."""
        if not self.files and not self.hunks:
            return None
        hunks = {path: frozenset(numbers) for path, numbers in self.hunks.items()}
        return Selection(frozenset(self.files), hunks, self.content)


def read_changes(job: Job) -> Changes:
    """The changes of a job. Raises Refused and WorktreeError."""
    tree = worktree_of(job)
    files = [ChangedFile(as_text(path), added, deleted) for path, added, deleted in changed_files(tree)]
    text = diff_text(tree, colour=False, max_bytes=MAX_DIFF_BYTES)
    return Changes(job.id, tree.branch, tree.onto, files, text.decode(errors="replace"), len(text) == MAX_DIFF_BYTES)


def merge(job: Job, request: Merge, socket: str) -> MergeResult:
    """Merge the branch of a job that has ended, after the verification of its project.

    socket: the path of the daemon's. Raises LuziaError.
    """
    tree = worktree_of(job)
    if not job.state.is_final:
        raise Refused(ErrorCode.JOB_NOT_FINAL, f"job {job.id} has not ended: it is {job.state}")
    with Client(socket, autostart=False) as client:
        return merge_verified(
            client, job, tree, commit=request.commit, message=request.message, selection=request.selection
        )
