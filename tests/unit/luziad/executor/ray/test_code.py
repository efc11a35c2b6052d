"""The state of a worktree is carried to a copy and back: commits, and what is not committed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_projects import Repository
from luziad.executor.ray import code
from luziad.executor.ray.code import Code
from luziad.worktrees.git import Git


class Sides:
    """home: a worktree on the daemon's host. place: a node's directory."""

    def __init__(self, root: Path) -> None:
        self.home = Repository(root / "project", root / "user").init()
        self.git = Git(self.home.env)
        self.place = root / "node"
        self.place.mkdir()
        self.sent = 0

    def send(self, name: str) -> tuple[Code, Repository]:
        """Make a copy of the worktree on the node."""
        cache, path = str(self.place / "cache.git"), str(self.place / name)
        home = str(self.home.root)
        state = code.find_state(self.git, home, "Uncommitted")
        bundle = str(self.place / "bundle")
        needed = code.write_bundle(self.git, home, state, code.list_known(self.git, cache), name, bundle)
        self.sent = os.stat(bundle).st_size if needed else 0
        carried = Code("key", home, [], "luzia/1", state, code.find_identity(self.git, home))
        code.make_copy(self.git, cache, carried, bundle if needed else None, path)
        return carried, Repository(Path(path), self.home.home)

    def bring_back(self, carried: Code, copy: Repository) -> None:
        """Apply the state of the copy at home."""
        state = code.find_state(self.git, str(copy.root), "Uncommitted")
        bundle, known = str(self.place / "back"), [carried.state.head, carried.state.work]
        if code.write_bundle(self.git, str(copy.root), state, known, "back", bundle):
            code.read_bundle(self.git, str(self.home.root), bundle)
        code.apply_state(self.git, str(self.home.root), state)


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return Sides(tmp_path)


def test_a_copy_has_the_branch_and_what_is_not_committed(sides: Sides) -> None:
    sides.home.write("README", "changed\n")
    sides.home.write("new/file", "new\n")
    carried, copy = sides.send("one")
    assert copy.git("status", "--porcelain", "-uall") == sides.home.git("status", "--porcelain", "-uall")
    assert copy.git("rev-parse", "HEAD") == sides.home.git("rev-parse", "HEAD") == carried.state.head
    assert copy.git("branch", "--show-current") == "luzia/1"
    assert copy.git("config", "user.name") == "Ada"


def test_commits_changes_and_deletions_come_back(sides: Sides) -> None:
    sides.home.write("old", "old\n")
    sides.home.commit("old")
    carried, copy = sides.send("one")
    copy.write("made", "made\n")
    copy.git("add", "made")
    copy.git("commit", "-q", "-m", "Make it")
    copy.write("README", "changed\n")
    copy.write("untracked", "new\n")
    (copy.root / "old").unlink()
    expected = copy.git("status", "--porcelain", "-uall")
    sides.bring_back(carried, copy)
    assert sides.home.git("log", "-1", "--format=%s") == "Make it"
    assert sides.home.git("status", "--porcelain", "-uall") == expected
    assert (sides.home.root / "untracked").read_text() == "new\n"
    assert sides.home.git("for-each-ref", "refs/luzia") == ""


def test_commits_that_a_node_has_are_not_sent_again(sides: Sides) -> None:
    sides.home.write("large", os.urandom(300_000).hex())
    sides.home.commit("large")
    sides.send("one")
    assert sides.sent > 300_000
    sides.send("two")
    assert sides.sent == 0
    sides.home.write("small", "small\n")
    sides.home.commit("small")
    _, copy = sides.send("three")
    assert 0 < sides.sent < 5_000
    assert (copy.root / "small").read_text() == "small\n"


def test_the_longest_paths_are_replaced_first(tmp_path: Path) -> None:
    carried = Code("k", "/trees/1", ["/p/.git/worktrees/1", "/p/.git"], "b", code.State("a", "a"), ["", ""])
    assert code.replaced_paths(carried, "/node") == [
        ("/p/.git/worktrees/1", "/node/.git"),
        ("/trees/1", "/node"),
        ("/p/.git", "/node/.git"),
    ]
