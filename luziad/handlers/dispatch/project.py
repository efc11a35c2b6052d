"""Validates where a job runs and what runs it: its project, its directory and its agent."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable

from luzia_protocol.errors import REMEDIES, ErrorCode, Refused

from luziad.config.project_names import ProjectNames
from luziad.config.schema import Config
from luziad.operations.programs import Programs


def validate_project(project: str, config: Config, names: ProjectNames, programs: Programs) -> tuple[str, str]:
    """The project's name and directory. Raises Refused.

    project: a configured name, the name of another directory with jobs, or an absolute path.
    """
    if project not in config.projects:
        directory = project if project.startswith("/") else names.directory(project)
        if directory is None:
            raise unknown_project(config, project)
        validate_directory(directory, programs)
        name = names.name(directory)
        if name not in config.projects:
            return name, os.path.realpath(directory)
        project = name
    path = config.projects[project].path
    validate_directory(path, programs, f"the directory of project {project}, ")
    return project, path


def validate_directory(path: str, programs: Programs, what: str = "") -> None:
    """Raise Refused unless a job can run in the directory."""
    if not path.startswith("/") or "\0" in path:
        raise Refused(ErrorCode.BAD_REQUEST, f"{what}'{path}' is not an absolute path")
    problem = programs.directory_problem(path)
    if problem is not None:
        raise Refused(ErrorCode.PROJECT_DIRECTORY_MISSING, f"{what}{path}{',' if what else ''} {problem}")


def unknown_project(config: Config, name: str, others: Iterable[str] = ()) -> Refused:
    """The refusal of a project, with the most similar name as its hint. others: names that are not configured."""
    known = [*config.projects, *others]
    near = [each for each in known if each.casefold() == name.casefold()] or difflib.get_close_matches(name, known, n=1)
    suggestion = f"Did you mean {near[0]}? " if near else ""
    code = ErrorCode.UNKNOWN_PROJECT
    return Refused(code, f"project '{name}' not found", f"{suggestion}{REMEDIES[code]}")
