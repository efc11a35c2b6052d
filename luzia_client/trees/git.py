"""Runs git for the user: with their settings and their name, in the directory that is meant and in no other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from luzia_client.trees.errors import TreeError

_LOCAL = frozenset(
    (
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CEILING_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NAMESPACE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    )
)
"""Variables by which git, a hook of it for example, tells its children which repository they are in."""


class Answer(NamedTuple):
    """code: git's exit code. out: its stdout."""

    code: int
    out: bytes

    @property
    def line(self) -> str:
        """The output as one name, without its newline."""
        return os.fsdecode(self.out.removesuffix(b"\n"))

    @property
    def names(self) -> list[str]:
        """The output of an option `-z` as names."""
        return [os.fsdecode(name) for name in self.out.split(b"\0") if name]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The user's variables without those that name another repository."""
    return {name: value for name, value in os.environ.items() if name not in _LOCAL} | dict(more or {})


def ask(directory: str, *words: str, codes: Sequence[int] = (0,), env: Mapping[str, str] | None = None) -> Answer:
    """Run git in a directory, without hooks; raises TreeError with git's words for any other exit code."""
    argv = ["git", "-c", "core.hooksPath=/dev/null", *words]
    try:
        done = subprocess.run(
            argv,
            cwd=directory,
            env=environment({"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}) | dict(env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as exc:
        raise TreeError(f"git cannot be run in {directory}: {exc.strerror}") from exc
    if done.returncode not in codes:
        words_of_git = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        raise TreeError(f"git {words[0]}: {words_of_git}")
    return Answer(done.returncode, done.stdout)
