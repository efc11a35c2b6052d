"""Validates how a job's agent is launched: in a git worktree, with leave to ask, with more in its system prompt."""

from __future__ import annotations

import os

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Dispatch

from luziad.config.schema import ProjectConfig, first_set
from luziad.handlers.dispatch.inputs import validate_system_prompt
from luziad.jobs.record import LaunchOptions
from luziad.operations.programs import Programs


def validate_launch_options(
    request: Dispatch, project: ProjectConfig, directory: str, programs: Programs, *, can_ask: bool
) -> LaunchOptions | None:
    """The job's launch options, from the request or else its project; None for the defaults.

    directory: where the job would run. can_ask: its agent supports questions. Raises Refused.
    """
    if request.ask and not can_ask:
        raise Refused(ErrorCode.CANNOT_ASK, "the agent of this job does not support questions")
    worktree = first_set(request.worktree, None, project.worktree)
    ask = first_set(request.ask, None, project.ask and can_ask)
    if worktree:
        _validate_repository(directory, programs)
    system_prompt = request.system_prompt or ""
    if system_prompt:
        validate_system_prompt(system_prompt, request)
    if not (worktree or ask or system_prompt):
        return None
    return LaunchOptions(worktree=worktree, ask=ask, system_prompt=system_prompt)


def _validate_repository(directory: str, programs: Programs) -> None:
    """Check what is visible without running git; the rest fails when the worktree is created."""
    if programs.which("git", None) is None:
        raise Refused(ErrorCode.NO_GIT, "a worktree needs git, which is not on the daemon's PATH")
    parent = os.path.realpath(directory)
    while not os.path.lexists(os.path.join(parent, ".git")):
        if parent == "/":
            raise Refused(ErrorCode.NO_REPOSITORY, f"{directory} is not in a git repository")
        parent = os.path.dirname(parent)
