"""The decisions about finished work: accept it or some of it, or send it back to its agent.

To discard it is `Client.discard`, which is undone by `Client.restore_work`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from luzia_protocol.jobs import Job
from luzia_protocol.replies import JobChange

from luzia_client.api.client import Client
from luzia_client.review.comments import Comment, quote_comments
from luzia_client.review.verified_merge import merge_verified, require_finished
from luzia_client.trees import WorktreeError, worktree_of
from luzia_client.trees.merge import MergeResult
from luzia_client.trees.preview import preview_merge
from luzia_client.trees.selection import Selection


def accept(
    client: Client,
    job: Job,
    selection: Selection | None = None,
    *,
    message: str | None = None,
    started: Callable[[str, str], None] = lambda _job, _command: None,
) -> MergeResult:
    """Merge all work of a job, or the selected part of it, with what is not committed yet.

    message: of the commit, if one is made; None is the first line of the task. started: is called with the id of the
    job that verifies and its command. It returns when the verification has succeeded and the branch has moved.

    Nothing is changed if it raises: WorktreeError for a conflict, a failed verification, or a merge that git refuses;
    Refused if the job has not ended. What was not selected stays in the worktree and on the job's branch.
    """
    require_finished(job)
    return merge_verified(
        client, job, worktree_of(job), commit=True, message=message, selection=selection, started=started
    )


def send_back(client: Client, job: Job, words: str, comments: Sequence[Comment] = ()) -> JobChange:
    """Resume the agent's session with words and comments on lines: a follow-up message that quotes each line.

    words: may be empty if there are comments. Raises WorktreeError for a line that does not exist, and Refused.
    """
    return client.send_message(job, quote_comments(worktree_of(job), words, comments) if comments else words)


def send_conflict(client: Client, job: Job, words: str = "") -> JobChange:
    """Have the agent resolve, in its own worktree, the conflict of its work with the branch that it is merged into.

    words: what the agent should know besides. Raises WorktreeError if there is no conflict, and Refused.
    """
    tree = worktree_of(job)
    require_finished(job)
    conflicts = preview_merge(tree).conflicts
    if not conflicts:
        raise WorktreeError(f"{tree.branch} does not conflict with {tree.onto or 'any branch'}")
    files = "\n".join(f"- {path}" for path in conflicts)
    message = (
        f"Your work on the branch {tree.branch} conflicts with the branch {tree.onto}, which has changed meanwhile."
        f" These files conflict:\n\n{files}\n\nResolve this in your worktree: commit what is not committed, merge"
        f" {tree.onto} into your branch (git merge {tree.onto}), resolve the conflicts so that both sides keep their"
        f" purpose, test the result, and commit the merge. Do not change the branch {tree.onto} itself."
    )
    return client.send_message(job, f"{message}\n\n{words}" if words else message)
