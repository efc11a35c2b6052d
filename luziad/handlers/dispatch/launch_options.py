"""Validates how a job's agent is launched: in a git worktree, with leave to ask, with more in its system prompt."""

from __future__ import annotations

import os

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Dispatch

from luziad.config.schema import ProjectConfig
from luziad.handlers.dispatch.inputs import validate_system_prompt
from luziad.jobs.record import LaunchOptions
from luziad.operations.programs import Programs


def has_launch_options(request: Dispatch, project: ProjectConfig | None) -> bool:
    """Whether the request or its project has any; for most jobs neither has."""
    if request.worktree is not None or request.ask is not None or request.system_prompt:
        return True
    return project is not None and (project.worktree or project.ask)


def validate_launch_options(
    request: Dispatch, project: ProjectConfig | None, directory: str, programs: Programs, *, can_ask: bool
) -> LaunchOptions | None:
    """The job's launch options, from the request or else its project; None for the defaults.

    directory: where the job would run. can_ask: its agent supports questions. Raises Refused.
    """
    worktree, ask = request.worktree, request.ask
    if worktree is None:
        worktree = project is not None and project.worktree
    if ask is None:
        ask = project is not None and project.ask and can_ask
    elif ask and not can_ask:
        raise Refused(ErrorCode.CANNOT_ASK, "the agent of this job does not support questions")
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
