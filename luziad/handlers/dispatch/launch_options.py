"""Validates how a job's agent is launched: in a git worktree, with leave to ask, with more in its system prompt."""

from __future__ import annotations

import os

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Dispatch

from luziad.config.schema import ProjectConfig, first_set
from luziad.handlers.dispatch.inputs import validate_system_prompt
from luziad.jobs.record import LaunchOptions
from luziad.operations.programs import Programs

MAX_UMASK = 0o777


def validate_launch_options(request: Dispatch, project: ProjectConfig, *, can_ask: bool) -> LaunchOptions | None:
    """The job's launch options, from the request or else its project; None for the defaults.

    can_ask: its agent supports questions. Raises Refused.
    """
    if request.ask and not can_ask:
        raise Refused(ErrorCode.CANNOT_ASK, "the agent of this job does not support questions")
    worktree = first_set(request.worktree, None, project.worktree)
    ask = first_set(request.ask, None, project.ask and can_ask)
    system_prompt = request.system_prompt or ""
    if system_prompt:
        validate_system_prompt(system_prompt, request)
    if not (worktree or ask or system_prompt):
        return None
    return LaunchOptions(worktree=worktree, ask=ask, system_prompt=system_prompt)


def validate_umask(umask: int | None) -> None:
    """Raise Refused for an invalid umask."""
    if umask is not None and not 0 <= umask <= MAX_UMASK:
        raise Refused(ErrorCode.BAD_REQUEST, f"`umask` must be from 0 to {MAX_UMASK} (0o777), not {umask}")


def validate_repository(directory: str, path: str, programs: Programs) -> None:
    """Check what is visible without running git; the rest fails when the worktree is created.

    directory: where the job would run without a worktree. path: its PATH. Raises Refused.
    """
    if programs.which("git", path) is None:
        raise Refused(ErrorCode.NO_GIT, "a worktree needs git, which is not on the PATH of the job")
    parent = os.path.realpath(directory)
    while not os.path.lexists(os.path.join(parent, ".git")):
        if parent == "/":
            raise Refused(ErrorCode.NO_REPOSITORY, f"{directory} is not in a git repository")
        parent = os.path.dirname(parent)
