"""Runs git in a given directory, with the user's settings and identity."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from luzia_client.trees import WorktreeError
from luzia_client.trees.programs import neutral_options
from luzia_client.trees.running import run_command, start

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
"""Variables that name a repository, which git sets for hooks and other children."""
_MAX_LISTED = 10


class GitOutput(NamedTuple):
    """code: git's exit code. out: its stdout."""

    code: int
    out: bytes

    @property
    def line(self) -> str:
        """The output as one line, without its newline."""
        return os.fsdecode(self.out.removesuffix(b"\n"))

    @property
    def names(self) -> list[str]:
        """The output of `-z` as names."""
        return [os.fsdecode(name) for name in self.out.split(b"\0") if name]


def git_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The user's variables, without those that name a repository, and `more`."""
    return {name: value for name, value in os.environ.items() if name not in _LOCAL} | dict(more or {})


def read_git(argv: Sequence[str], directory: str, env: Mapping[str, str], max_bytes: int) -> bytes:
    """What a command of git prints on stdout, cut at `max_bytes`. env: its variables. Raises WorktreeError."""
    null = subprocess.DEVNULL
    try:
        with start(argv, directory, env, stdin=null, stderr=null) as git:
            assert git.stdout is not None
            printed = git.stdout.read(max_bytes)
            if len(printed) == max_bytes:
                git.kill()
                return printed
    except OSError as exc:
        raise WorktreeError(f"cannot run git in {directory}: {exc.strerror}") from exc
    if git.returncode:
        raise WorktreeError(f"git failed with exit code {git.returncode} in {directory}")
    return printed


def run_git(
    directory: str,
    *args: str,
    codes: Sequence[int] = (0,),
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    waits: bool = False,
) -> GitOutput:
    """Run git in a directory, without hooks. waits: for another machine, as a push does.

    Raises WorktreeError for an exit code that is not in `codes`, and when git stalls.
    """
    argv = ["git", "-c", "core.hooksPath=/dev/null", *neutral_options(directory), *args]
    try:
        variables = git_environment({"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}) | dict(env or {})
        result = run_command(argv, directory, variables, stdin or b"", waits=waits)
    except OSError as exc:
        raise WorktreeError(f"cannot run git in {directory}: {exc.strerror}") from exc
    if result.returncode not in codes:
        message = result.stderr.decode(errors="replace").strip() or f"exit code {result.returncode}"
        raise WorktreeError(f"git {args[0]}: {message}")
    return GitOutput(result.returncode, result.stdout)


def resolve_commit(directory: str, name: str) -> str | None:
    """The commit that a name stands for; None if it stands for none."""
    found = run_git(directory, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", codes=(0, 1, 128))
    return found.line if found.code == 0 else None


def content_of(directory: str, commit: str) -> str:
    """The tree of git with all files of a commit; equal files have equal names."""
    return run_git(directory, "rev-parse", "--verify", f"{commit}^{{tree}}").line


def is_ancestor(directory: str, older: str, newer: str) -> bool:
    """Whether the newer commit contains the older one."""
    return run_git(directory, "merge-base", "--is-ancestor", older, newer, codes=(0, 1)).code == 0


def as_text(name: str) -> str:
    """A file name as valid text: bytes that are none are replaced."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def list_names(names: Sequence[str]) -> str:
    """The first names for a message, and how many more there are."""
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(map(as_text, names[:_MAX_LISTED])) + more
