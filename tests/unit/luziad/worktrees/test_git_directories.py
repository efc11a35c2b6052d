"""The directories that a commit in a worktree writes to are named one by one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from luziad.worktrees.create import create_worktree, find_entry, list_git_directories, plan_worktree
from luziad.worktrees.git import Git

_ENV = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
_USER = ("-c", "user.name=A", "-c", "user.email=a@b")


def git(directory: Path, *words: str) -> str:
    """Run git in a directory."""
    done = subprocess.run(["git", *_USER, *words], cwd=directory, env=_ENV, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_commit_in_a_worktree_writes_to_the_listed_directories_only(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q")
    git(repository, "commit", "-q", "--allow-empty", "-m", "one")
    runner = Git(_ENV)
    tree = plan_worktree(runner, str(repository), "113754-a2f5", str(tmp_path / "trees"))
    create_worktree(runner, tree, used=False)
    listed = list_git_directories(runner, tree)
    assert all(Path(each).is_dir() for each in listed)
    own = git(Path(tree.path), "rev-parse", "--absolute-git-dir")
    assert sorted(listed) == [
        f"{repository}/.git/{name}"
        for name in ("logs/refs/heads", "objects", "refs/heads", Path(own).relative_to(repository / ".git"))
    ]
    before = _files(repository / ".git")
    (Path(tree.path) / "new").write_text("x")
    git(Path(tree.path), "add", "new")
    git(Path(tree.path), "commit", "-q", "-m", "two")
    changed = {path for path, state in _files(repository / ".git").items() if before.get(path) != state}
    assert changed
    assert [path for path in changed if not path.startswith(tuple(f"{each}/" for each in listed))] == []


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
def test_a_commit_of_a_file_of_git_lfs_writes_to_the_listed_directories_only(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q")
    git(repository, "lfs", "install", "--local")
    (repository / ".gitattributes").write_text("*.big filter=lfs -text\n")
    (repository / "old.big").write_text("old")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "one")
    runner = Git(_ENV)
    tree = plan_worktree(runner, str(repository), "113754-a2f5", str(tmp_path / "trees"))
    create_worktree(runner, tree, used=False)
    listed = list_git_directories(runner, tree)
    before = _files(repository / ".git")
    (Path(tree.path) / "new.big").write_text("new")
    git(Path(tree.path), "add", "new.big")
    git(Path(tree.path), "commit", "-q", "-m", "two")
    changed = {path for path, state in _files(repository / ".git").items() if before.get(path) != state}
    assert any("/lfs/objects/" in path for path in changed)
    assert [path for path in changed if not path.startswith(tuple(f"{each}/" for each in listed))] == []


def test_what_a_job_has_put_among_the_entries_of_worktrees_is_passed_over(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q")
    git(repository, "commit", "-q", "--allow-empty", "-m", "one")
    runner = Git(_ENV)
    tree = plan_worktree(runner, str(repository), "113754-a2f5", str(tmp_path / "trees"))
    create_worktree(runner, tree, used=False)
    entries = repository / ".git" / "worktrees"
    for name in ("aa", "bb", "cc"):
        (entries / name).mkdir()
    os.mkfifo(entries / "aa" / "gitdir")
    (entries / "bb" / "gitdir").symlink_to("/dev/zero")
    (entries / "cc" / "gitdir").write_bytes(b"x" * 1_000_000)
    (entries / "dd").write_text("")
    assert find_entry(runner, tree) == str(entries / "113754-a2f5")


def _files(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
