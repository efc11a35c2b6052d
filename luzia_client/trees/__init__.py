"""What a user does with the git worktrees of jobs: see what changed, and take it over. Git runs here, as the user."""

from __future__ import annotations

from luzia_protocol.errors import ErrorCode, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from luzia_protocol.jobs import Job, Worktree


def of(job: Job) -> Worktree:
    """The job's worktree. Raises Refused when it has none."""
    if job.worktree is None:
        raise Refused(ErrorCode.NO_WORKTREE, f"job {job.id} has no worktree")
    return job.worktree
