"""Checks of a dispatch that asks for more than the plain way of working."""

from __future__ import annotations

import os

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Dispatch

from luziad.config.schema import ProjectConfig
from luziad.jobs.record import LaunchOptions
from luziad.operations.programs import Programs


def wants_more(request: Dispatch, project: ProjectConfig | None) -> bool:
    """Whether there is anything to check: for most jobs there is not."""
    if request.worktree is not None or request.ask is not None:
        return True
    return project is not None and (project.worktree or project.ask)


def manner(
    request: Dispatch, project: ProjectConfig | None, directory: str, can_ask: bool, programs: Programs
) -> LaunchOptions | None:
    """How the job is to work, None for the plain way.

    directory: where it would run. can_ask: its agent can. Raises Refused.
    """
    worktree, ask = request.worktree, request.ask
    if worktree is None:
        worktree = project is not None and project.worktree
    if ask is None:
        ask = project is not None and project.ask and can_ask
    elif ask and not can_ask:
        raise Refused(ErrorCode.CANNOT_ASK, "the agent of this job cannot be answered")
    if worktree:
        _check_repository(directory, programs)
    return LaunchOptions(worktree=worktree, ask=ask) if worktree or ask else None


def _check_repository(directory: str, programs: Programs) -> None:
    """What can be seen without running git; the rest shows when the tree is made."""
    if programs.which("git", None) is None:
        raise Refused(ErrorCode.NO_GIT, "a worktree needs git, which is not on the daemon's PATH")
    place = os.path.realpath(directory)
    while not os.path.lexists(os.path.join(place, ".git")):
        if place == "/":
            raise Refused(ErrorCode.NO_REPOSITORY, f"{directory} is in no work tree of a git repository")
        place = os.path.dirname(place)
