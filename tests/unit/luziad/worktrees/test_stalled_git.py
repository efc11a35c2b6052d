"""Git that waits for what never comes is ended; git that works is not, however long it takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_projects import Repository
from luziad.supervise import process_output
from luziad.worktrees import git as worktrees_git
from luziad.worktrees.git import Git, GitError, GitProcesses


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setattr(worktrees_git, "STALL_S", 0.2)
    monkeypatch.setattr(process_output, "CHECK_S", 0.05)
    return Repository(tmp_path / "project", tmp_path / "home").init()


@pytest.mark.parametrize("name", ["config", "HEAD", "index"])
def test_a_file_of_the_repository_that_is_a_fifo_ends_git(repository: Repository, name: str) -> None:
    place = repository.root / ".git" / name
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(GitError, match="made no progress"):
        Git(repository.env).run(str(repository.root), "status", "--porcelain")


def test_a_filter_that_works_does_not_end_git(repository: Repository) -> None:
    repository.git("config", "filter.slow.clean", "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; cat")
    repository.write(".gitattributes", "slow filter=slow\n")
    repository.write("slow", "content\n")
    Git(repository.env).run(str(repository.root), "add", "slow")
    assert repository.git("show", ":slow") == "content"


def test_git_that_is_stopped_before_it_runs_does_not_run(repository: Repository) -> None:
    processes = GitProcesses()
    processes.stop()
    with pytest.raises(GitError, match="stopped"):
        Git(repository.env, processes=processes).run(str(repository.root), "status")
