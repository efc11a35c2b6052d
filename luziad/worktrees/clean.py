"""Removes worktrees of jobs that contain no unsaved (uncommitted or unmerged) work.

A worktree is kept if it has uncommitted changes, commits that are in no other branch or tag, or an unfinished git
operation, and whenever git cannot tell. Ignored files are removed with it, as by `git worktree remove`.
"""

from __future__ import annotations

import os
import tempfile

from luzia_protocol.jobs import Worktree

from luziad.supervise.regular_files import read_regular
from luziad.worktrees.create import BRANCHES, MAX_ENTRY_BYTES, branch_tip, find_checkout, find_entry
from luziad.worktrees.git import Git, GitError
from luziad.worktrees.submodules import as_worktree, count_unmerged, list_submodules

_MAX_NAMES = 3
_OPERATIONS = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
    "sequencer": "a sequence of commits",
}


def find_unsaved_work(git: Git, tree: Worktree) -> str | None:
    """Why the worktree must be kept; None when no work would be lost with it."""
    try:
        if not os.path.isdir(tree.repository) and not os.path.lexists(tree.path):
            return None  # nothing is left to delete
        if os.path.lexists(tree.path):
            return Inspection(git, tree).find_unsaved_work()
        if not os.path.isdir(os.path.dirname(tree.path)):
            return f"{os.path.dirname(tree.path)} does not exist"
        return _unmerged(git, tree, tree.repository, [*_branch_commits(git, tree), *_registered_head(git, tree)])
    except GitError as exc:
        return f"git cannot inspect it: {exc}"
    except OSError as exc:
        return f"cannot read it: {exc.strerror}"


def remove_worktree(git: Git, tree: Worktree) -> str | None:
    """Remove a worktree without unsaved work, and its branch. Returns why it was kept, or None."""
    try:
        repository_exists = os.path.isdir(tree.repository)
        tip = branch_tip(git, tree.repository, tree.branch) if repository_exists else None
        why = find_unsaved_work(git, tree)
        if why is not None or not repository_exists:
            return why
        if os.path.lexists(tree.path) or find_entry(git, tree) is not None:
            # Git checks again, and may refuse; but it always does for a worktree with submodules.
            force = ["--force"] if os.path.lexists(tree.path) and list_submodules(git, tree) else []
            git.run(tree.repository, "worktree", "remove", *force, "--", tree.path)
        if tip is not None:
            git.run(tree.repository, "update-ref", "-d", BRANCHES + tree.branch, tip)  # unless it has moved
    except GitError as exc:
        return f"git refused to remove it: {exc}"
    except OSError as exc:
        return f"cannot remove it: {exc.strerror}"
    return None


def remove_unchanged(git: Git, tree: Worktree) -> bool:
    """Remove a worktree and its branch if both are as they were created, apart from ignored files."""
    try:
        is_same = os.path.isdir(tree.path) and branch_tip(git, tree.repository, tree.branch) == tree.base
    except GitError:
        return False
    return is_same and remove_worktree(git, tree) is None


class Inspection:
    """Inspects an existing worktree."""

    def __init__(self, git: Git, tree: Worktree) -> None:
        self._git = git
        self._tree = tree
        self._ceiling = os.path.dirname(tree.path)

    def find_unsaved_work(self) -> str | None:
        """Why work would be lost with the worktree, or None."""
        if self._is_foreign():
            return f"{self._tree.path} is no longer a worktree"
        for name, operation in _OPERATIONS.items():
            if os.path.lexists(self.path(name)):
                return f"{operation} is in progress in it"
        head = self.head()
        commits = [*_branch_commits(self._git, self._tree), *([] if head is None else [head])]
        return (
            self._find_uncommitted()
            or self._find_hidden_changes()
            or self._find_repositories()
            or self._find_in_submodules()
            or self._find_worktree_refs()
            or _unmerged(self._git, self._tree, self._tree.path, commits)
        )

    def find_foreign(self) -> str | None:
        """Why a commit cannot keep all of the worktree, or None."""
        if self._is_foreign():
            return f"{self._tree.path} is no longer a worktree"
        return self._find_repositories()

    def find_lock(self) -> str | None:
        """That the worktree is locked (`git worktree lock`), or None."""
        return "it is locked (`git worktree unlock` unlocks it)" if os.path.lexists(self.path("locked")) else None

    def head(self) -> str | None:
        """The commit that is checked out; None before the first."""
        names = ("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        found = self._git.run(self._tree.path, *names, codes=(0, 1, 128), ceiling=self._ceiling)
        return found.line if found.code == 0 else None

    def is_detached(self) -> bool:
        """Whether another commit or branch than that of the job is checked out."""
        head = self._git.run(self._tree.path, "symbolic-ref", "--quiet", "HEAD", codes=(0, 1), ceiling=self._ceiling)
        return head.line != BRANCHES + self._tree.branch

    def path(self, name: str) -> str:
        """The path of a file in which git keeps the state of the worktree."""
        return os.path.join(self._line("rev-parse", "--absolute-git-dir"), name)

    def _is_foreign(self) -> bool:
        path = self._tree.path
        return os.path.islink(path) or os.path.realpath(self._line("rev-parse", "--show-toplevel")) != path

    def _run(self, *arguments: str, index: str | None = None) -> bytes:
        return self._git.run(self._tree.path, *arguments, index=index, ceiling=self._ceiling).out

    def _line(self, *arguments: str) -> str:
        return os.fsdecode(self._run(*arguments).removesuffix(b"\n"))

    def _find_uncommitted(self, index: str | None = None, absent: frozenset[bytes] = frozenset()) -> str | None:
        """Uncommitted changes. absent: files that may be missing."""
        status = self._run(
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
        return _list_names("uncommitted", [os.fsdecode(name) for name in names])

    def _find_hidden_changes(self) -> str | None:
        """Changes in files that git was told to ignore (assume-unchanged, skip-worktree)."""
        tags = [entry for entry in self._run("ls-files", "-v", "-z").split(b"\0") if entry]
        if not any(tag[:1].islower() or tag[:1] == b"S" for tag in tags):
            return None
        with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
            index = os.path.join(scratch, "index")
            self._run("read-tree", "HEAD", index=index)
            return self._find_uncommitted(index, frozenset(tag[2:] for tag in tags if tag[:1] in b"Ss"))

    def _find_repositories(self) -> str | None:
        """Repositories in the worktree, of which git sees only a commit id."""
        found, left = [], [self._tree.path]
        while left:  # os.walk calls itself for each level, and a job can nest directories deeper than that may be
            place = left.pop()
            with os.scandir(place) as entries:
                inner = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
            if place != self._tree.path and ".git" in inner:
                found.append(place)
            else:
                left += [os.path.join(place, name) for name, is_dir in inner.items() if is_dir and name != ".git"]
        known = {submodule.place for submodule in list_submodules(self._git, self._tree)}
        kept = [place for place in found if place not in known and not self._is_ignored(place)]
        return _list_names(
            "a repository of its own", [os.path.relpath(place, self._tree.path) for place in sorted(kept)]
        )

    def _find_in_submodules(self) -> str | None:
        """What only the repositories have that git deletes with the worktree."""
        for submodule in list_submodules(self._git, self._tree):
            inner = Inspection(self._git, as_worktree(self._tree, submodule))
            operation = next((each for name, each in _OPERATIONS.items() if os.path.lexists(inner.path(name))), None)
            if operation is not None:
                return f"{operation} is in progress in its submodule {submodule.path}"
            if (
                why := inner._find_uncommitted() or inner._find_hidden_changes() or inner._find_repositories()
            ) is not None:
                return f"in its submodule {submodule.path}, {why}"
            if count := count_unmerged(self._git, submodule):
                commits = "1 commit" if count == 1 else f"{count} commits"
                return f"{commits} of its submodule {submodule.path} {'is' if count == 1 else 'are'} unmerged"
        return None

    def _is_ignored(self, place: str) -> bool:
        words = ("check-ignore", "--quiet", "--", place)
        return self._git.run(self._tree.path, *words, codes=(0, 1, 128), ceiling=self._ceiling).code == 0

    def _find_worktree_refs(self) -> str | None:
        refs = self._run("for-each-ref", "--format=%(refname)", "refs/worktree", "refs/bisect", "refs/rewritten")
        return _list_names("a reference of its own", os.fsdecode(refs).split())


def _branch_commits(git: Git, tree: Worktree) -> list[str]:
    tip = branch_tip(git, tree.repository, tree.branch)
    return [] if tip is None else [tip]


def _registered_head(git: Git, tree: Worktree) -> list[str]:
    """The commit that was checked out in a worktree whose directory was deleted."""
    entry = find_entry(git, tree)
    if entry is None:
        return []
    try:
        head = os.fsdecode(read_regular(os.path.join(entry, "HEAD"), MAX_ENTRY_BYTES)).strip()
    except OSError as exc:
        raise GitError(f"{entry}/HEAD cannot be read: {exc.strerror}") from exc
    return [] if head.startswith("ref:") else [head]


def _unmerged(git: Git, tree: Worktree, directory: str, commits: list[str]) -> str | None:
    """Why commits would be lost with the worktree's branch: no other branch or tag contains them."""
    own = os.fsencode(BRANCHES + tree.branch)
    if (other := find_checkout(git, tree, directory)) is not None:
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
        holders = git.run(directory, *words).out.split()
        if not set(holders) - {own}:
            exclude = f"--exclude={tree.branch}"  # of --branches, whose names it matches without refs/heads/
            count = git.run(
                directory, "rev-list", "--count", commit, "--not", exclude, "--branches", "--remotes", "--tags"
            )
            commits_are = "1 commit is" if count.line == "1" else f"{count.line} commits are"
            at = (
                f"on {tree.branch}" if commit == branch_tip(git, tree.repository, tree.branch) else "on a detached HEAD"
            )
            return f"{commits_are} unmerged ({at})"
    return None


def _list_names(what: str, names: list[str]) -> str | None:
    """`a, b and 2 more are uncommitted`; None when there are no names."""
    if not names:
        return None
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    verb = "are" if len(names) > 1 else "is"
    return f"{', '.join(names[:_MAX_NAMES])}{more} {verb} {what}"
