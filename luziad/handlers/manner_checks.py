"""Checks of a dispatch that asks for more than the plain way of working."""

from __future__ import annotations

import os

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Dispatch

from luziad.config import ProjectConfig
from luziad.core.manner import Manner
from luziad.programs import Programs


def manner(request: Dispatch, project: ProjectConfig | None, directory: str, programs: Programs) -> Manner | None:
    """How the job is to work, None for the plain way. directory: where it would run. Raises Refused."""
    worktree = request.worktree
    if worktree is None:
        worktree = project is not None and project.worktree
    if not worktree:
        return None
    _check_repository(directory, programs)
    return Manner(worktree=True)


def _check_repository(directory: str, programs: Programs) -> None:
    """What can be seen without running git; the rest shows when the tree is made."""
    if programs.which("git", None) is None:
        raise Refused(ErrorCode.NO_GIT, "a worktree needs git, which is not on the daemon's PATH")
    place = os.path.realpath(directory)
    while not os.path.lexists(os.path.join(place, ".git")):
        if place == "/":
            raise Refused(ErrorCode.NO_REPOSITORY, f"{directory} is in no work tree of a git repository")
        place = os.path.dirname(place)
