"""The client's git that waits for what never comes is ended; git that works is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luzia_protocol.jobs import Worktree

from git_projects import Repository
from luzia_client.trees import WorktreeError, running
from luzia_client.trees.branches import push_branch
from luzia_client.trees.diff import MAX_INDEX_BYTES, changed_files, diff_text
from luzia_client.trees.git import run_git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setattr(running, "STALL_S", 0.3)
    return Repository(tmp_path / "project", tmp_path / "home").init()


def tree_of(repository: Repository) -> Worktree:
    place = str(repository.root)
    return Worktree(place, place, "main", repository.git("rev-parse", "HEAD"), "main", place)


@pytest.mark.parametrize("name", [".gitattributes", ".git/config", ".git/info/exclude", ".git/HEAD"])
def test_a_file_of_the_repository_that_is_a_fifo_ends_a_diff(repository: Repository, name: str) -> None:
    tree, place = tree_of(repository), repository.root / name
    repository.write("new", "content\n")
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    for look in (changed_files, lambda tree: diff_text(tree, colour=False, max_bytes=1000)):
        with pytest.raises(WorktreeError, match="made no progress"):
            look(tree)


def test_a_filter_that_works_does_not_end_git(repository: Repository) -> None:
    repository.git("config", "--global", "filter.slow.clean", "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; cat")
    repository.write(".gitattributes", "slow filter=slow\n")
    repository.write("slow", "content\n")
    run_git(str(repository.root), "add", "slow", env={"HOME": str(repository.home)})
    assert repository.git("show", ":slow") == "content"


def test_a_push_waits_for_as_long_as_the_other_side_takes(repository: Repository, tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    repository.git("init", "--quiet", "--bare", str(remote))
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nsleep 1\n")
    hook.chmod(0o700)
    repository.git("remote", "add", "origin", str(remote))
    tree = tree_of(repository)
    push_branch(tree, "origin", tree.base)
    assert repository.git("ls-remote", str(remote), "main").startswith(tree.base)


def test_an_index_of_any_size_is_not_copied(repository: Repository) -> None:
    tree = tree_of(repository)
    os.truncate(repository.root / ".git" / "index", MAX_INDEX_BYTES + 1)
    with pytest.raises(WorktreeError, match="no index"):
        changed_files(tree)
