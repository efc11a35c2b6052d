"""Finds the git repositories of a user, and names for them as projects."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from luzia_client.cli.args.command_line import ALIASES, COMMANDS

MAX_DEPTH = 4
MAX_DIRECTORIES = 20_000
"""How many directories are looked at: a home directory can have millions."""
SKIPPED = frozenset(("node_modules", "venv", "vendor", "target", "build", "dist", "__pycache__", "snap", "Library"))
MAX_NAME = 64


class Repository(NamedTuple):
    """A repository. name: that of its project. changed_at: when git last wrote into it, in epoch seconds."""

    name: str
    path: str
    changed_at: float


def find_repositories(home: str, taken: Collection[str] = ()) -> list[Repository]:
    """The repositories below a directory, the most recently used first, with names that differ.

    Hidden directories, links, and what is inside of a repository are left out. taken: names that are in use.
    """
    found = sorted(_walk(home), key=lambda each: -each[1])
    names = {*taken, *COMMANDS, *ALIASES}
    repositories = []
    for path, changed_at in found:
        name = base = project_name(os.path.basename(path))
        number = 1
        while name in names:
            number += 1
            name = f"{base[: MAX_NAME - 4]}-{number}"
        names.add(name)
        repositories.append(Repository(name, path, changed_at))
    return repositories


def project_name(directory: str) -> str:
    """A valid name of a project for a directory of this name."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", directory).lstrip(".-")[:MAX_NAME] or "project"


def _walk(home: str) -> Iterator[tuple[str, float]]:
    left = MAX_DIRECTORIES
    level = [home]
    for _ in range(MAX_DEPTH):
        below: list[str] = []
        for directory in level:
            left -= 1
            if left < 0:
                return
            below += _subdirectories(directory)
        level = []
        for directory in below:
            changed_at = _last_use(directory)
            if changed_at is None:
                level.append(directory)
            else:
                yield directory, changed_at


def _subdirectories(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [
                entry.path
                for entry in entries
                if entry.name[0] != "." and entry.name not in SKIPPED and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []  # what the user cannot read is not theirs to work on


def _last_use(directory: str) -> float | None:
    """When git last wrote into a repository; None if the directory is none."""
    git = os.path.join(directory, ".git")
    try:
        return max(os.stat(os.path.join(git, name)).st_mtime for name in ("HEAD", "index") if _exists(git, name))
    except (OSError, ValueError):
        return None


def _exists(directory: str, name: str) -> bool:
    return os.path.isfile(os.path.join(directory, name))
