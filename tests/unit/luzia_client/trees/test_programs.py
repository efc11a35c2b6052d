"""The user's git runs no program that a job has configured in the repository, and those of the user as usual."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from luzia_protocol.jobs import Worktree

from luzia_client.trees import WorktreeError, programs
from luzia_client.trees.diff import changed_files, diff_text
from luzia_client.trees.git import run_git
from luzia_client.trees.programs import neutral_options

SETTINGS = (
    "core.fsmonitor",
    "core.pager",
    "diff.external",
    "diff.evil.textconv",
    "diff.evil.command",
    "filter.evil.clean",
    "filter.evil.smudge",
    "filter.evil.process",
    "merge.evil.driver",
)


def git(directory: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=directory, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    directory = tmp_path / "project"
    directory.mkdir()
    git(directory, "init", "--quiet", "--initial-branch=main")
    git(directory, "config", "--global", "user.email", "a@b")
    git(directory, "config", "--global", "user.name", "A")
    (directory / "file").write_text("one\n")
    git(directory, "add", ".")
    git(directory, "commit", "--quiet", "-m", "first")
    return directory


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that leaves a trace, and copies its input or the file that it is given."""
    path = tmp_path / "program"
    path.write_text(f'#!/bin/sh\necho "$0 $*" >> {tmp_path}/trace\n[ -f "$1" ] && exec cat "$1"\nexec cat\n')
    path.chmod(0o755)
    return path


def use_everything(directory: Path) -> None:
    """Do what `diff` and `merge` do: see changes, add them, switch and merge."""
    base = git(directory, "rev-parse", "HEAD").strip()
    here = str(directory)
    tree = Worktree(path=here, directory=here, branch="main", base=base, repository=here, onto="")
    (directory / "file").write_text("two\n")
    assert b"+two" in diff_text(tree, colour=False, max_bytes=10_000)
    assert changed_files(tree) == [(".gitattributes", 1, 0), ("file", 1, 1)]
    run_git(str(directory), "status", "--porcelain")
    run_git(str(directory), "add", ".")
    run_git(str(directory), "commit", "--quiet", "-m", "second")
    run_git(str(directory), "checkout", "--quiet", "-b", "other", base)
    (directory / "file").write_text("three\n")
    (directory / ".gitattributes").write_text("file diff=evil filter=evil merge=evil\n")
    run_git(str(directory), "add", ".")
    run_git(str(directory), "commit", "--quiet", "-m", "third")
    assert run_git(str(directory), "merge", "main", codes=(0, 1)).code == 1
    assert "\nthree\n=======\ntwo\n" in (directory / "file").read_text()


@pytest.mark.parametrize("scope", ["--local", "--worktree"])
def test_no_program_that_the_repository_names_runs(repository: Path, program: Path, tmp_path: Path, scope: str) -> None:
    git(repository, "config", "extensions.worktreeConfig", "true")
    for setting in SETTINGS:
        git(repository, "config", scope, setting, str(program))
    git(repository, "config", scope, "filter.evil.required", "true")
    (repository / ".gitattributes").write_text("file diff=evil filter=evil merge=evil\n")
    use_everything(repository)
    assert not (tmp_path / "trace").exists(), (tmp_path / "trace").read_text()


def test_programs_of_the_user_run_also_when_the_repository_names_others(
    repository: Path, program: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.write_text(program.read_text())
    mine.chmod(0o755)
    git(repository, "config", "--global", "filter.evil.clean", str(mine))
    git(repository, "config", "--local", "filter.evil.clean", str(program))
    (repository / ".gitattributes").write_text("file filter=evil\n")
    (repository / "file").write_text("two\n")
    run_git(str(repository), "add", ".")
    assert str(mine) in (tmp_path / "trace").read_text()
    assert str(program) + " " not in (tmp_path / "trace").read_text()


def test_without_programs_git_gets_no_options(repository: Path) -> None:
    assert neutral_options(str(repository)) == ()


@pytest.mark.parametrize("how", ["uploadpack", "ext", "vcs"])
def test_what_a_partial_clone_lacks_is_not_fetched_by_a_program_that_the_repository_names(
    repository: Path, program: Path, tmp_path: Path, how: str
) -> None:
    git(repository, "config", "core.repositoryFormatVersion", "1")
    git(repository, "config", "extensions.partialClone", "evil")
    git(repository, "config", "remote.evil.promisor", "true")
    if how == "uploadpack":
        git(repository, "config", "remote.evil.url", str(repository))
        git(repository, "config", "remote.evil.uploadpack", str(program))
    elif how == "ext":
        git(repository, "config", "remote.evil.url", f"ext::{program}")
        git(repository, "config", "protocol.ext.allow", "always")
    else:
        git(repository, "config", "remote.evil.url", "any")
        git(repository, "config", "remote.evil.vcs", "ext")
    git(repository, "rm", "-q", "--cached", "file")
    blob = git(repository, "rev-parse", "HEAD:file").strip()
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(WorktreeError):
        run_git(str(repository), "diff", "HEAD")
    assert not (tmp_path / "trace").exists(), (tmp_path / "trace").read_text()


def test_settings_that_a_job_makes_while_its_work_is_shown_are_noticed(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert neutral_options(str(repository)) == ()
    git(repository, "config", "core.fsmonitor", "/evil")
    monkeypatch.setattr(programs, "_now", lambda: 0)  # some time later
    assert neutral_options(str(repository)) == ("-c", "core.fsmonitor=")


def test_included_settings_are_those_of_the_repository(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("[core]\nfsmonitor = /evil\n")
    git(repository, "config", "include.path", str(tmp_path / "other"))
    assert neutral_options(str(repository)) == ("-c", "core.fsmonitor=")
