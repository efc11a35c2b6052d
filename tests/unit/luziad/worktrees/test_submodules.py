"""Worktrees of projects with submodules: checked out without a network, and no work in them is lost."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luzia_protocol.jobs import Job, JobState

from git_projects import Repository
from luzia_client.trees import WorktreeError, merge
from luziad.worktrees import clean, create, discard, provision, submodules
from luziad.worktrees.git import Git

JOB = "113754-a2f5"
BRANCH = f"luzia/{JOB}"


class World:
    """A project with the submodule `lib`, inside of which `deep` is another one, and with the worktree of a job.

    The repositories from which they came do not exist any more.
    """

    def __init__(self, root: Path) -> None:
        deep = Repository(root / "far" / "deep", root / "home")
        deep.root.parent.mkdir()
        deep.init()
        lib = deep.at(root / "far" / "lib").init()
        lib.git("submodule", "--quiet", "add", str(deep.root), "deep")
        lib.commit("with deep")
        self.project = deep.at(root / "project").init()
        self.project.git("submodule", "--quiet", "add", "--name", "the lib", str(lib.root), "lib")
        self.project.git("submodule", "--quiet", "add", str(deep.root), "unused")
        self.project.commit("with lib")
        self.project.git("submodule", "--quiet", "update", "--init", "--recursive")
        self.project.git("submodule", "--quiet", "deinit", "unused")
        shutil.rmtree(self.project.root / ".git" / "modules" / "unused")
        shutil.rmtree(root / "far")
        (root / "home" / ".gitconfig").write_text(
            (root / "home" / ".gitconfig").read_text().replace("allow = always", "allow = user")
        )
        self.git = Git(self.project.env)
        self.worktree = create.plan_worktree(self.git, str(self.project.root), JOB, str(root / "trees"))
        self.make()
        self.tree = self.project.at(self.worktree.path)
        self.lib = self.project.at(self.tree.root / "lib")
        self.deep = self.project.at(self.tree.root / "lib" / "deep")

    def make(self) -> None:
        """What every attempt does first."""
        create.create_worktree(self.git, self.worktree, used=False)
        marker = provision.provide_files(self.git, self.worktree, str(self.project.root), [], [])
        if marker is not None:
            Path(marker).touch()

    def unsaved(self) -> str | None:
        return clean.find_unsaved_work(self.git, self.worktree)

    def discard_and_restore(self) -> None:
        commit = discard.keep_work(self.git, self.worktree, JOB)
        assert commit is not None
        discard.remove_kept(self.git, self.worktree)
        assert not self.tree.root.exists()
        discard.restore_work(self.git, self.worktree, commit)
        discard.delete_copy(self.git, self.worktree, JOB, commit)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    return World(Path(os.path.realpath(tmp_path)))


def test_what_the_project_has_initialised_is_checked_out_without_a_network(world: World) -> None:
    assert (world.lib.root / "README").read_text() == (world.deep.root / "README").read_text() == "first\n"
    assert os.listdir(world.tree.root / "unused") == []
    assert world.tree.git("status", "--porcelain") == ""
    assert world.lib.git("config", "remote.origin.url").endswith("/far/lib")
    assert world.unsaved() is None
    assert clean.remove_worktree(world.git, world.worktree) is None
    assert not world.tree.root.exists()
    assert world.project.git("status", "--porcelain") == ""


def test_clean_keeps_what_only_the_worktrees_submodule_has(world: World) -> None:
    (world.deep.root / "new").write_text("new\n")
    assert world.unsaved() == "lib is uncommitted"
    world.deep.commit("in deep")
    world.deep.git("checkout", "-q", "-b", "kept")
    world.deep.git("checkout", "-q", "HEAD~1")
    assert world.unsaved() == "1 commit of its submodule lib/deep is unmerged"
    submodules.publish(world.git, world.worktree)
    assert world.unsaved() is not None  # only what is checked out was published
    world.deep.git("checkout", "-q", "kept")
    submodules.publish(world.git, world.worktree)
    world.deep.git("checkout", "-q", "HEAD~1")
    assert world.unsaved() is None


def test_hidden_changes_and_stashes_in_a_submodule_are_work(world: World) -> None:
    world.lib.git("update-index", "--assume-unchanged", "README")
    world.lib.write("README", "hidden\n")
    assert world.unsaved() == "in its submodule lib, README is uncommitted"
    world.lib.git("update-index", "--no-assume-unchanged", "README")
    world.lib.git("stash")
    assert "of its submodule lib" in (world.unsaved() or "")


def test_discarded_work_in_submodules_is_restored_as_it_was(world: World) -> None:
    world.deep.write("committed", "c\n")
    deep = world.deep.commit("in deep")
    world.deep.write("loose", "l\n")
    world.lib.commit("in lib")
    world.lib.write("staged", "s\n")
    world.lib.git("add", "staged")
    world.lib.write("README", "changed\n")
    (world.lib.root / ".gitmodules").write_text((world.lib.root / ".gitmodules").read_text() + "\n")
    world.tree.write("top", "t\n")
    before = [each.picture()["files"] for each in (world.tree, world.lib, world.deep)]
    world.discard_and_restore()
    assert [each.picture()["files"] for each in (world.tree, world.lib, world.deep)] == before
    assert world.deep.git("rev-parse", "HEAD") == deep
    assert world.deep.git("status", "--porcelain") == "?? loose"
    assert "A  staged" in world.lib.git("status", "--porcelain")
    for module in ("the lib", "the lib/modules/deep"):
        assert world.project.at(world.project.root / ".git/modules" / module).git("for-each-ref", "refs/luzia") == ""


def test_a_deleted_worktree_gets_its_submodules_again_and_keeps_their_commits(world: World) -> None:
    world.lib.write("committed", "c\n")
    commit = world.lib.commit("in lib")
    shutil.rmtree(world.tree.root)
    create.create_worktree(world.git, world.worktree, used=True)
    provision.provide_files(world.git, world.worktree, str(world.project.root), [], [])
    assert (world.lib.root / "README").exists()
    assert world.lib.git("for-each-ref", f"--contains={commit}") != ""
    assert "of its submodule lib" in (world.unsaved() or "")


def test_a_repository_that_the_agent_has_made_is_no_submodule(world: World) -> None:
    inner = world.tree.at(world.tree.root / "inner")
    inner.init()
    assert world.unsaved() == "inner/ is uncommitted"
    with pytest.raises(discard.CannotDiscard, match="a repository of its own"):
        discard.keep_work(world.git, world.worktree, JOB)


def test_a_merge_takes_the_commits_of_submodules_along_and_never_leaves_changes_in_them_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(world.project.home))
    job = Job(JOB, "", "project", "shell", "a task", JobState.COMPLETED, datetime.now(UTC))
    world.deep.write("new", "n\n")
    with pytest.raises(WorktreeError, match="the submodule lib/deep has uncommitted changes"):
        merge.merge_branch(job, world.worktree, commit=True, message=None)
    world.deep.commit("in deep")
    world.lib.commit("in lib")
    merge.merge_branch(job, world.worktree, commit=True, message=None)
    assert world.unsaved() is None
    assert clean.remove_worktree(world.git, world.worktree) is None
    world.project.git("submodule", "--quiet", "update", "--recursive")
    assert (world.project.root / "lib" / "deep" / "new").read_text() == "n\n"
