"""Shows and merges what jobs changed in their git worktrees. Git runs in this process's name, with the user's settings.

It makes no request to the daemon, and changes nothing when it raises WorktreeError.
"""

from __future__ import annotations

from luzia_protocol.errors import ErrorCode, LuziaError, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_protocol.jobs import Job, Worktree


class WorktreeError(LuziaError):
    """Git failed, or a merge was refused; nothing was changed."""

    code = "worktree_error"


def worktree_of(job: Job) -> Worktree:
    """The job's worktree. Raises Refused when it has none."""
    if job.worktree is None and job.discarded is not None:
        hint = f"Restore it with `luzia restore-work {job.id}`."
        raise Refused(ErrorCode.NO_WORKTREE, f"the work of job {job.id} was discarded", hint)
    if job.worktree is None:
        raise Refused(ErrorCode.NO_WORKTREE, f"job {job.id} has no worktree")
    return job.worktree
