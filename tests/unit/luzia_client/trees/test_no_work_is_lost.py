"""Whatever state git is in, no work is lost by diff, merge, clean, discard or another attempt.

Work is every commit that something names (one of a submodule also by a commit around it), every content in an index,
and every content of a file that git does not ignore, in the project and in the tree. What was there before must be
there afterwards, wherever it is then.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from luzia_protocol.jobs import Job, JobState

from git_projects import Repository
from luzia_client.review.comments import Comment, quote_comments
from luzia_client.trees import WorktreeError, diff, merge
from luzia_client.trees.changes import read_changes
from luzia_client.trees.content import read_content
from luzia_client.trees.preview import preview_merge
from luzia_client.trees.selection import Selection
from luziad.worktrees import clean, create, discard, provision
from luziad.worktrees.git import Git, GitError

EXAMPLES = int(os.environ.get("LUZIA_TEST_EXAMPLES", "12"))
FILES = ["README", "a", "dir/b", "-c", "x.big"]
IGNORED = "ignored.log"
FILTER = """
[filter "large"]
clean = base64
smudge = base64 -d
required = true
"""
"""As that of git-lfs: what git stores is not what the file has. It is in the user's own settings, as that is."""


class World:
    """A project with a tree of a job's own."""

    def __init__(self, root: Path) -> None:
        self.project = Repository(root / "project", root / "home").init()
        self.count = 0
        _add_filter(root / "home")
        self.project.write(".gitignore", "*.log\n")
        self.project.write(".gitattributes", "*.big filter=large\n")
        for name in ("README", "a", "dir/b", "x.big"):
            self.project.write(name, self.content())
        _add_submodule(self.project, root)
        self.project.commit("ignore")
        self.git = Git(self.project.env)
        self.worktree = create.plan_worktree(self.git, str(self.project.root), "113754-a2f5", str(root / "trees"))
        self.make(used=False)
        self.tree = self.project.at(self.worktree.path)

    @property
    def job(self) -> Job:
        return Job("113754-a2f5", "", "project", "shell", "a task", JobState.COMPLETED, datetime.now(UTC))

    def make(self, *, used: bool) -> None:
        """What an attempt does before its agent starts."""
        create.create_worktree(self.git, self.worktree, used=used)
        marker = provision.provide_files(self.git, self.worktree, str(self.project.root), [], [])
        if marker is not None:
            Path(marker).touch()

    @property
    def sub(self) -> Repository:
        """The submodule in the tree."""
        return self.tree.at(self.tree.root / "sub")

    def s(self, *words: str) -> str:
        """Git in the submodule, if it is checked out; it may refuse."""
        return self.sub.git(*words, check=False) if (self.sub.root / ".git").exists() else ""

    def write_in_submodule(self) -> bool:
        """A new file in the submodule, if it is checked out."""
        is_there = (self.sub.root / ".git").exists()
        if is_there:
            self.sub.write("inside", self.content())
        return is_there

    def discard(self) -> str | None:
        commit = discard.keep_work(self.git, self.worktree, self.job.id)
        discard.remove_kept(self.git, self.worktree)
        return None if commit is None else f"kept {commit}"

    def restore(self, kept: str | None) -> None:
        if kept is not None:
            commit = kept.removeprefix("kept ")
            discard.restore_work(self.git, self.worktree, commit)
            discard.delete_copy(self.git, self.worktree, self.job.id, commit)

    def content(self) -> str:
        """A text that was nowhere before, long enough to be changed in several hunks."""
        self.count += 1
        return f"content {self.count}\n" + "same\n" * 12 + f"end {self.count}\n"

    def edit(self, file: Path, at: int) -> None:
        """Change one line of a file, at its begin or at its end, so that its other changes are other hunks."""
        if file.is_file():
            lines = file.read_text().splitlines(keepends=True)
            lines[at : at + 1 or None] = [f"edit {self.count}\n"]
            self.count += 1
            file.write_text("".join(lines))

    def accept_some(self, choose: Callable[[int], bool]) -> str | None:
        """Merge the hunks and files of the changes for whose number `choose` says so."""
        changes = read_changes(self.worktree)
        parts = [(file.path, hunk.number) for file in changes.files for hunk in file.hunks]
        whole = frozenset(file.path for number, file in enumerate(changes.files) if not file.hunks and choose(number))
        hunks: dict[str, frozenset[int]] = {}
        for number, (path, hunk) in enumerate(parts):
            if choose(number):
                hunks[path] = hunks.get(path, frozenset()) | {hunk}
        selection = Selection(whole, hunks, changes.content)
        verified: list[str] = []
        head, before = self.project.git("rev-parse", "HEAD"), read_content(self.worktree)[0]
        try:
            merge.merge_branch(
                self.job, self.worktree, commit=True, message=None, selection=selection, check=verified.append
            )
        finally:
            assert self.project.git("rev-parse", "HEAD") in {head, *verified}, "it moved to what was not verified"
        assert read_content(self.worktree)[0] == before, "the files of the worktree have changed"
        return None

    def refuse_verification(self) -> str:
        """Merge with a verification that fails."""

        def refuse(_commit: str) -> None:
            raise WorktreeError("it is not verified")

        merge.merge_branch(self.job, self.worktree, commit=True, message=None, check=refuse)
        return "already contains"

    def staged_only(self) -> str:
        """Something that is in the index and nowhere else."""
        file = self.tree.write("x", self.content())
        said = self.t("add", "x")
        file.unlink()
        return said

    def t(self, *words: str) -> str:
        """Git in the tree, which may refuse."""
        return self.tree.git(*words, check=False)

    def p(self, *words: str) -> str:
        """Git in the project, which may refuse."""
        return self.project.git(*words, check=False)

    def work(self) -> set[str]:
        """Names of everything that is work now."""
        objects = self.project.git("rev-list", "--objects", "--all", "--indexed-objects").splitlines()
        names = "\n".join(line.split(" ")[0] for line in objects)
        kinds = subprocess.run(
            ["git", "cat-file", "--batch-check"],
            cwd=self.project.root,
            env=self.project.env,
            input=names,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = {line.split()[0] for line in kinds.splitlines() if line.split()[1] != "tree"}
        for place in (self.sub.root, self.project.root / ".git" / "modules" / "sub"):
            if (place / ".git").exists() or (place / "HEAD").exists():
                objects = self.project.at(place).git("rev-list", "--objects", "--all", "HEAD").splitlines()
                found |= {line.split(" ")[0] for line in objects}
        changes = self.project.git("log", "--all", "--format=", "--raw", "--no-abbrev", "-m").splitlines()
        links = {line.split()[3] for line in changes if line.split()[1] == "160000"}
        found |= {link for link in links if self.s("cat-file", "-t", link) == "commit"}
        for place in (self.project.root, self.tree.root):
            found |= {_blob(file) for file in _files(place)}
        return found


def _files(place: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(place):
        inner = Path(directory).relative_to(place).parts
        if inner[:1] == (".git",):
            continue
        for name in names:
            bookkeeping = ".git" in inner and "objects" not in inner
            if not name.endswith(".log") and not bookkeeping and name != ".git":
                yield Path(directory, name)


def _add_submodule(project: Repository, root: Path) -> None:
    far = project.at(root / "far").init()
    project.git("submodule", "--quiet", "add", str(far.root), "sub")
    shutil.rmtree(far.root)  # there is no network


def _add_filter(home: Path) -> None:
    with open(home / ".gitconfig", "a") as file:
        file.write(FILTER)


def _blob(file: Path) -> str:
    content = file.read_bytes()
    if file.suffix == ".big":
        content = base64.encodebytes(content)
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


Step = Callable[[World, str], object]


BRANCH = "luzia/113754-a2f5"

IN_TREE: dict[str, Step] = {
    "write": lambda w, f: w.tree.write(f, w.content()),
    "edit the begin": lambda w, f: w.edit(w.tree.root / f, 0),
    "edit the end": lambda w, f: w.edit(w.tree.root / f, -1),
    "delete": lambda w, f: (w.tree.root / f).unlink(missing_ok=True),
    "ignored": lambda w, f: w.tree.write(IGNORED, w.content()),
    "stage": lambda w, f: w.tree.git("add", "-A", "--", f, check=False),
    "stage and delete": lambda w, f: w.staged_only(),
    "commit": lambda w, f: (w.tree.write(f, w.content()), w.t("add", "-A"), w.t("commit", "-qm", "w")),
    "detach": lambda w, f: w.t("checkout", "-q", "--detach"),
    "branch": lambda w, f: w.t("checkout", "-q", "-b", f"b{w.count}"),
    "rename branch": lambda w, f: w.t("branch", "-m", "renamed"),
    "stash": lambda w, f: w.t("stash", "-u"),
    "assume": lambda w, f: (w.t("update-index", "--assume-unchanged", f), w.tree.write(f, w.content())),
    "skip": lambda w, f: (w.t("update-index", "--skip-worktree", f), w.tree.write(f, w.content())),
    "inner": lambda w, f: (w.tree.root / "inner").exists() or w.tree.at(w.tree.root / "inner").init(),
    "merge": lambda w, f: w.t("merge", "--no-commit", "--no-ff", "main"),
    "rebase": lambda w, f: w.t("rebase", "-q", "main"),
    "own ref": lambda w, f: w.t("update-ref", "refs/worktree/mine", "HEAD"),
    "tag": lambda w, f: w.t("tag", "-f", "kept"),
    "sparse": lambda w, f: w.t("sparse-checkout", "set", "--cone", "dir"),
    "not sparse": lambda w, f: w.t("sparse-checkout", "disable"),
    "write in the submodule": lambda w, f: w.write_in_submodule(),
    "commit in the submodule": lambda w, f: (w.write_in_submodule(), w.s("add", "-A"), w.s("commit", "-qm", "s")),
    "stash in the submodule": lambda w, f: w.s("stash", "-u"),
    "branch in the submodule": lambda w, f: w.s("checkout", "-q", "-b", f"s{w.count}"),
    "leave it in the submodule": lambda w, f: w.s("checkout", "-q", "--detach", "origin/HEAD"),
    "remove": lambda w, f: w.p("worktree", "remove", w.worktree.path),
    "delete the directory": lambda w, f: shutil.rmtree(w.worktree.path),
}
IN_PROJECT: dict[str, Step] = {
    "project writes": lambda w, f: w.project.write(f, w.content()),
    "project edits the end": lambda w, f: w.edit(w.project.root / f, -1),
    "project commits all": lambda w, f: w.p("commit", "-qam", "p"),
    "project commits": lambda w, f: (w.project.write(f, w.content()), w.p("add", "-A"), w.p("commit", "-qm", "p")),
    "project merges": lambda w, f: w.p("merge", "-q", BRANCH),
    "project elsewhere": lambda w, f: w.p("checkout", "-q", "-B", "elsewhere"),
    "project on the branch": lambda w, f: w.p("checkout", "-q", "--ignore-other-worktrees", BRANCH),
    "project drops the branch": lambda w, f: w.p("branch", "-D", BRANCH),
    "project assumes": lambda w, f: (w.p("update-index", "--assume-unchanged", f), w.project.write(f, w.content())),
    "project sparse": lambda w, f: w.p("sparse-checkout", "set", "--cone", "dir"),
    "project has ignored": lambda w, f: w.project.write(IGNORED, w.content()),
}
LUZIA: dict[str, Callable[[World], object]] = {
    "diff": lambda w: diff.changed_files(w.worktree),
    "merge": lambda w: merge.merge_branch(w.job, w.worktree, commit=False, message=None),
    "merge --commit": lambda w: merge.merge_branch(w.job, w.worktree, commit=True, message=None),
    "accept the even": lambda w: w.accept_some(lambda number: number % 2 == 0),
    "accept the odd": lambda w: w.accept_some(lambda number: number % 2 == 1),
    "accept the first": lambda w: w.accept_some(lambda number: number == 0),
    "fail to verify": lambda w: w.refuse_verification(),
    "setup": lambda w: provision.provide_files(w.git, w.worktree, str(w.project.root), [IGNORED], ["link.log"]),
    "preview": lambda w: preview_merge(w.worktree),
    "comment": lambda w: quote_comments(w.worktree, "words", [Comment("README", 1, "why")]),
    "clean": lambda w: clean.remove_worktree(w.git, w.worktree),
    "discard": lambda w: w.discard(),
    "discard and restore": lambda w: w.restore(w.discard()),
    "retry": lambda w: w.make(used=True),
}

READING = ("diff", "preview", "comment", "fail to verify")
"""These change nothing."""


def take(world: World, name: str, file: str) -> None:
    """One step of somebody else's; git may refuse it, and the tree may be gone."""
    if name in IN_PROJECT:
        IN_PROJECT[name](world, file)
    elif (world.tree.root / ".git").exists():
        IN_TREE[name](world, file)


@pytest.fixture(scope="module", autouse=True)
def _account() -> Iterator[None]:
    """An account of the test's own, for what runs git as the user does."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
            patch.delenv(name)
        patch.setenv("HOME", home)
        Repository(Path(home) / "any", Path(home))
        _add_filter(Path(home))
        yield


LEFT = [("commit in the submodule", "a"), ("commit", "a"), ("leave it in the submodule", "a")]
"""Only a commit of the job names the commit that it has made in the submodule."""


@example(steps=LEFT, then=["discard and restore", "discard and restore"])
@example(steps=[*LEFT, ("commit", "b")], then=["discard and restore", "clean"])
@example(steps=[*LEFT[:2], ("project merges", "a"), LEFT[2], ("commit", "b"), ("project merges", "a")], then=["clean"])
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(st.tuples(st.sampled_from([*IN_TREE, *IN_PROJECT]), st.sampled_from(FILES)), max_size=6),
    then=st.lists(st.sampled_from(sorted(LUZIA)), min_size=1, max_size=3),
)
def test_no_work_is_ever_lost(steps: list[tuple[str, str]], then: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="lz-") as directory:
        world = World(Path(os.path.realpath(directory)))
        for name, file in steps:
            with suppress(OSError):  # a file may be where a directory should be
                take(world, name, file)
        for name in then:
            before, project = world.work(), world.project.picture()
            try:
                done = LUZIA[name](world)
            except (WorktreeError, GitError, create.WorktreeUnavailable, discard.CannotDiscard):
                done = "refused"
            assert before <= world.work(), f"{name} lost work"
            if name in READING or (isinstance(done, str) and not done.startswith("kept")):
                assert world.project.picture() == project, f"{name} was refused, and changed something"
