"""Some of a job's changes are merged, and the rest stays where it is and can be merged later."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luzia_protocol.jobs import Job, JobState

from git_projects import Repository
from luzia_client.trees import WorktreeError, programs
from luzia_client.trees.changes import Changes, read_changes
from luzia_client.trees.merge import MergeResult, merge_branch
from luzia_client.trees.preview import preview_merge
from luzia_client.trees.selection import Selection
from luziad.worktrees import clean, create
from luziad.worktrees.git import Git

JOB = "113754-a2f5"
LINES = [f"line {number}\n" for number in range(1, 61)]


class World:
    """A project with a file of 60 lines, and the worktree of a job."""

    def __init__(self, root: Path) -> None:
        self.project = Repository(root / "project", root / "home").init()
        self.project.write("file", "".join(LINES))
        self.project.commit("file")
        self.git = Git(self.project.env)
        self.worktree = create.plan_worktree(self.git, str(self.project.root), JOB, str(root / "trees"))
        create.create_worktree(self.git, self.worktree, used=False)
        self.tree = self.project.at(self.worktree.path)

    def change(self, *numbers: int) -> None:
        """Change these lines of the file in the worktree."""
        lines = (self.tree.root / "file").read_text().splitlines(keepends=True)
        for number in numbers:
            lines[number - 1] = f"changed {number}\n"
        self.tree.write("file", "".join(lines))

    def changes(self) -> Changes:
        return read_changes(self.worktree)

    def merge(
        self,
        files: set[str] = frozenset(),  # type: ignore[assignment]
        hunks: dict[str, set[int]] | None = None,
        check: Callable[[str], None] | None = None,
        content: str | None = None,
    ) -> MergeResult:
        """Merge this selection; without one, everything."""
        numbers = {path: frozenset(chosen) for path, chosen in (hunks or {}).items()}
        chosen = Selection(frozenset(files), numbers, content) if files or hunks else None
        job = Job(JOB, "", "project", "shell", "a task", JobState.COMPLETED, datetime.now(UTC))
        return merge_branch(job, self.worktree, commit=True, message=None, selection=chosen, check=check)

    def read(self, name: str) -> str:
        return (self.project.root / name).read_text()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """One, with an account of the test's own for what runs git as the user does."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return World(Path(os.path.realpath(tmp_path)))


def test_changes_have_files_hunks_and_line_numbers(world: World) -> None:
    world.change(1, 30, 60)
    world.tree.write("new", "one\ntwo")
    world.tree.git("mv", "README", "README.md")
    os.chmod(world.tree.root / "file", 0o755)
    (world.tree.root / "picture").write_bytes(b"\0\1\2")
    changes = world.changes()
    assert changes.base == world.project.git("rev-parse", "HEAD")
    shown = [(each.path, each.status, each.old_path, each.insertions, each.deletions) for each in changes.files]
    assert shown == [
        ("README.md", "renamed", "README", 0, 0),
        ("file", "modified", None, 3, 3),
        ("new", "added", None, 2, 0),
        ("picture", "added", None, None, None),
    ]
    file, new, picture = changes.files[1:]
    assert (file.old_mode, file.new_mode, picture.binary, picture.hunks) == ("100644", "100755", True, [])
    assert [(hunk.number, hunk.old_start, hunk.old_count) for hunk in file.hunks] == [(1, 1, 4), (2, 27, 7), (3, 57, 4)]
    deleted, added = file.hunks[1].lines[3:5]
    assert (deleted.kind, deleted.text, deleted.old, deleted.new) == ("-", "line 30", 30, None)
    assert (added.kind, added.text, added.old, added.new) == ("+", "changed 30", None, 30)
    assert [(line.text, line.has_newline) for line in new.hunks[0].lines] == [("one", True), ("two", False)]


def test_one_hunk_is_merged_and_then_the_rest(world: World) -> None:
    world.change(1, 30, 60)
    world.tree.write("new", "new\n")
    before = {path: (world.tree.root / path).read_bytes() for path in ("file", "new")}
    merged = world.merge(hunks={"file": {2}})
    assert (merged.commits, merged.files_left) == (1, 2)
    assert world.read("file") == "".join([*LINES[:29], "changed 30\n", *LINES[30:]])
    assert not (world.project.root / "new").exists()
    assert {path: (world.tree.root / path).read_bytes() for path in before} == before
    assert world.tree.git("status", "--porcelain") == ""

    left = world.changes()
    assert [(file.path, len(file.hunks)) for file in left.files] == [("file", 2), ("new", 1)]
    world.merge(files={"new"})
    assert world.read("new") == "new\n"
    merged = world.merge(hunks={"file": {1, 2}})
    assert (merged.files_left, world.changes().files) == (0, [])
    assert world.read("file") == before["file"].decode()
    assert clean.find_unsaved_work(world.git, world.worktree) is None


def test_the_rest_is_merged_after_the_branch_has_moved_and_the_agent_has_worked_on(world: World) -> None:
    world.change(1, 30)
    world.project.write("other", "x\n")
    world.project.commit("other")
    world.merge(hunks={"file": {1}})
    world.project.write("other", "y\n")
    world.project.commit("other again")
    world.change(60)
    assert [len(file.hunks) for file in world.changes().files] == [2]
    assert world.merge().files_left == 0
    assert (world.read("file"), world.read("other")) == ((world.tree.root / "file").read_text(), "y\n")


def test_the_branch_does_not_move_to_a_part_that_is_not_verified(world: World) -> None:
    world.change(1, 60)
    before, tree = world.project.picture(), world.tree.picture()
    seen: list[str] = []

    def refuse(commit: str) -> None:
        seen.append(world.project.git("show", f"{commit}:file"))
        raise WorktreeError("no")

    with pytest.raises(WorktreeError, match="no"):
        world.merge(hunks={"file": {1}}, check=refuse)
    assert seen == ["".join(["changed 1\n", *LINES[1:]]).removesuffix("\n")]
    assert (world.project.picture(), world.tree.picture()) == (before, tree)


def test_work_that_changes_during_the_verification_is_not_merged(world: World) -> None:
    world.change(1, 60)
    head = world.project.git("rev-parse", "main")

    def work_on(_commit: str) -> None:
        world.tree.commit("more")

    with pytest.raises(WorktreeError, match="has changed during the verification"):
        world.merge(hunks={"file": {1}}, check=work_on)
    assert world.project.git("rev-parse", "main") == head
    assert world.merge(hunks={"file": {1}}).files_left == 1


def test_a_repeated_preview_adds_nothing_to_the_repository(world: World) -> None:
    world.change(1)
    first = preview_merge(world.worktree)
    assert first.commit is not None
    assert world.project.git("show", f"{first.commit}:file").startswith("changed 1\n")
    count = world.project.git("count-objects")
    assert (preview_merge(world.worktree), world.project.git("count-objects")) == (first, count)


def test_a_conflict_of_the_selected_part_changes_nothing_and_the_rest_can_be_merged(world: World) -> None:
    world.change(1, 60)
    world.project.write("file", "".join(["theirs\n", *LINES[1:]]))
    world.project.commit("theirs")
    before, tree = world.project.picture(), world.tree.picture()
    assert preview_merge(world.worktree).conflicts == ["file"]
    with pytest.raises(WorktreeError, match="conflicts with main: file"):
        world.merge(hunks={"file": {1}})
    assert (world.project.picture(), world.tree.picture()) == (before, tree)
    world.merge(hunks={"file": {2}})
    assert world.read("file") == "".join(["theirs\n", *LINES[1:59], "changed 60\n"])


@pytest.mark.parametrize(
    ("files", "hunks", "message"),
    [
        ({"nothing"}, {}, "the job has no changes in nothing"),
        (set(), {"nothing": {1}}, "the job has no changes in nothing"),
        (set(), {"file": {2, 7}}, "file has no hunk 2: it has 1 hunk"),
        (set(), {"picture": {1}}, "picture has no hunks to choose from: select the whole file"),
    ],
)
def test_what_does_not_exist_cannot_be_selected(
    world: World, files: set[str], hunks: dict[str, set[int]], message: str
) -> None:
    world.change(1)
    (world.tree.root / "picture").write_bytes(b"\0")
    before = world.project.picture()
    with pytest.raises(WorktreeError) as caught:
        world.merge(files=files, hunks=hunks)
    assert (caught.value.message, world.project.picture()) == (message, before)


def test_a_selection_is_refused_when_the_work_has_changed_since(world: World) -> None:
    world.change(1, 60)
    content = world.changes().content
    world.change(30)
    with pytest.raises(WorktreeError, match="the work has changed since"):
        world.merge(hunks={"file": {2}}, content=content)
    assert world.merge(hunks={"file": {2}}, content=world.changes().content).files_left == 1


def test_kinds_of_files_are_merged_as_a_whole(world: World) -> None:
    world.tree.git("mv", "README", "moved")
    world.tree.write("dir/a", "a\n")
    world.tree.write("dir/b", "b\n")
    (world.tree.root / "file").unlink()
    os.symlink("README", world.tree.root / "file")
    statuses = {file.path: file.status for file in world.changes().files}
    assert statuses == {"moved": "renamed", "dir/a": "added", "dir/b": "added", "file": "retyped"}
    world.merge(files={"moved"})
    assert sorted(os.listdir(world.project.root)) == [".git", "file", "moved"]
    world.merge(files={"dir"})
    assert sorted(os.listdir(world.project.root / "dir")) == ["a", "b"]
    world.merge(files={"file"})
    assert os.readlink(world.project.root / "file") == "README"
    assert world.changes().files == []


def test_lines_without_an_end_and_with_strange_bytes_are_kept(world: World) -> None:
    old = b"\xff a\r\n" + b"same\n" * 20 + b"last"
    (world.project.root / "odd").write_bytes(old)
    world.project.commit("odd")
    world.tree.git("merge", "-q", "main")
    new = b"\xfe b\r\n" + b"same\n" * 20 + b"last\nmore"
    (world.tree.root / "odd").write_bytes(new)
    world.merge(hunks={"odd": {2}})
    assert (world.project.root / "odd").read_bytes() == old.replace(b"last", b"last\nmore")
    world.merge(hunks={"odd": {1}})
    assert (world.project.root / "odd").read_bytes() == new


def test_no_program_of_the_repository_runs_for_the_changes(world: World, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    for key in ("diff.x.textconv", "diff.x.command", "diff.external", "filter.x.clean", "core.fsmonitor"):
        world.project.git("config", key, f"touch {seen};cat")
    world.tree.write(".gitattributes", "* diff=x\n")
    world.change(1)
    world.merge(files={"file"})
    assert [file.path for file in world.changes().files] == [".gitattributes"]
    assert not seen.exists()


def test_files_are_not_committed_without_the_filter_of_the_repository(world: World, tmp_path: Path) -> None:
    world.project.git("config", "filter.large.clean", f"touch {tmp_path}/seen;cat")
    world.tree.write(".gitattributes", "*.big filter=large\n")
    world.change(1)
    world.merge(files={"file"})
    world.tree.write("x.big", "large\n")
    before = world.project.picture()
    with pytest.raises(WorktreeError, match=r"would not be applied to x\.big"):
        world.merge()
    assert (world.project.picture(), (tmp_path / "seen").exists()) == (before, False)
    (tmp_path / "home" / ".gitconfig").open("a").write('[filter "large"]\nclean = base64\n')
    programs._settings.cache_clear()
    programs._neutral_options.cache_clear()
    world.merge()
    assert world.project.git("show", "main:x.big") == "bGFyZ2UK"


def test_a_long_diff_is_cut_and_its_files_are_still_listed(world: World) -> None:
    world.change(1)
    world.tree.write("long", "x\n" * 1000)
    changes = read_changes(world.worktree, max_bytes=400)
    assert [(file.path, file.cut) for file in changes.files] == [("file", False), ("long", True)]
    assert (changes.files[1].insertions, changes.files[1].hunks) == (None, [])


def test_the_result_of_git_apply_is_the_same(world: World) -> None:
    world.change(3, 20, 41, 58)
    patch = world.tree.git("diff", "--unified=3") + "\n"
    world.merge(hunks={"file": {1, 2, 3}})
    world.project.git("checkout", "-q", "--detach", "main~1")
    kept = patch[: patch.index("@@ -55")]
    subprocess.run(["git", "apply"], input=kept.encode(), cwd=world.project.root, env=world.project.env, check=True)
    assert world.read("file") == world.project.git("show", "main:file") + "\n"
