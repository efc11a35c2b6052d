"""Creates the worktree of a job: first a plan, which is recorded, then the worktree, which may take several attempts.

An incomplete worktree (the daemon, git or the machine died) is recognised and created again. A worktree in which an
agent may have worked is never changed: it is used as it is, or the attempt fails with the reason.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator

from luzia_protocol.jobs import Worktree, branch_of_job

from luziad.supervise.regular_files import UnusableFile, open_regular, read_regular
from luziad.worktrees.git import Git, GitError

BRANCHES = "refs/heads/"
_WRITTEN_BY_COMMITS = ("objects", "refs/heads", "logs/refs/heads", "reftable", "lfs")
MAX_ENTRY_BYTES = 64 * 1024
"""More than any file that git writes in its directory for a worktree; the job can write there, too."""
PROVIDED = "luzia-provided"
"""A file in git's directory for a worktree: it has got all that its project gives to worktrees, see provision.py."""
_LOCK_REASON = "a job of luzia uses it"
_LOCK_TIMEOUT_S = 300.0
"""How long another process may hold the lock of a worktree. It may be the git of a killed daemon; a job can, too."""
_LOCK_CHECK_S = 0.1
_UNFINISHED = "initializing"
"""The content of a worktree's `locked` file while git creates it."""


class WorktreeUnavailable(Exception):
    """No worktree can be created here. The message says why and what to do."""


def plan_worktree(
    git: Git, directory: str, job: str, trees_dir: str, ref: str | None = None, onto: str | None = None
) -> Worktree:
    """Plan the worktree of a job, without changing anything.

    directory: where the job would run without a worktree. ref: at which commit it begins; None is the one that is
    checked out. onto: into which branch its work is merged; None is `ref` if that is a branch, otherwise the one that
    is checked out. Raises WorktreeUnavailable and GitError.
    """
    if git.run(directory, "rev-parse", "--is-inside-work-tree").line != "true":
        raise WorktreeUnavailable(f"{directory} is in a repository without a work tree")
    repository = git.run(directory, "rev-parse", "--show-toplevel").line
    below = git.run(directory, "rev-parse", "--show-prefix").line.rstrip("/")
    base, branch_of_base = _find_base(git, repository, ref)
    if below and git.run(repository, "cat-file", "-t", f"{base}:{below}", codes=(0, 128)).line != "tree":
        raise WorktreeUnavailable(
            f"{directory} is not in the last commit of {repository}: commit it first"
            if ref is None
            else f"{directory} is not in {ref} of {repository}: name another commit"
        )
    path, branch = os.path.join(os.path.realpath(trees_dir), job), branch_of_job(job)
    if os.path.lexists(path) or branch_tip(git, repository, branch) is not None:
        raise WorktreeUnavailable(
            f"the directory {path} or the branch {branch} already exists, for another job with this id"
        )
    status = git.run(repository, "status", "--porcelain", "-z", "--ignore-submodules=none")
    return Worktree(
        path=path,
        directory=os.path.join(path, below) if below else path,
        branch=branch,
        base=base,
        onto=onto or branch_of_base,
        repository=repository,
        dirty=bool(status.out),
    )


def create_worktree(git: Git, tree: Worktree, *, used: bool) -> None:
    """Create the worktree, unless it exists. used: an agent may have worked in it.

    Raises WorktreeUnavailable and GitError.
    """
    os.makedirs(os.path.dirname(tree.path), 0o700, exist_ok=True)
    with _lock(git, tree) as lock:
        if os.path.lexists(tree.path):
            if _is_finished(git, tree):
                return
            if used:
                raise WorktreeUnavailable(f"{tree.path} is no longer a worktree of {tree.repository}")
            shutil.rmtree(tree.path)
        elif used and (entry := find_entry(git, tree)) is not None:
            _restore_files(git, tree, entry)
            return
        if used and (other := find_checkout(git, tree, tree.repository)) is not None:
            raise WorktreeUnavailable(
                f"{tree.branch} is checked out in {other}: move that worktree back to {tree.path}, or remove it"
                if other != tree.repository
                else f"{tree.branch} is checked out in {other}: check out another branch there"
            )
        known = branch_tip(git, tree.repository, tree.branch) is not None
        target = [tree.path, tree.branch] if known else ["--no-track", "-b", tree.branch, tree.path, tree.base]
        force = [] if used else ["--force", "--force"]  # an incomplete worktree is already registered
        git.run(tree.repository, "worktree", "add", "--quiet", *force, *target, keep_open=lock)


def _find_base(git: Git, repository: str, ref: str | None) -> tuple[str, str | None]:
    """The commit at which a worktree begins, and the branch into which its work is merged, if there is one.

    Raises WorktreeUnavailable.
    """
    commit = f"{ref or 'HEAD'}^{{commit}}"
    found = git.run(repository, "rev-parse", "--verify", "--quiet", commit, codes=(0, 1, 128))
    if found.code != 0 and ref is None:
        raise WorktreeUnavailable(f"{repository} has no commit yet: make a first commit")
    if found.code != 0:
        raise WorktreeUnavailable(
            f"{repository} has no branch, tag or commit named {ref}: `git branch --all` and `git tag` list them"
        )
    if ref is not None:
        shown = git.run(repository, "show-ref", "--verify", "--quiet", BRANCHES + ref, codes=(0, 1, 128))
        if shown.code == 0:
            return found.line, ref
    return found.line, branch_of(git, repository)


def list_git_directories(git: Git, tree: Worktree) -> list[str]:
    """The directories outside of a worktree that a commit in it writes to, without the hooks and the configuration."""
    own = git.run(tree.path, "rev-parse", "--absolute-git-dir").line
    common = os.path.join(tree.path, git.run(tree.path, "rev-parse", "--git-common-dir").line)
    shared = [os.path.join(common, name) for name in _WRITTEN_BY_COMMITS]
    return [own, *filter(os.path.isdir, shared)]


def lock_worktree(git: Git, tree: Worktree) -> None:
    """Have git neither remove nor move nor prune the worktree, unless it is locked already. Raises GitError."""
    if not os.path.lexists(_lock_file(git, tree)):
        git.run(tree.repository, "worktree", "lock", "--reason", _LOCK_REASON, tree.path)


def unlock_worktree(git: Git, tree: Worktree) -> None:
    """Undo `lock_worktree`; a lock with another reason stays. Raises GitError and OSError."""
    try:
        reason = read_regular(_lock_file(git, tree), MAX_ENTRY_BYTES).decode(errors="replace").strip()
    except FileNotFoundError:
        return
    if reason == _LOCK_REASON:
        git.run(tree.repository, "worktree", "unlock", tree.path)


def _lock_file(git: Git, tree: Worktree) -> str:
    """The file whose existence locks the worktree. Raises FileNotFoundError if git knows no such worktree."""
    if (entry := find_entry(git, tree)) is None:
        raise FileNotFoundError(f"{tree.path} is not a worktree of {tree.repository}")
    return os.path.join(entry, "locked")


def discard_worktree(git: Git, tree: Worktree) -> bool:
    """Discard an incomplete worktree in which no agent has worked. True when nothing of it is left."""
    try:
        if os.path.lexists(tree.path):
            git.run(tree.repository, "worktree", "remove", "--force", "--force", "--", tree.path)
        if branch_tip(git, tree.repository, tree.branch) is not None:
            git.run(tree.repository, "update-ref", "-d", BRANCHES + tree.branch, tree.base)
    except GitError:
        return False
    return not os.path.lexists(tree.path)


def branch_of(git: Git, directory: str) -> str | None:
    """The branch that is checked out in a work tree; None for a detached HEAD."""
    head = git.run(directory, "symbolic-ref", "--quiet", "HEAD", codes=(0, 1))
    return head.line.removeprefix(BRANCHES) if head.code == 0 else None


def branch_tip(git: Git, repository: str, branch: str) -> str | None:
    """The commit of a branch of the repository; None when the branch does not exist."""
    found = git.run(repository, "rev-parse", "--verify", "--quiet", BRANCHES + branch, codes=(0, 1, 128))
    return found.line if found.code == 0 else None


def find_entry(git: Git, tree: Worktree) -> str | None:
    """The repository's directory for this worktree."""
    common = os.path.join(tree.repository, git.run(tree.repository, "rev-parse", "--git-common-dir").line)
    entries = os.path.join(common, "worktrees")
    for name in os.listdir(entries) if os.path.isdir(entries) else ():
        entry = os.path.join(entries, name)
        try:
            written = read_regular(os.path.join(entry, "gitdir"), MAX_ENTRY_BYTES).partition(b"\0")[0]
        except (FileNotFoundError, NotADirectoryError, UnusableFile):
            continue  # a job can write here
        place = os.path.dirname(os.path.join(entry, os.fsdecode(written).rstrip("\n")))
        if os.path.realpath(place) == tree.path:
            return entry
    return None


def find_checkout(git: Git, tree: Worktree, directory: str) -> str | None:
    """Another work tree in which the worktree's branch is checked out."""
    place = ""
    for line in os.fsdecode(git.run(directory, "worktree", "list", "--porcelain").out).splitlines():
        key, _, value = line.partition(" ")
        place = value if key == "worktree" else place
        if key == "branch" and value == BRANCHES + tree.branch and os.path.realpath(place) != tree.path:
            return place
    return None


def list_hidden(git: Git, directory: str, index: str) -> Iterator[tuple[str, list[str]]]:
    """The files of which an index says not to look at them, by the option of `update-index` that ends this.

    Files that a sparse checkout leaves out are not among them.
    """
    tags = [os.fsdecode(tag) for tag in git.run(directory, "ls-files", "-v", "-z", index=index).out.split(b"\0") if tag]
    assumed = [tag[2:] for tag in tags if tag[0].islower()]
    skipped = [tag[2:] for tag in tags if tag[0] in "Ss" and os.path.lexists(os.path.join(directory, tag[2:]))]
    for option, names in (("--no-assume-unchanged", assumed), ("--no-skip-worktree", skipped)):
        for begin in range(0, len(names), 1000):
            yield option, names[begin : begin + 1000]


def _restore_files(git: Git, tree: Worktree, entry: str) -> None:
    """Restore a worktree whose directory was deleted, from what the repository still knows: its HEAD and its index."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(entry, PROVIDED))  # what was copied into it is gone, too
    scratch = f"{tree.path}.restoring"
    shutil.rmtree(scratch, ignore_errors=True)  # of a daemon that was killed
    os.mkdir(scratch)
    git.run(scratch, "--git-dir", entry, "--work-tree", scratch, "checkout-index", "--all")
    with open(os.path.join(scratch, ".git"), "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"gitdir: {entry}\n")
    os.rename(scratch, tree.path)


def _is_finished(git: Git, tree: Worktree) -> bool:
    ceiling = os.path.dirname(tree.path)
    top = git.run(tree.path, "rev-parse", "--show-toplevel", codes=(0, 128), ceiling=ceiling)
    if top.code != 0 or os.path.realpath(top.line) != tree.path:
        return False
    locked = os.path.join(git.run(tree.path, "rev-parse", "--absolute-git-dir", ceiling=ceiling).line, "locked")
    try:
        return read_regular(locked, MAX_ENTRY_BYTES).decode(errors="replace").strip() != _UNFINISHED
    except (FileNotFoundError, UnusableFile):
        return True


@contextlib.contextmanager
def _lock(git: Git, tree: Worktree) -> Iterator[int]:
    """Lock a worktree while it is created. The git process of a killed daemon still holds the lock.

    Raises WorktreeUnavailable if another process keeps the lock, and GitError if git is stopped meanwhile.
    """
    path = os.path.join(os.path.dirname(tree.path), f".{os.path.basename(tree.path)}.lock")
    deadline_s = time.monotonic() + _LOCK_TIMEOUT_S
    while (descriptor := _take_lock(path)) is None:
        if git.processes.stopped:
            raise GitError("git was stopped")
        if time.monotonic() >= deadline_s:
            raise WorktreeUnavailable(f"another process has kept {path} locked for {_LOCK_TIMEOUT_S:g} s: end it")
        time.sleep(_LOCK_CHECK_S)
    try:
        yield descriptor
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.close(descriptor)


def _take_lock(path: str) -> int | None:
    """A descriptor of a lock file that is locked; None if another process has it, or has just deleted it."""
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.stat(path), os.fstat(descriptor)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
