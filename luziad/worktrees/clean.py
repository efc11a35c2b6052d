"""Says whether a job's tree may go, and takes it away. Nothing goes that is not also somewhere else.

A tree stays for whatever git would call uncommitted, for commits that no other branch or tag has, for anything that
git is in the middle of, and whenever git cannot say. What git ignores goes with the
tree, as with `git worktree remove`.
"""

from __future__ import annotations

import os
import tempfile

from luzia_protocol.jobs import Worktree

from luziad.worktrees.create import BRANCHES, tip
from luziad.worktrees.git import Git, GitError

_TOLD = 3
_UNDER_WAY = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
    "sequencer": "a sequence of commits",
}


def why_kept(git: Git, tree: Worktree) -> str | None:
    """Why the tree must stay, in words; None when nothing would be lost with it."""
    try:
        if not os.path.isdir(tree.repository) and not os.path.lexists(tree.path):
            return None  # there is nothing that could be deleted
        if os.path.lexists(tree.path):
            return _Inside(git, tree).why_kept()
        if not os.path.isdir(os.path.dirname(tree.path)):
            return f"{os.path.dirname(tree.path)} is not there"
        return _unmerged(git, tree, tree.repository, [*_branch_tip(git, tree), *_left_head(git, tree)])
    except GitError as exc:
        return f"git cannot tell what is in it: {exc}"
    except OSError as exc:
        return f"it cannot be read: {exc.strerror}"


def take_away(git: Git, tree: Worktree) -> str | None:
    """Delete a tree that `why_kept` lets go, and its branch; returns why it stayed after all, or None."""
    try:
        there = os.path.isdir(tree.repository)
        last = tip(git, tree.repository, tree.branch) if there else None
        why = why_kept(git, tree)
        if why is not None or not there:
            return why
        if os.path.lexists(tree.path) or _entry(git, tree) is not None:
            git.ask(tree.repository, "worktree", "remove", "--", tree.path)  # looks again, and refuses by itself
        if last is not None:
            git.ask(tree.repository, "update-ref", "-d", BRANCHES + tree.branch, last)  # only if it is still there
    except GitError as exc:
        return f"git would not take it away: {exc}"
    except OSError as exc:
        return f"it cannot be taken away: {exc.strerror}"
    return None


class _Inside:
    """Looks into a tree that is there."""

    def __init__(self, git: Git, tree: Worktree) -> None:
        self._git = git
        self._tree = tree
        self._ceiling = os.path.dirname(tree.path)

    def why_kept(self) -> str | None:
        tree = self._tree
        if os.path.islink(tree.path) or os.path.realpath(self._line("rev-parse", "--show-toplevel")) != tree.path:
            return f"{tree.path} is no worktree any more"
        directory = self._line("rev-parse", "--absolute-git-dir")
        for name, words in _UNDER_WAY.items():
            if os.path.lexists(os.path.join(directory, name)):
                return f"{words} is under way in it"
        return (
            self._uncommitted()
            or self._hidden()
            or self._repositories()
            or self._own_refs()
            or _unmerged(self._git, tree, tree.path, [*_branch_tip(self._git, tree), *self._head()])
        )

    def _ask(self, *words: str, index: str | None = None) -> bytes:
        return self._git.ask(self._tree.path, *words, index=index, ceiling=self._ceiling).out

    def _line(self, *words: str) -> str:
        return os.fsdecode(self._ask(*words).removesuffix(b"\n"))

    def _head(self) -> list[str]:
        found = self._git.ask(
            self._tree.path,
            "rev-parse",
            "--verify",
            "--quiet",
            "HEAD^{commit}",
            codes=(0, 1, 128),
            ceiling=self._ceiling,
        )
        return [found.line] if found.code == 0 else []

    def _uncommitted(self, index: str | None = None, absent: frozenset[bytes] = frozenset()) -> str | None:
        """What git calls uncommitted. absent: files whose absence is on purpose."""
        status = self._ask(
            "status",
            "--porcelain",
            "-z",
            "--untracked-files=all",
            "--ignore-submodules=none",
            "--no-renames",
            index=index,
        )
        entries = [entry for entry in status.split(b"\0") if entry]
        names = [entry[3:] for entry in entries if not (entry[:2] == b" D" and entry[3:] in absent)]
        return _listed("uncommitted", [os.fsdecode(name) for name in names])

    def _hidden(self) -> str | None:
        """Changes in files that git was told not to look at (assume-unchanged, skip-worktree)."""
        tags = [entry for entry in self._ask("ls-files", "-v", "-z").split(b"\0") if entry]
        if not any(tag[:1].islower() or tag[:1] == b"S" for tag in tags):
            return None
        with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
            index = os.path.join(scratch, "index")
            self._ask("read-tree", "HEAD", index=index)
            return self._uncommitted(index, frozenset(tag[2:] for tag in tags if tag[:1] in b"Ss"))

    def _repositories(self) -> str | None:
        """Repositories in the tree: git sees no more of them than a commit's name."""
        found = []
        for place, directories, files in os.walk(self._tree.path, onerror=_raise):
            if place != self._tree.path and ".git" in (*directories, *files):
                found.append(place)
                directories.clear()
            elif ".git" in directories:
                directories.remove(".git")
        kept = [place for place in found if not self._is_ignored(place)]
        return _listed("a repository of its own", [os.path.relpath(place, self._tree.path) for place in kept])

    def _is_ignored(self, place: str) -> bool:
        words = ("check-ignore", "--quiet", "--", place)
        return self._git.ask(self._tree.path, *words, codes=(0, 1, 128), ceiling=self._ceiling).code == 0

    def _own_refs(self) -> str | None:
        refs = self._ask("for-each-ref", "--format=%(refname)", "refs/worktree", "refs/bisect", "refs/rewritten")
        return _listed("a reference of its own", os.fsdecode(refs).split())


def _branch_tip(git: Git, tree: Worktree) -> list[str]:
    last = tip(git, tree.repository, tree.branch)
    return [] if last is None else [last]


def _left_head(git: Git, tree: Worktree) -> list[str]:
    """The commit that was checked out in a tree whose directory somebody has deleted."""
    entry = _entry(git, tree)
    if entry is None:
        return []
    with open(os.path.join(entry, "HEAD"), encoding="utf-8", errors="surrogateescape") as file:
        head = file.read().strip()
    return [] if head.startswith("ref:") else [head]


def _entry(git: Git, tree: Worktree) -> str | None:
    """The directory in which the repository keeps what it knows of the tree."""
    common = os.path.join(tree.repository, git.ask(tree.repository, "rev-parse", "--git-common-dir").line)
    entries = os.path.join(common, "worktrees")
    for name in os.listdir(entries) if os.path.isdir(entries) else ():
        entry = os.path.join(entries, name)
        try:
            with open(os.path.join(entry, "gitdir"), encoding="utf-8", errors="surrogateescape") as file:
                place = os.path.dirname(os.path.join(entry, file.read().rstrip("\n")))
        except FileNotFoundError:
            continue
        if os.path.realpath(place) == tree.path:
            return entry
    return None


def _unmerged(git: Git, tree: Worktree, directory: str, commits: list[str]) -> str | None:
    """Why these commits would be lost with the tree's branch: no other branch or tag has them."""
    own = os.fsencode(BRANCHES + tree.branch)
    if (other := _elsewhere(git, tree, directory)) is not None:
        return f"its branch {tree.branch} is checked out in {other}"
    for commit in dict.fromkeys(commits):
        words = (
            "for-each-ref",
            f"--contains={commit}",
            "--format=%(refname)",
            "refs/heads",
            "refs/remotes",
            "refs/tags",
        )
        holders = git.ask(directory, *words).out.split()
        if not set(holders) - {own}:
            exclude = f"--exclude={BRANCHES}{tree.branch}"
            count = git.ask(
                directory, "rev-list", "--count", commit, "--not", exclude, "--branches", "--remotes", "--tags"
            )
            words_of = "1 commit is" if count.line == "1" else f"{count.line} commits are"
            return f"{words_of} unmerged (on {tree.branch})"
    return None


def _elsewhere(git: Git, tree: Worktree, directory: str) -> str | None:
    """Another work tree in which the tree's branch is checked out."""
    place = ""
    for line in os.fsdecode(git.ask(directory, "worktree", "list", "--porcelain").out).splitlines():
        key, _, value = line.partition(" ")
        place = value if key == "worktree" else place
        if key == "branch" and value == BRANCHES + tree.branch and os.path.realpath(place) != tree.path:
            return place
    return None


def _listed(what: str, names: list[str]) -> str | None:
    """`2 files are uncommitted: a, b`; None when there are no names."""
    if not names:
        return None
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    verb = "are" if len(names) > 1 else "is"
    return f"{', '.join(names[:_TOLD])}{more} {verb} {what}"


def _raise(error: OSError) -> None:
    raise error
