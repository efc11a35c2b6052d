"""Validates where a job runs and what runs it: its project, its directory and its agent."""

from __future__ import annotations

import difflib
import os

from luzia_protocol.errors import REMEDIES, ErrorCode, Refused

from luziad.config.schema import Config
from luziad.operations.programs import Programs


def validate_project(project: str, config: Config, programs: Programs) -> tuple[str, str]:
    """The project's name and directory. Raises Refused."""
    known = config.projects.get(project)
    if known is not None:
        validate_directory(known.path, programs, f"the directory of project {project},")
        return project, known.path
    if not project.startswith("/"):
        raise unknown_project(config, project)
    path = os.path.normpath(project)
    validate_directory(path, programs)
    for name, each in config.projects.items():
        if os.path.normpath(each.path) == path:
            return name, each.path
    return _name_project(path), path


def validate_directory(path: str, programs: Programs, what: str = "the directory") -> None:
    """Raise Refused unless a job can run in the directory."""
    if not path.startswith("/") or "\0" in path:
        raise Refused(ErrorCode.BAD_REQUEST, f"{what} '{path}' is not an absolute path")
    problem = programs.directory_problem(path)
    if problem is not None:
        raise Refused(ErrorCode.PROJECT_DIRECTORY_MISSING, f"{what} {path} {problem}")


def unknown_project(config: Config, name: str) -> Refused:
    """The refusal of a project that is not configured, with the most similar name as its hint."""
    near = difflib.get_close_matches(name, config.projects, n=1)
    suggestion = f"Did you mean {near[0]}? " if near else ""
    code = ErrorCode.UNKNOWN_PROJECT
    return Refused(code, f"project '{name}' not found", f"{suggestion}{REMEDIES[code]}")


def _name_project(path: str) -> str:
    """A project name for a path: its last part, without characters that a job name cannot have."""
    name = "".join(char if char.isalnum() or char in "._-" else "-" for char in os.path.basename(path))
    return name[:64] or "root"
