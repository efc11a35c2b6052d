"""Discarded work is kept whole, and restored as it was."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from git_projects import Repository
from luziad.worktrees import create, discard
from luziad.worktrees.git import Git

JOB = "113754-a2f5"
BRANCH = f"luzia/{JOB}"
REFERENCE = f"refs/luzia/discarded/{JOB}"


class World:
    """A project with the worktree of a job."""

    def __init__(self, root: Path, *, sparse: bool = False) -> None:
        self.project = Repository(root / "project", root / "home").init()
        self.project.write("in/f", "in\n")
        self.project.write("out/f", "out\n")
        self.project.commit("two directories")
        if sparse:
            self.project.git("sparse-checkout", "set", "--cone", "in")
        self.git = Git(self.project.env)
        self.worktree = create.plan_worktree(self.git, str(self.project.root), JOB, str(root / "trees"))
        create.create_worktree(self.git, self.worktree, used=False)
        self.tree = self.project.at(self.worktree.path)

    def discard(self) -> str:
        commit = discard.keep_work(self.git, self.worktree, JOB)
        assert commit is not None
        assert self.project.git("rev-parse", REFERENCE) == commit
        discard.remove_kept(self.git, self.worktree)
        assert not os.path.lexists(self.worktree.path)
        assert self.project.git("branch", "--list", "luzia/*") == ""
        return commit

    def restore(self, commit: str) -> None:
        discard.restore_work(self.git, self.worktree, commit)
        discard.delete_copy(self.git, self.worktree, JOB, commit)
        assert self.project.git("for-each-ref", "refs/luzia") == ""

    def picture(self) -> dict[str, object]:
        found = self.tree.picture()
        return {**found, "refs": [line for line in str(found["refs"]).splitlines() if "refs/luzia" not in line]}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(Path(os.path.realpath(tmp_path)))


def test_commits_changes_and_new_files_come_back_as_they_were(world: World) -> None:
    world.tree.write("committed", "c\n")
    world.tree.commit("work")
    world.tree.write("README", "changed\n")
    world.tree.write("dir/new", "new\n").chmod(0o755)
    world.tree.write("staged", "staged\n")
    world.tree.git("add", "staged")
    world.tree.write("staged", "changed since\n")
    (world.tree.root / "in" / "f").unlink()
    before = world.picture()
    world.restore(world.discard())
    assert world.picture() == before
    assert os.access(world.tree.root / "dir" / "new", os.X_OK)
    assert not (world.tree.root / "in").exists()


def test_a_detached_head_comes_back_and_its_commits_with_it(world: World) -> None:
    world.tree.git("checkout", "-q", "--detach")
    world.tree.commit("on no branch")
    before = world.picture()
    world.restore(world.discard())
    assert world.picture() == before


def test_the_content_of_files_that_git_was_told_to_ignore_is_kept(world: World) -> None:
    for option, name in (("--assume-unchanged", "README"), ("--skip-worktree", "in/f")):
        world.tree.git("update-index", option, name)
        world.tree.write(name, "hidden\n")
    world.restore(world.discard())
    assert (world.tree.root / "README").read_text() == (world.tree.root / "in" / "f").read_text() == "hidden\n"


def test_a_rebase_in_progress_is_not_restored_but_its_commits_are_kept(world: World) -> None:
    world.tree.write("README", "mine\n")
    mine = world.tree.commit("mine")
    world.project.write("README", "theirs\n")
    world.project.commit("theirs")
    world.tree.git("rebase", "-q", "main", check=False)
    commit = world.discard()
    world.restore(commit)
    assert world.tree.git("rev-parse", BRANCH) == mine
    assert "<<<<<<<" in (world.tree.root / "README").read_text()
    assert "rebase in progress" not in world.tree.git("status")


def test_a_sparse_worktree_comes_back_sparse_with_what_was_written_outside(tmp_path: Path) -> None:
    world = World(Path(os.path.realpath(tmp_path)), sparse=True)
    world.tree.write("in/f", "changed\n")
    world.tree.write("new/f", "new\n")
    before = world.picture()
    world.restore(world.discard())
    assert world.picture() == before
    assert not (world.tree.root / "out").exists()
    world.tree.write("out/f", "changed\n")
    before = world.picture()
    world.restore(world.discard())
    assert world.picture() == before


def test_a_worktree_whose_directory_was_deleted_is_discarded_with_its_commits(world: World) -> None:
    head = world.tree.commit("work")
    shutil.rmtree(world.worktree.path)
    world.restore(world.discard())
    assert world.tree.git("rev-parse", "HEAD") == head


def test_a_second_discard_keeps_the_first_one_too(world: World) -> None:
    world.tree.write("one", "1\n")
    first = world.discard()
    create.create_worktree(world.git, world.worktree, used=False)
    world.tree.write("two", "2\n")
    second = world.discard()
    assert world.project.git("merge-base", "--is-ancestor", first, second) == ""
    world.restore(second)
    assert world.tree.git("status", "--porcelain") == "?? two"
    assert world.tree.git("rev-parse", "refs/worktree/discarded") == second


@pytest.mark.parametrize(
    ("obstacle", "message"),
    [
        ("inner", "inner is a repository of its own"),
        ("locked", "it is locked (`git worktree unlock` unlocks it)"),
        ("elsewhere", f"its branch {BRANCH} is checked out in "),
    ],
)
def test_what_cannot_be_kept_is_not_discarded(world: World, obstacle: str, message: str) -> None:
    world.tree.write("work", "w\n")
    if obstacle == "inner":
        (world.tree.root / "inner").mkdir()
        world.tree.at(world.tree.root / "inner").init()
    elif obstacle == "locked":
        world.project.git("worktree", "lock", world.worktree.path)
    else:
        world.project.git("checkout", "-q", "--ignore-other-worktrees", BRANCH)
    before = world.picture()
    with pytest.raises(discard.CannotDiscard) as raised:
        discard.keep_work(world.git, world.worktree, JOB)
    assert str(raised.value).startswith(message)
    assert world.picture() == before


def test_a_restore_over_other_work_is_refused(world: World) -> None:
    world.tree.write("one", "1\n")
    commit = world.discard()
    create.create_worktree(world.git, world.worktree, used=False)
    with pytest.raises(discard.CannotDiscard, match="exists"):
        discard.restore_work(world.git, world.worktree, commit)
    assert world.project.git("rev-parse", REFERENCE) == commit
