"""Gives new worktrees what `git worktree add` does not: submodules, and files of the project, copied or linked.

What is copied or linked is inside of the project, stays inside of the worktree, and is always ignored by git, so that
no commit takes it along.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence

from luzia_protocol.jobs import Worktree

from luziad.supervise.regular_files import open_regular
from luziad.worktrees.create import PROVIDED, WorktreeUnavailable
from luziad.worktrees.git import Git
from luziad.worktrees.submodules import SubmoduleUnavailable, check_out

_SPECIAL = re.compile(r"([\\*?\[\]!# ])")
"""What has a meaning in a line of gitignore(5)."""


def provide_files(git: Git, tree: Worktree, project: str, copy: Sequence[str], link: Sequence[str]) -> str | None:
    """Check out the submodules, and copy and link files into a worktree, unless it has everything already.

    project: the directory that `copy` and `link` are relative to. What does not exist there is left out; what exists
    in the worktree stays. Returns the path of the file whose creation says that the worktree has everything; None if it
    exists. Raises WorktreeUnavailable, GitError and OSError.
    """
    marker = os.path.join(git.run(tree.path, "rev-parse", "--absolute-git-dir").line, PROVIDED)
    if os.path.lexists(marker):
        return None
    try:
        check_out(git, tree)
    except SubmoduleUnavailable as exc:
        raise WorktreeUnavailable(str(exc)) from exc
    if not copy and not link:
        return marker
    source, place = os.path.realpath(project), project_directory(tree, project)
    for paths, put in ((copy, _copy), (link, _link)):
        for path in paths:
            old, new = os.path.join(source, path.rstrip("/")), os.path.join(place, path.rstrip("/"))
            if os.path.lexists(old):
                _check_places(old, source, new, tree.path)
                keep_out_of_git(git, tree.path, new, is_directory=put is _copy and os.path.isdir(old))
            if os.path.lexists(old) and not os.path.lexists(new):
                os.makedirs(os.path.dirname(new), exist_ok=True)
                put(os.path.realpath(old), new)
    return marker


def project_directory(tree: Worktree, project: str) -> str:
    """The directory of the worktree that corresponds to the project's. Raises WorktreeUnavailable."""
    below = os.path.relpath(os.path.realpath(project), os.path.realpath(tree.repository))
    if below.split(os.sep)[0] == os.pardir:
        raise WorktreeUnavailable(f"the project's directory {project} is not in the repository {tree.repository}")
    return os.path.normpath(os.path.join(tree.path, below))


def _check_places(old: str, source: str, new: str, tree: str) -> None:
    """Check that links lead neither out of the project nor out of the worktree. Raises WorktreeUnavailable."""
    for path, top, where in ((old, source, "project"), (os.path.dirname(new), tree, "worktree")):
        real = os.path.realpath(path)
        if not f"{real}/".startswith(f"{top}/"):
            raise WorktreeUnavailable(f"{path} leads out of the {where} to {real}, so it is neither copied nor linked")


def keep_out_of_git(git: Git, tree: str, path: str, *, is_directory: bool) -> None:
    """Have git ignore a path of a worktree before it exists.

    is_directory: what it will be. Raises GitError, OSError, and WorktreeUnavailable if git knows it, or is told not to.
    """
    name = os.path.relpath(path, tree)
    if git.run(tree, "ls-files", "-z", "--", f":(literal){name}").out:
        raise WorktreeUnavailable(f"{name} is in git, so worktrees have it: remove it from `copy` or `link`")
    if _is_ignored(git, tree, name, is_directory):
        return
    common = os.path.join(tree, git.run(tree, "rev-parse", "--git-common-dir").line)
    os.makedirs(os.path.join(common, "info"), exist_ok=True)
    line = "/" + _SPECIAL.sub(r"\\\1", name) + "\n"
    # A job can write there, too.
    with open(
        open_regular(os.path.join(common, "info", "exclude"), os.O_RDWR | os.O_CREAT | os.O_APPEND), "ab"
    ) as file:
        size = file.tell()
        known = os.pread(file.fileno(), 1, size - 1) if size else b""
        file.write(b"\n" * (known not in (b"", b"\n")) + os.fsencode(line))
    if not _is_ignored(git, tree, name, is_directory):
        words = "a rule of .gitignore that begins with `!` includes it, and a commit would take it along"
        raise WorktreeUnavailable(f"{name} is neither copied nor linked: {words}")


def _is_ignored(git: Git, tree: str, name: str, is_directory: bool) -> bool:
    shown = f"{name}/" if is_directory else name
    return git.run(tree, "check-ignore", "--quiet", "--", shown, codes=(0, 1)).code == 0


def _copy(old: str, new: str) -> None:
    """Copy a file or a directory, so that it is complete as soon as it exists. Links are copied as links."""
    scratch = f"{new}.luzia-copy"
    _delete(scratch)  # of a daemon that was killed
    try:
        if os.path.isdir(old):
            shutil.copytree(old, scratch, symlinks=True)
        elif os.path.isfile(old):
            shutil.copy2(old, scratch)
        else:
            raise WorktreeUnavailable(f"{old} is neither a file nor a directory, so it is not copied")
        os.rename(scratch, new)
    except shutil.Error as error:
        old, _, why = error.args[0][0]
        raise WorktreeUnavailable(f"{old} cannot be copied: {why}") from error
    finally:
        _delete(scratch)


def _link(old: str, new: str) -> None:
    os.symlink(old, new)


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
