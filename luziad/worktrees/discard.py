"""Discards the work in a worktree, and restores it: a commit keeps all of it under a reference of its own.

The commit's tree is what was in the worktree, without ignored files. Its parents are all commits that only the worktree
or its branch had; its message says what they were.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator

from luzia_protocol.jobs import Worktree

from luziad.worktrees.clean import Inspection
from luziad.worktrees.create import BRANCHES, branch_tip, create_worktree, find_checkout, find_entry, list_hidden
from luziad.worktrees.git import Git, GitError
from luziad.worktrees.submodules import (
    SubmoduleUnavailable,
    as_worktree,
    check_out,
    fetch,
    list_commits,
    list_submodules,
)

REFERENCES = "refs/luzia/discarded/"
_AUTHOR = ("-c", "user.name=luzia", "-c", "user.email=luzia@localhost")
_OTHER_HEADS = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "ORIG_HEAD")
_OWN_REFERENCES = ("refs/worktree", "refs/bisect", "refs/rewritten")
_MAX_INDEX_BYTES = 2 * 1024**3
"""More than the index of the largest repositories."""
_BRANCH, _HEAD, _INDEX, _OTHER, _SUBMODULE = "Branch", "Head", "Index", "Other", "Submodule "


class CannotDiscard(Exception):
    """The work cannot be kept, so it is not discarded; or what was kept cannot be restored. The message says why."""


def keep_work(git: Git, tree: Worktree, job: str) -> str | None:
    """Keep all work of a worktree in a commit, and return it; None if nothing is left to keep.

    Raises CannotDiscard, GitError and OSError.
    """
    if not os.path.isdir(tree.repository):
        if os.path.lexists(tree.path):
            raise CannotDiscard(f"its repository {tree.repository} does not exist")
        return None
    other = find_checkout(git, tree, tree.repository)
    if other is not None:
        raise CannotDiscard(f"its branch {tree.branch} is checked out in {other}")
    if not os.path.lexists(tree.path) and find_entry(git, tree) is not None:
        create_worktree(git, tree, used=True)
    tip = branch_tip(git, tree.repository, tree.branch)
    if os.path.lexists(tree.path):
        if (obstacle := Inspection(git, tree).find_lock()) is not None:
            raise CannotDiscard(obstacle)
        content, kept = _worktree_content(git, tree, tip)
        kept_inside = list(_keep_submodules(git, tree, job))
    elif tip is not None:
        content, kept, kept_inside = f"{tip}^{{tree}}", [(_BRANCH, tip)], []
    else:
        return None
    reference = REFERENCES + job
    before = _commit(git, tree.repository, reference)
    if before is not None:  # an earlier one, or one of a daemon that was killed
        kept.append((_OTHER, before))
    lines = "".join(f"{name}: {commit}\n" for name, commit in (*kept, *kept_inside))
    parents = dict.fromkeys(commit for _, commit in kept)
    commit = _make_commit(git, tree.repository, content, parents, f"Discarded work of job {job}\n\n{lines}")
    git.run(tree.repository, "update-ref", reference, commit, before or "0" * len(commit))
    return commit


def remove_kept(git: Git, tree: Worktree) -> None:
    """Remove a worktree and its branch after `keep_work`. Raises GitError."""
    if not os.path.isdir(tree.repository):
        return
    if os.path.lexists(tree.path) or find_entry(git, tree) is not None:
        git.run(tree.repository, "worktree", "remove", "--force", "--", tree.path)
    tip = branch_tip(git, tree.repository, tree.branch)
    if tip is not None:
        git.run(tree.repository, "update-ref", "-d", BRANCHES + tree.branch, tip)


def restore_work(git: Git, tree: Worktree, commit: str) -> None:
    """Make the worktree and its branch again as they were discarded, from the commit that keeps them.

    Raises CannotDiscard, GitError and OSError; nothing has changed then.
    """
    if not os.path.isdir(tree.repository):
        raise CannotDiscard(f"its repository {tree.repository} does not exist")
    if os.path.lexists(tree.path) or branch_tip(git, tree.repository, tree.branch) is not None:
        raise CannotDiscard(f"{tree.path} or the branch {tree.branch} exists")
    kept = _read_kept(git, tree.repository, commit)
    tip, head = kept.get(_BRANCH), kept.get(_HEAD)
    try:
        if tip is not None:
            git.run(tree.repository, "update-ref", BRANCHES + tree.branch, tip, "0" * len(tip))
        place = [tree.path, tree.branch] if head is None else ["--detach", tree.path, head]
        git.run(tree.repository, "worktree", "add", "--quiet", *place)
        _write_files(git, tree, commit)
        if _INDEX in kept:
            git.run(tree.path, "read-tree", "-m", kept[_INDEX])
        if _OTHER in kept:
            git.run(tree.path, "update-ref", "refs/worktree/discarded", commit)
        _restore_submodules(git, tree, kept)
    except SubmoduleUnavailable as exc:
        remove_kept(git, tree)
        raise CannotDiscard(str(exc)) from exc
    except (GitError, OSError):
        remove_kept(git, tree)
        raise


def delete_copy(git: Git, tree: Worktree, job: str, commit: str) -> None:
    """Delete what `keep_work` has kept, unless other work of the job was kept since. Raises GitError."""
    if os.path.isdir(tree.repository) and _commit(git, tree.repository, REFERENCES + job) == commit:
        _forget_submodules(git, tree, job, commit)
        git.run(tree.repository, "update-ref", "-d", REFERENCES + job, commit)


def commit_of_all(git: Git, tree: Worktree, job: str) -> str:
    """The commit that has all work of a worktree: that of its branch, or a new one that adds what is not committed.

    Raises CannotDiscard if a commit cannot have all of it, GitError and OSError.
    """
    tip = branch_tip(git, tree.repository, tree.branch) or tree.base
    if not os.path.lexists(tree.path):
        return tip
    content, kept = _worktree_content(git, tree, tip)
    head = dict(kept).get(_HEAD, tip)
    for submodule in list_submodules(git, tree):
        if git.run(submodule.place, "status", "--porcelain", "-z", "--ignore-submodules=dirty").out:
            raise CannotDiscard(f"its submodule {submodule.path} has uncommitted changes")
    if content == _tree(git, tree, head):
        return head
    return _make_commit(git, tree.path, content, [head], f"Uncommitted work of job {job}")


def _worktree_content(git: Git, tree: Worktree, tip: str | None) -> tuple[str, list[tuple[str, str]]]:
    """The content of the worktree, and the commits that only it may have, each with what it is."""
    inspection = Inspection(git, tree)
    if (obstacle := inspection.find_foreign()) is not None:
        raise CannotDiscard(obstacle)
    head = inspection.head()
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        index = os.path.join(scratch, "index")
        own = inspection.path("index")
        if os.path.exists(own):
            if os.stat(own).st_size > _MAX_INDEX_BYTES:  # a job can write there
                raise CannotDiscard(f"{own} is no index of git")
            shutil.copy2(own, index)
        staged = git.run(tree.path, "write-tree", index=index, codes=(0, 128))  # 128: a merge is not finished
        for option, names in list_hidden(git, tree.path, index):
            git.run(tree.path, "update-index", option, "--", *names, index=index)
        sparse = git.run(tree.path, "config", "--type=bool", "core.sparseCheckout", codes=(0, 1)).line == "true"
        git.run(tree.path, "add", "--all", *(["--sparse"] if sparse else []), "--", ".", index=index)
        content = git.run(tree.path, "write-tree", index=index).line
    kept = [(_BRANCH, tip)] if tip is not None else []
    if head is not None and (tip is None or inspection.is_detached()):
        kept.append((_HEAD, head))
    if staged.code == 0 and staged.line not in (content, _tree(git, tree, head)):
        kept.append((_INDEX, _make_commit(git, tree.path, staged.line, [], "The index")))
    kept += [(_OTHER, commit) for commit in _other_commits(git, tree)]
    return content, kept


def _keep_submodules(git: Git, tree: Worktree, job: str) -> Iterator[tuple[str, str]]:
    """Keep all work of each submodule in a commit of the project's repository of it; gives the names and commits."""
    for submodule in list_submodules(git, tree):
        content, kept = _worktree_content(git, as_worktree(tree, submodule), None)
        kept += [(_OTHER, commit) for commit in list_commits(git, submodule) if (_HEAD, commit) not in kept]
        lines = "".join(f"{name}: {commit}\n" for name, commit in kept)
        parents = dict.fromkeys(commit for _, commit in kept)
        title = f"Discarded work of job {job} in {submodule.path}"
        commit = _make_commit(git, submodule.place, content, parents, f"{title}\n\n{lines}")
        fetch(git, submodule, commit, f"{REFERENCES}{job}/{commit}")
        yield f"{_SUBMODULE}{submodule.path}", commit


def _restore_submodules(git: Git, tree: Worktree, kept: dict[str, str]) -> None:
    """Make the submodules of a new worktree again as they were."""
    check_out(git, tree)
    paths = [name.removeprefix(_SUBMODULE) for name in kept if name.startswith(_SUBMODULE)]
    for path in paths:
        submodule = next((each for each in list_submodules(git, tree) if each.path == path), None)
        if submodule is None:
            continue  # its entry is not in the index: the copy stays in the project's repository
        inner, commit = as_worktree(tree, submodule), kept[_SUBMODULE + path]
        own = _read_kept(git, submodule.place, commit)
        git.run(submodule.place, "checkout", "--quiet", "--detach", own[_HEAD])
        _write_files(git, inner, commit)
        if _INDEX in own:
            git.run(submodule.place, "read-tree", "-m", own[_INDEX])
        git.run(submodule.place, "update-ref", "refs/luzia/restored", commit)


def _forget_submodules(git: Git, tree: Worktree, job: str, commit: str) -> None:
    """Delete the copies of the submodules' work."""
    modules = os.path.join(git.run(tree.repository, "rev-parse", "--absolute-git-dir").line, "modules")
    wanted = {value for name, value in _read_kept(git, tree.repository, commit).items() if name.startswith(_SUBMODULE)}
    for place, directories, files in os.walk(modules) if wanted else ():
        if "HEAD" in files and "objects" in directories:
            directories[:] = [name for name in directories if name == "modules"]
            for each in wanted:
                reference = f"{REFERENCES}{job}/{each}"
                if _commit(git, place, reference) == each:
                    git.run("/", "--git-dir", place, "update-ref", "-d", reference, each)


def _read_kept(git: Git, directory: str, commit: str) -> dict[str, str]:
    """What a commit that keeps work says that its parents are."""
    lines = os.fsdecode(git.run(directory, "log", "-1", "--format=%B", commit).out).splitlines()
    return {name: value for name, _, value in (line.rpartition(": ") for line in lines)}


def _other_commits(git: Git, tree: Worktree) -> Iterator[str]:
    """The commits of unfinished operations and of references that only the worktree has."""
    for name in _OTHER_HEADS:
        commit = _commit(git, tree.path, name)
        if commit is not None and not git.run(tree.path, "for-each-ref", f"--contains={commit}", "refs/heads").out:
            yield commit
    references = git.run(tree.path, "for-each-ref", "--format=%(objectname)", *_OWN_REFERENCES)
    yield from os.fsdecode(references.out).split()


def _write_files(git: Git, tree: Worktree, commit: str) -> None:
    """Make the files of a new worktree those of a commit, also outside of a sparse checkout. The index stays."""
    changes = git.run(tree.path, "diff-tree", "-r", "--name-status", "--no-renames", "-z", "HEAD", commit).out.split(
        b"\0"
    )
    deleted = [os.fsdecode(name) for kind, name in zip(changes[::2], changes[1::2], strict=False) if kind == b"D"]
    written = [
        os.fsdecode(name) for kind, name in zip(changes[::2], changes[1::2], strict=False) if kind not in (b"", b"D")
    ]
    for name in deleted:
        path = os.path.join(tree.path, name)
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)  # of a submodule, which is not checked out yet
            _remove_empty(os.path.dirname(path), tree.path)
        elif os.path.lexists(path):
            os.unlink(path)
            _remove_empty(os.path.dirname(path), tree.path)
    with tempfile.TemporaryDirectory(prefix="luzia-") as scratch:
        index = os.path.join(scratch, "index")
        git.run(tree.path, "read-tree", commit, index=index)
        for begin in range(0, len(written), 1000):
            git.run(tree.path, "checkout-index", "--force", "--", *written[begin : begin + 1000], index=index)


def _remove_empty(directory: str, top: str) -> None:
    while directory != top and not os.listdir(directory):
        os.rmdir(directory)
        directory = os.path.dirname(directory)


def _make_commit(git: Git, directory: str, content: str, parents: Iterable[str], message: str) -> str:
    options = [word for parent in parents for word in ("-p", parent)]
    return git.run(directory, *_AUTHOR, "commit-tree", content, *options, "-m", message).line


def _commit(git: Git, directory: str, name: str) -> str | None:
    found = git.run(directory, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", codes=(0, 1, 128))
    return found.line if found.code == 0 else None


def _tree(git: Git, tree: Worktree, commit: str | None) -> str | None:
    return None if commit is None else git.run(tree.path, "rev-parse", f"{commit}^{{tree}}").line
