"""The review of finished work in the page: its changes by file and hunk, and sending it back with comments."""

from __future__ import annotations

import msgspec

from luzia_protocol.jobs import Job
from luzia_protocol.replies import JobChange

from luzia_client.api.client import Client
from luzia_client.review import decisions
from luzia_client.review.comments import Comment
from luzia_client.trees import worktree_of
from luzia_client.trees.changes import read_changes
from luzia_client.trees.git import as_text
from luzia_client.trees.patch import Hunk
from luzia_client.trees.preview import preview_merge

MAX_PATCH_BYTES = 2 * 1024 * 1024
"""How much of a diff is sent; the files after it have no hunks."""


class ReviewedFile(msgspec.Struct, frozen=True):
    """A changed file. old_path: its name before, if it was renamed. added, deleted: lines; None for a binary file.

    cut: its hunks were left out because the whole diff is too long.
    """

    path: str
    old_path: str | None
    added: int | None
    deleted: int | None
    cut: bool
    hunks: list[Hunk]


class Review(msgspec.Struct, frozen=True):
    """The work of a job that is not merged yet. content: git's name of all its files, for the request to merge some.

    conflicts: the files with which a merge would conflict now.
    """

    job: str
    branch: str
    onto: str | None
    content: str
    conflicts: list[str]
    files: list[ReviewedFile]


class SendBack(msgspec.Struct):
    """The request to resume the agent's session with words and comments on lines."""

    job: str
    words: str = ""
    comments: list[Comment] = []


def read_review(job: Job) -> Review:
    """The unmerged work of a job. Raises Refused and WorktreeError."""
    tree = worktree_of(job)
    changes, preview = read_changes(tree, max_bytes=MAX_PATCH_BYTES), preview_merge(tree)
    files = [
        ReviewedFile(
            as_text(file.path),
            None if file.old_path is None else as_text(file.old_path),
            file.insertions,
            file.deletions,
            file.cut,
            file.hunks,
        )
        for file in changes.files
    ]
    conflicts = [as_text(path) for path in preview.conflicts]
    return Review(job.id, tree.branch, tree.onto, changes.content, conflicts, files)


def send_back(job: Job, request: SendBack, socket: str) -> JobChange:
    """Resume the agent's session. socket: the path of the daemon's. Raises LuziaError."""
    with Client(socket, autostart=False) as client:
        return decisions.send_back(client, job, request.words, request.comments)
