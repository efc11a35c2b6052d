"""Worktrees of jobs in the states in which people and agents leave repositories."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luzia_protocol.jobs import Job, JobState

from git_projects import Repository
from luzia_client.trees import WorktreeError, diff, merge
from luziad.worktrees import clean, create
from luziad.worktrees.git import Git

JOB = "113754-a2f5"
BRANCH = f"luzia/{JOB}"


class World:
    """A project with the worktree of a job. prepare: what is done to the project before."""

    def __init__(self, root: Path, prepare: Callable[[Repository], object] | None = None) -> None:
        self.root = root
        self.project = Repository(root / "project", root / "home").init()
        if prepare is not None:
            prepare(self.project)
        self.git = Git(self.project.env)
        self.worktree = create.plan_worktree(self.git, str(self.project.root), JOB, str(root / "trees"))
        create.create_worktree(self.git, self.worktree, used=False)
        self.tree = self.project.at(self.worktree.path)

    @property
    def job(self) -> Job:
        return Job(JOB, "", "project", "shell", "a task", JobState.COMPLETED, datetime.now(UTC))

    def merge(self, *, commit: bool) -> merge.MergeResult:
        return merge.merge_branch(self.job, self.worktree, commit=commit, message=None)

    def retry(self) -> None:
        """What the next attempt does with the worktree."""
        create.create_worktree(self.git, self.worktree, used=True)

    def unsaved(self) -> str | None:
        return clean.find_unsaved_work(self.git, self.worktree)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory, with an account of the test's own for what runs git as the user does."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return Path(os.path.realpath(tmp_path))


def sparse_cone(project: Repository) -> None:
    _with_two_directories(project)
    project.git("sparse-checkout", "set", "--cone", "in")


def sparse_patterns(project: Repository) -> None:
    _with_two_directories(project)
    project.git("sparse-checkout", "set", "--no-cone", "/in/", "/README")


def _with_two_directories(project: Repository) -> None:
    project.write("in/f", "in\n")
    project.write("out/f", "out\n")
    project.commit("two directories")


# ---------------------------------------------------------------------- clean


def test_clean_counts_the_commits_that_are_unmerged(root: Path) -> None:
    world = World(root)
    world.tree.commit("one")
    assert world.unsaved() == f"1 commit is unmerged (on {BRANCH})"
    world.tree.commit("two")
    world.tree.commit("three")
    world.project.git("tag", "kept", f"{BRANCH}~2")
    assert world.unsaved() == f"2 commits are unmerged (on {BRANCH})"
    shutil.rmtree(world.worktree.path)
    assert world.unsaved() == f"2 commits are unmerged (on {BRANCH})"


def test_clean_says_that_unmerged_commits_are_on_a_detached_head(root: Path) -> None:
    world = World(root)
    world.tree.git("checkout", "-q", "--detach")
    world.tree.commit("one")
    assert world.unsaved() == "1 commit is unmerged (on a detached HEAD)"


# ---------------------------------------------------------------------- sparse checkouts


@pytest.mark.parametrize("sparse", [sparse_cone, sparse_patterns])
def test_what_is_written_outside_of_a_sparse_checkout_is_shown_and_committed(
    root: Path, sparse: Callable[[Repository], None]
) -> None:
    world = World(root, sparse)
    assert not (world.tree.root / "out").exists()
    world.tree.write("in/f", "changed\n")
    world.tree.write("out/f", "changed\n")
    world.tree.write("new/f", "new\n")
    assert [path for path, _, _ in diff.changed_files(world.worktree)] == ["in/f", "new/f", "out/f"]
    done = world.merge(commit=True)
    assert done.commits == 1
    assert world.project.git("diff", "--name-only", "HEAD~1", "HEAD").split() == ["in/f", "new/f", "out/f"]
    assert world.project.git("show", "HEAD:out/f") == "changed"
    assert world.unsaved() is None


@pytest.mark.parametrize("sparse", [sparse_cone, sparse_patterns])
def test_one_changed_file_outside_of_a_sparse_checkout_is_not_committed_as_nothing(
    root: Path, sparse: Callable[[Repository], None]
) -> None:
    world = World(root, sparse)
    world.tree.write("out/f", "changed\n")
    assert world.merge(commit=True).commits == 1
    assert world.project.git("show", "HEAD:out/f") == "changed"


@pytest.mark.parametrize("sparse", [sparse_cone, sparse_patterns])
def test_a_sparse_checkout_stays_sparse_in_a_commit(root: Path, sparse: Callable[[Repository], None]) -> None:
    world = World(root, sparse)
    world.tree.write("in/f", "changed\n")
    world.merge(commit=True)
    assert world.project.git("show", "HEAD:out/f") == "out"
    assert not (world.tree.root / "out").exists()


def test_files_that_differ_only_by_their_line_endings_make_no_empty_commit(root: Path) -> None:
    world = World(root, lambda project: project.git("config", "core.autocrlf", "true"))
    (world.tree.root / "README").write_bytes(b"first\n")  # as the repository has it; checked out with CR
    assert world.merge(commit=True).commits == 0
    world.tree.write("README", "second\n")
    assert world.merge(commit=True).commits == 1
    assert world.project.git("show", "HEAD:README") == "second"


# ---------------------------------------------------------------------- another attempt


def test_a_deleted_worktree_is_restored_for_another_attempt(root: Path) -> None:
    world = World(root)
    world.tree.write("committed", "c\n")
    world.tree.commit("work")
    world.tree.write("staged", "s\n")
    world.tree.git("add", "staged")
    shutil.rmtree(world.worktree.path)
    world.retry()
    assert sorted(os.listdir(world.tree.root)) == [".git", "README", "committed", "staged"]
    assert world.tree.git("symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"
    assert world.tree.git("status", "--porcelain") == "A  staged"


def test_a_deleted_worktree_is_restored_at_its_detached_head(root: Path) -> None:
    world = World(root)
    world.tree.git("checkout", "-q", "--detach")
    commit = world.tree.commit("on no branch")
    shutil.rmtree(world.worktree.path)
    world.retry()
    assert world.tree.git("rev-parse", "HEAD") == commit


@pytest.mark.parametrize("sparse", [sparse_cone, sparse_patterns])
def test_a_deleted_worktree_is_restored_sparse(root: Path, sparse: Callable[[Repository], None]) -> None:
    world = World(root, sparse)
    shutil.rmtree(world.worktree.path)
    world.retry()
    assert sorted(os.listdir(world.tree.root)) == [".git", "README", "in"]
    assert world.tree.git("status", "--porcelain") == ""


def test_a_deleted_and_pruned_worktree_is_made_from_its_branch(root: Path) -> None:
    world = World(root)
    world.tree.write("committed", "c\n")
    world.tree.commit("work")
    shutil.rmtree(world.worktree.path)
    world.project.git("worktree", "prune")
    world.retry()
    assert (world.tree.root / "committed").read_text() == "c\n"


def test_a_deleted_worktree_without_its_branch_is_not_made_from_somebody_elses(root: Path) -> None:
    world = World(root)
    world.project.git("worktree", "remove", "--force", world.worktree.path)
    world.project.git("branch", "-D", BRANCH)
    world.retry()
    assert world.tree.git("rev-parse", "HEAD") == world.worktree.base


def test_a_worktree_that_was_moved_is_named_and_not_made_twice(root: Path) -> None:
    world = World(root)
    world.project.git("worktree", "move", world.worktree.path, str(root / "moved"))
    with pytest.raises(create.WorktreeUnavailable) as raised:
        world.retry()
    assert str(raised.value) == (
        f"{BRANCH} is checked out in {root}/moved: move that worktree back to {world.worktree.path}, or remove it"
    )
    assert not os.path.lexists(world.worktree.path)
    assert world.unsaved() == f"its branch {BRANCH} is checked out in {root}/moved"


def test_a_branch_that_the_user_has_checked_out_is_not_taken_away(root: Path) -> None:
    world = World(root)
    shutil.rmtree(world.worktree.path)
    world.project.git("worktree", "prune")
    world.project.git("checkout", "-q", BRANCH)
    with pytest.raises(create.WorktreeUnavailable, match=f"{BRANCH} is checked out in {world.project.root}"):
        world.retry()


def test_a_locked_worktree_is_used_kept_and_restored(root: Path) -> None:
    world = World(root)
    world.project.git("worktree", "lock", world.worktree.path)
    world.retry()
    assert "locked" in (clean.remove_worktree(world.git, world.worktree) or "")
    shutil.rmtree(world.worktree.path)
    world.retry()
    assert (world.tree.root / "README").exists()


def test_a_branch_that_was_deleted_under_its_worktree_is_no_obstacle_to_another_attempt(root: Path) -> None:
    world = World(root)
    world.project.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    world.retry()
    with pytest.raises(WorktreeError, match=f"the branch {BRANCH} does not exist any more"):
        world.merge(commit=False)


def test_a_left_over_lock_of_the_index_is_named_before_anything_is_merged(root: Path) -> None:
    world = World(root)
    world.tree.write("new", "n\n")
    lock = Path(world.tree.git("rev-parse", "--git-path", "index.lock"))
    lock.touch()
    before = world.project.picture()
    with pytest.raises(WorktreeError) as raised:
        world.merge(commit=True)
    assert raised.value.message == "a git command is running in the worktree, or was killed there"
    assert raised.value.hint == f"Then delete {lock}."
    assert world.project.picture() == before
    lock.unlink()
    assert world.merge(commit=True).commits == 1


def test_a_deleted_worktree_is_restored_although_a_lock_of_its_index_is_left_over(root: Path) -> None:
    world = World(root)
    Path(world.tree.git("rev-parse", "--git-path", "index.lock")).touch()
    shutil.rmtree(world.worktree.path)
    world.retry()
    assert (world.tree.root / "README").exists()
