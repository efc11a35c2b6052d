"""Shows and merges what jobs changed in their git worktrees. Git runs in this process's name, with the user's settings.

It makes no request to the daemon, and changes nothing when it raises WorktreeError.
"""

from __future__ import annotations

import os

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


def has_directory(tree: Worktree) -> bool:
    """Whether a worktree still has its directory. Raises WorktreeError when this user may not see it."""
    try:
        os.stat(tree.path)
    except PermissionError as exc:
        raise WorktreeError(
            f"the worktree {tree.path} is not accessible to you",
            "Run the command as the user of the daemon; that of the system service: `sudo -u luzia -H luzia …`.",
        ) from exc
    except OSError:
        return False
    return os.path.isdir(tree.path)
