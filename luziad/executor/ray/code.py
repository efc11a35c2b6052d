"""Carries the code of a job to a node and its work back, as bundles of git.

A state of a worktree is two commits: the one that is checked out, and one with all that is not committed besides.
Both sides use the same functions: the daemon's host on the job's worktree, a node on a clone that is its copy.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Sequence

import msgspec

from luziad.worktrees.create import WorktreeUnavailable
from luziad.worktrees.git import Git, GitError
from luziad.worktrees.provision import keep_out_of_git

_CARRIED = "refs/luzia/carried"
_KNOWN = "refs/luzia/known"
_MAX_KNOWN = 50
_IDENTITY = ("user.name", "user.email")
_LUZIA = ("-c", "user.name=luzia", "-c", "user.email=luzia@localhost")


class State(msgspec.Struct, frozen=True):
    """The state of a worktree. head: the commit that is checked out. work: one with all files, perhaps the same."""

    head: str
    work: str


class Code(msgspec.Struct, frozen=True):
    """What a node makes its copy of a worktree from.

    repository: a name that is the same for all jobs of the repository. path: the worktree on the daemon's host.
    directories: git's own directories for it there. branch: what is checked out.
    identity: name and address for commits. copied: paths of files that git does not have, and that are sent besides.
    """

    repository: str
    path: str
    directories: list[str]
    branch: str
    state: State
    identity: list[str]
    copied: list[str] = []


def find_state(git: Git, path: str, title: str) -> State:
    """The state of a worktree, whose files that git ignores are left out. title: of the commit. Raises GitError."""
    head = git.run(path, "rev-parse", "--verify", "HEAD").line
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        index = os.path.join(scratch, "index")
        own = git.run(path, "rev-parse", "--path-format=absolute", "--git-path", "index").line
        if os.path.exists(own):
            shutil.copy2(own, index)
        git.run(path, "add", "--all", "--", ".", index=index)
        content = git.run(path, "write-tree", index=index).line
    if content == git.run(path, "rev-parse", f"{head}^{{tree}}").line:
        return State(head, head)
    return State(head, git.run(path, *_LUZIA, "commit-tree", "-p", head, "-m", title, content).line)


def same_files(git: Git, path: str, one: str, other: str) -> bool:
    """Whether two commits have the same files. Raises GitError."""
    return git.run(path, "diff", "--quiet", one, other, codes=(0, 1)).code == 0


def has_state(git: Git, path: str, state: State, title: str) -> bool:
    """Whether the worktree still has this state. title: as for find_state. Raises GitError."""
    now = find_state(git, path, title)
    return now.head == state.head and same_files(git, path, now.work, state.work)


def find_identity(git: Git, path: str) -> list[str]:
    """The user's name and address for commits; empty where none is set. Raises GitError."""
    return [git.run(path, "config", name, codes=(0, 1)).line for name in _IDENTITY]


def write_bundle(git: Git, path: str, state: State, known: Sequence[str], name: str, file: str) -> bool:
    """Write a bundle with a state; False when the other side has all of it. Raises GitError.

    known: commits that the other side has. name: of the references in the bundle.
    """
    own = [each for each in known if git.run(path, "cat-file", "-e", f"{each}^{{commit}}", codes=(0, 1, 128)).code == 0]
    if state.head in own and state.work in own:
        return False
    references = {f"{_CARRIED}/{name}/head": state.head, f"{_CARRIED}/{name}/work": state.work}
    try:
        for reference, commit in references.items():
            git.run(path, "update-ref", reference, commit)
        if not git.run(path, "rev-list", "--max-count=1", *references.values(), "--not", *own).out:
            return False
        git.run(path, "bundle", "create", "--quiet", file, *references, *(f"^{each}" for each in own))
    finally:
        for reference in references:
            git.run(path, "update-ref", "-d", reference)
    return True


def read_bundle(git: Git, path: str, file: str) -> None:
    """Take the commits of a bundle into a repository, without any reference. Raises GitError."""
    git.run(path, "bundle", "unbundle", file)


def apply_state(git: Git, path: str, state: State) -> None:
    """Make the worktree have a state: its branch, and its files with what is not committed. Raises GitError."""
    git.run(path, "reset", "--quiet", "--hard", state.work)
    if state.work != state.head:
        git.run(path, "reset", "--quiet", "--mixed", state.head)


def list_known(git: Git, cache: str) -> list[str]:
    """The commits that a node has of a repository, the newest first. Raises GitError."""
    if not os.path.isdir(cache):
        return []
    found = git.run(
        cache, "for-each-ref", "--sort=-creatordate", f"--count={_MAX_KNOWN}", "--format=%(objectname)", _KNOWN
    )
    return found.out.decode().split()


def make_copy(git: Git, cache: str, code: Code, bundle: str | None, path: str) -> None:
    """Make the copy of a worktree on a node. Raises GitError, OSError.

    cache: the node's repository of the project, which keeps the commits for the next job. bundle: None when it has all.
    """
    if not os.path.isdir(cache):
        os.makedirs(os.path.dirname(cache), 0o700, exist_ok=True)
        git.run(os.path.dirname(cache), "init", "--quiet", "--bare", cache)
    if bundle is not None:
        read_bundle(git, cache, bundle)
    state = code.state
    git.run(cache, "update-ref", f"{_KNOWN}/{state.head}", state.head)
    if state.work != state.head:
        git.run(cache, "update-ref", f"{_KNOWN}/{state.work}", state.work)
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    git.run(cache, "clone", "--quiet", "--shared", "--no-checkout", cache, path)
    git.run(path, "remote", "remove", "origin")
    for name, value in zip(_IDENTITY, code.identity, strict=True):
        if value:
            git.run(path, "config", name, value)
    git.run(path, "checkout", "--quiet", "-B", code.branch, state.head)
    apply_state(git, path, state)


def pack_files(tree: str, paths: Sequence[str], file: str) -> list[str]:
    """Write an archive with files that git does not have; returns the paths that exist. Raises OSError."""
    found = [path for path in paths if os.path.lexists(os.path.join(tree, path))]
    with tarfile.open(file, "w") as archive:
        for path in found:
            archive.add(os.path.join(tree, path), path)
    return found


class _CopiedFiles(tarfile.TarFile):
    """The daemon's own files: links that lead out of the worktree are links on the node as well."""

    extraction_filter = staticmethod(lambda member, path: member)


def unpack_files(git: Git, tree: str, paths: Sequence[str], file: str) -> None:
    """Put such files into the copy of a worktree, and keep them out of its commits. Raises GitError, OSError."""
    with _CopiedFiles.open(file) as archive:
        for path in paths:
            try:
                keep_out_of_git(git, tree, os.path.join(tree, path), is_directory=archive.getmember(path).isdir())
            except WorktreeUnavailable as exc:
                raise GitError(str(exc)) from exc
        archive.extractall(tree)


def replaced_paths(code: Code, path: str) -> list[tuple[str, str]]:
    """Paths on the daemon's host, with what they are on a node, the longest first."""
    git_directory = os.path.join(path, ".git")
    pairs = [(code.path, path), *((each, git_directory) for each in code.directories)]
    return sorted(pairs, key=lambda pair: -len(pair[0]))
