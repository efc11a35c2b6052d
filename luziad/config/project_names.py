"""Which project a directory is. Everything that needs to know asks ProjectNames.

A project is identified by the real path of its directory. A directory that is not configured gets a name of its own,
which is never the name of a configured project or of another directory: its last part, such as `overb`, or with a hash
of the real path, such as `overb-2f3c`, when `overb` belongs to another directory.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Mapping

from luziad.config.schema import ProjectConfig

_MAX_NAME = 64
_HASH_DIGITS = 4


class ProjectNames:
    """Names directories. The real paths of the configured projects are those at the last `configure`."""

    def __init__(self, projects: Mapping[str, ProjectConfig]) -> None:
        self._projects: dict[str, str] = {}  # configured names -> real paths
        self._configured: dict[str, str] = {}  # real paths -> the first name that is configured for each
        self._names: dict[str, str] = {}  # real paths that are not configured -> names
        self._directories: dict[str, str] = {}  # the reverse
        self.configure(projects)

    def configure(self, projects: Mapping[str, ProjectConfig]) -> bool:
        """Apply the configured projects; returns whether names may have changed.

        The names of other directories are forgotten then: name them again, with the names that they had.
        """
        real_paths = {name: os.path.realpath(project.path) for name, project in projects.items()}
        if real_paths == self._projects and [*real_paths] == [*self._projects]:
            return False
        self._projects = real_paths
        self._configured = {}
        for name, path in real_paths.items():
            self._configured.setdefault(path, name)
        self._names.clear()
        self._directories.clear()
        return True

    def name(self, directory: str, known_as: str = "") -> str:
        """The name of the project that the absolute directory is.

        known_as: the name that it had, if it had one. It is kept unless it is that of another directory now.
        """
        path = os.path.realpath(directory)
        if self._projects.get(known_as) == path:
            return known_as
        return self._configured.get(path) or self._names.get(path) or self._new_name(path, known_as)

    def directory(self, name: str) -> str | None:
        """The real path of the project of this name; None when there is none."""
        name = unicodedata.normalize("NFC", name)
        return self._projects.get(name) or self._directories.get(name)

    def find(self, project: str) -> str:
        """The name of a project by its name, or by its absolute path; a path that has no name is returned as it is."""
        if not project.startswith("/"):
            return unicodedata.normalize("NFC", project)
        path = os.path.realpath(project)
        return self._configured.get(path) or self._names.get(path) or project

    def _new_name(self, path: str, known_as: str) -> str:
        readable = known_as or _readable_name(path)
        digits = hashlib.sha256(os.fsencode(path)).hexdigest()
        name, length = readable, _HASH_DIGITS
        while name in self._projects or name in self._directories:
            name = f"{readable[: _MAX_NAME - length - 1]}-{digits[:length]}"
            length += 1
        self._names[path] = name
        self._directories[name] = path
        return name


def _readable_name(path: str) -> str:
    """The last part of a path, without characters that a job's name cannot have, and not like an option."""
    base = unicodedata.normalize("NFC", os.path.basename(path))
    readable = "".join(char if char.isalnum() or char in "._-" else "-" for char in base)
    return readable.lstrip("-")[:_MAX_NAME] or "root"
