"""The submodules of worktrees: checked out from the repositories that the project has of them, without a network.

Git gives each worktree repositories of its own for submodules, and deletes them with it. So what they have and the
project's repositories have not is work, which is fetched into those before it could be lost.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from luzia_protocol.jobs import Worktree

from luziad.worktrees.git import Git, GitError

_GITLINK = b"160000"
_HEAD_BEFORE = "refs/luzia/head"
"""Keeps the HEAD of a submodule whose files were deleted, when they are checked out again."""
_TO_FETCH = "refs/luzia/fetched"
_LOCAL = ("-c", "protocol.file.allow=always")
"""Git refuses submodules from a directory of this machine otherwise; these are the project's own."""


class Submodule(NamedTuple):
    """A submodule that is checked out in a worktree. path: in the worktree. place: its directory.

    origin: the project's repository of it, which is a directory of git. links: its commits that the repository
    around it names, in commits of its own and in its index.
    """

    path: str
    place: str
    origin: str
    links: tuple[str, ...]


class SubmoduleUnavailable(Exception):
    """A submodule cannot be checked out. The message says which, and why."""


def check_out(git: Git, tree: Worktree) -> None:
    """Check out the submodules that the project has initialised, also those inside of others.

    Those that it has not initialised stay empty, as in the project. Raises SubmoduleUnavailable and GitError.
    """
    _check_out(git, tree.path, _git_directory(git, tree.repository))


def list_submodules(git: Git, tree: Worktree) -> list[Submodule]:
    """The submodules that are checked out, each before those inside of it. Raises GitError."""
    if not _registered(git, tree.path):
        return []
    own = [name for name in ("HEAD", f"refs/heads/{tree.branch}") if _exists(git, tree.path, name)]
    return list(_below(git, tree.path, _git_directory(git, tree.repository), "", [*own, f"^{tree.base}"]))


def as_worktree(tree: Worktree, submodule: Submodule) -> Worktree:
    """The submodule as if it were a worktree of the project's repository of it."""
    place = submodule.place
    return Worktree(place, place, "", tree.base, None, submodule.origin)


def count_unmerged(git: Git, submodule: Submodule) -> int:
    """How many commits it has that the project's repository of it does not have by any name. Raises GitError."""
    own = list_commits(git, submodule)
    known = _list_named(git, submodule.origin)
    return int(git.run(submodule.place, "rev-list", "--count", "--ignore-missing", *own, "--not", *known).line)


def list_commits(git: Git, submodule: Submodule) -> list[str]:
    """The commits that HEAD, the references and the stashes of a submodule name, and its links. Raises GitError.

    A job may have committed a link to a commit that nothing in the submodule names any longer.
    """
    kinds = ("refs/heads", "refs/stash", "refs/luzia", "refs/worktree", "refs/bisect", "refs/rewritten")
    found = git.run(submodule.place, "for-each-ref", "--format=%(objectname)", *kinds).out.split()
    head = git.run(submodule.place, "rev-parse", "--verify", "--quiet", "HEAD", codes=(0, 1, 128)).out.split()
    stashes = git.run(submodule.place, "reflog", "show", "--format=%H", "refs/stash", codes=(0, 128))
    links = [link for link in submodule.links if _exists(git, submodule.place, link)]
    return [*dict.fromkeys((*(os.fsdecode(name) for name in (*head, *found, *stashes.out.split())), *links))]


def fetch(git: Git, submodule: Submodule, commit: str, reference: str) -> None:
    """Have the project's repository keep a commit of the submodule under a reference. Raises GitError."""
    git.run(submodule.place, "update-ref", _TO_FETCH, commit)
    git.run(
        "/",
        "--git-dir",
        submodule.origin,
        *_LOCAL,
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        submodule.place,
        f"+{_TO_FETCH}:{reference}",
    )


def publish(git: Git, tree: Worktree) -> None:
    """Have the project's repositories keep what is checked out, as a branch of the name of the worktree's.

    Raises GitError.
    """
    for submodule in list_submodules(git, tree) if os.path.isdir(tree.path) else ():
        if count_unmerged(git, submodule):
            fetch(git, submodule, git.run(submodule.place, "rev-parse", "HEAD").line, f"refs/heads/{tree.branch}")


def _check_out(git: Git, place: str, project: str) -> None:
    """project: the project's directory of git for what is checked out in `place`."""
    own = _git_directory(git, place)
    for name, path in _registered(git, place):
        origin = os.path.join(project, "modules", name)
        if not os.path.isdir(origin):
            continue
        inner, before = os.path.join(place, path), os.path.join(own, "modules", name)
        if os.path.lexists(os.path.join(inner, ".git")):
            _check_out(git, inner, origin)
            continue
        if os.path.isdir(before):
            git.run("/", "--git-dir", before, "update-ref", _HEAD_BEFORE, "HEAD")
        update = ("submodule", "--quiet", "update", "--", path)
        try:
            git.run(place, *_LOCAL, "-c", f"submodule.{name}.url={origin}", *update)
        except GitError:  # the project has not fetched this commit yet
            try:
                git.run(place, *update)
            except GitError as exc:
                raise SubmoduleUnavailable(f"the submodule {path} cannot be checked out: {exc}") from exc
        address = git.run("/", "--git-dir", origin, "config", "remote.origin.url", codes=(0, 1)).line
        if address:
            git.run(inner, "config", "remote.origin.url", address)
        _check_out(git, inner, origin)


def _below(git: Git, place: str, project: str, prefix: str, commits: list[str]) -> Iterator[Submodule]:
    """commits: those of the repository in `place` that may be its own, as arguments of git log."""
    own = _git_directory(git, place)
    for name, path in _registered(git, place):
        origin, inner = os.path.join(project, "modules", name), os.path.join(place, path)
        is_own = os.path.lexists(os.path.join(inner, ".git")) and _git_directory(git, inner).startswith(f"{own}/")
        if is_own and os.path.isdir(origin):
            submodule = Submodule(prefix + path, inner, origin, _find_links(git, place, path, commits))
            yield submodule
            if _registered(git, inner):
                own_commits = [*list_commits(git, submodule), *(f"^{known}" for known in _list_named(git, origin))]
                yield from _below(git, inner, origin, f"{prefix}{path}/", own_commits)


def _find_links(git: Git, place: str, path: str, commits: list[str]) -> tuple[str, ...]:
    """The commits of a submodule that the index and some commits of the repository in `place` name."""
    listed = git.run(place, "ls-files", "--stage", "-z", "--", path).out.split(b"\0")
    found = [entry.split()[1] for entry in listed if entry.startswith(_GITLINK)]
    options = ("--ignore-missing", "--format=", "--raw", "--no-abbrev", "--no-renames", "-m")
    for line in git.run(place, "log", *options, *commits, "--", path).out.splitlines():
        _, mode, _, commit, *_ = line.split()
        if mode == _GITLINK:
            found.append(commit)
    return tuple(dict.fromkeys(os.fsdecode(commit) for commit in found))


def _list_named(git: Git, directory: str) -> list[str]:
    """The commits that HEAD and the references of a directory of git name."""
    named = git.run("/", "--git-dir", directory, "for-each-ref", "--format=%(objectname)").out.split()
    head = git.run("/", "--git-dir", directory, "rev-parse", "--verify", "--quiet", "HEAD", codes=(0, 1, 128))
    return [*dict.fromkeys(os.fsdecode(name) for name in (*named, *head.out.split()))]


def _exists(git: Git, place: str, name: str) -> bool:
    """Whether a repository has the commit."""
    return git.run(place, "cat-file", "-e", f"{name}^{{commit}}", codes=(0, 1, 128)).code == 0


def _registered(git: Git, place: str) -> list[tuple[str, str]]:
    """The names and paths of the submodules in the index."""
    listed = git.run(place, "ls-files", "--stage", "-z").out.split(b"\0")
    links = {os.fsdecode(entry.partition(b"\t")[2]) for entry in listed if entry.startswith(_GITLINK)}
    if not links:
        return []
    pattern = r"^submodule\..*\.path$"
    paths = git.run(place, "config", "--file", ".gitmodules", "-z", "--get-regexp", pattern, codes=(0, 1, 128)).out
    found: list[tuple[str, str]] = []
    for entry in paths.split(b"\0"):
        key, _, path = os.fsdecode(entry).partition("\n")
        name = key.removeprefix("submodule.").removesuffix(".path")
        if path in links and os.pardir not in name.split("/"):
            found.append((name, path))
    return found


def _git_directory(git: Git, place: str) -> str:
    return git.run(place, "rev-parse", "--absolute-git-dir").line
