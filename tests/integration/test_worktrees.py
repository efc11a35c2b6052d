"""Jobs in git worktrees of their own, on real daemons and real repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from git_projects import Repository
from support import OneRequestEach, PrivateDaemon, eventually


class Workshop(OneRequestEach):
    """A daemon with the project overbits, which is a repository."""

    def __init__(self, root: Path) -> None:
        self.project = Repository(root / "overbits", root / "home")
        super().__init__(PrivateDaemon(root, env={"HOME": str(root / "home")}))
        self.daemon.env = {name: value for name, value in self.daemon.env.items() if not name.startswith("XDG_")}
        self.project.init()

    def finished(self, task: str, **more: object) -> dict[str, Any]:
        """Dispatch a shell task in a worktree, and return the job when it has ended."""
        request = {"op": "dispatch", "project": "overbits", "task": task, "worktree": True, **more}
        return self.ended(self.ok(**request)["job"])

    def luzia(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.daemon.run(*words, stdin=subprocess.DEVNULL, cwd=self.project.root)


@contextmanager
def running_workshop() -> Iterator[Workshop]:
    """A workshop whose daemon runs."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        made = Workshop(Path(directory))
        try:
            made.daemon.start()
            yield made
        finally:
            made.daemon.end_everything()


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    """A running one."""
    with running_workshop() as made:
        yield made


def test_a_job_works_in_a_tree_of_its_own_and_its_branch_is_merged_and_cleaned(workshop: Workshop) -> None:
    base = workshop.project.git("rev-parse", "HEAD")
    job = workshop.finished(
        "pwd; echo more >> README; echo new > 'ä file'; git add -A; git commit -qm work; echo x > y"
    )
    tree = job["worktree"]
    assert job["state"] == "completed"
    assert (tree["branch"], tree["base"], tree["onto"], tree["dirty"]) == (f"luzia/{job['id']}", base, "main", False)
    assert workshop.luzia("logs", job["id"]).stdout.splitlines()[0] == tree["path"] == tree["directory"]
    assert not (workshop.project.root / "ä file").exists()

    shown = workshop.luzia("diff", job["id"])
    assert (shown.returncode, shown.stderr) == (0, "")
    assert {"+more", "+x"} <= set(shown.stdout.splitlines())
    assert "\x1b" not in shown.stdout
    assert "3 files changed" in workshop.luzia("diff", "--stat", job["id"]).stdout
    files = [json.loads(line)["path"] for line in workshop.luzia("diff", "--json", job["id"]).stdout.splitlines()]
    assert files == ["README", "y", "ä file"]

    refused = workshop.luzia("merge", job["id"])
    assert (refused.returncode, "the worktree has uncommitted changes: y" in refused.stderr) == (4, True)
    assert "kept: y is uncommitted" in workshop.luzia("clean").stdout
    merged = workshop.luzia("merge", "--commit", job["id"])
    assert merged.returncode == 0, merged.stderr
    assert merged.stdout.startswith(f"Merged luzia/{job['id']} into main: 2 commits, now at ")
    assert (workshop.project.root / "y").read_text() == "x\n"
    assert workshop.project.git("status", "--porcelain") == ""
    assert "already contains" in workshop.luzia("merge", job["id"]).stdout

    assert "would be removed" in workshop.luzia("clean").stdout
    assert Path(tree["path"]).is_dir()
    assert workshop.luzia("clean", "--all").stdout == f"{job['id']}  removed: {tree['path']}\n"
    assert not Path(tree["path"]).exists()
    assert workshop.project.git("branch", "--list", "luzia/*") == ""
    assert "worktree" not in workshop.job(job["id"]) or workshop.job(job["id"])["worktree"] is None
    assert workshop.error(op="clean", job=job["id"]) == "no_worktree"


def test_a_retry_works_in_the_same_tree(workshop: Workshop) -> None:
    job = workshop.finished("test -f seen && exit 0; touch seen; exit 1")
    assert job["state"] == "failed"
    workshop.ok(op="retry", job=job["id"])
    retry = workshop.ended(job["id"])
    assert (retry["state"], retry["attempt"], retry["worktree"]) == ("completed", 2, job["worktree"])


def test_remove_and_retention_keep_a_job_whose_tree_has_work(workshop: Workshop) -> None:
    job = workshop.finished("echo work > file")
    assert workshop.error(op="remove", job=job["id"]) == "worktree_kept"
    workshop.daemon.stop()
    workshop.daemon.env["LUZIA_MAX_JOBS"] = "1"
    workshop.daemon.start()
    for _ in range(3):
        workshop.finished("true", worktree=False)
    assert Path(job["worktree"]["path"], "file").read_text() == "work\n"
    assert workshop.job(job["id"])["worktree"] == job["worktree"]
    Path(job["worktree"]["path"], "file").unlink()
    assert workshop.ok(op="remove", job=job["id"])["state"] == "completed"
    assert not Path(job["worktree"]["path"]).exists()
    assert workshop.error(op="status", job=job["id"]) == "unknown_job"


def test_a_conflict_is_refused_and_everything_stays_as_it_was(workshop: Workshop) -> None:
    job = workshop.finished("echo mine > README; git commit -qam mine; echo loose > loose")
    workshop.project.write("README", "theirs\n")
    workshop.project.commit("theirs")
    workshop.project.write("scratch", "not committed\n")
    tree = workshop.project.at(job["worktree"]["path"])
    before = workshop.project.picture(), tree.picture()
    refused = workshop.luzia("merge", "--commit", job["id"])
    assert refused.returncode == 4
    assert f"luzia/{job['id']} conflicts with main: README" in refused.stderr
    assert (workshop.project.picture(), tree.picture()) == before


def test_a_merge_that_would_overwrite_something_is_refused(workshop: Workshop) -> None:
    workshop.project.write(".gitignore", "ignored\n")
    workshop.project.commit("ignore")
    job = workshop.finished("echo mine > README; echo mine > ignored; git add -f ignored; git commit -qam mine")
    for name in ("README", "ignored"):
        workshop.project.write(name, "changed, and not committed\n")
        before = workshop.project.picture()
        refused = workshop.luzia("merge", job["id"])
        assert refused.returncode == 4
        assert refused.stderr == (
            f"luzia: the merge would overwrite files in {workshop.project.root}: {name}\n"
            "  Nothing was changed. Commit, move or remove them, then merge again.\n"
        )
        assert workshop.project.picture() == before
        workshop.project.git("checkout", "-q", "--", "README")
        (workshop.project.root / "ignored").unlink(missing_ok=True)
    workshop.project.write("other", "dirty elsewhere\n")
    assert workshop.luzia("merge", job["id"]).returncode == 0
    assert (workshop.project.root / "other").exists()


def test_diverged_branches_are_merged_by_a_merge_commit(workshop: Workshop) -> None:
    job = workshop.finished("echo b > b; git add b; git commit -qm b")
    workshop.project.write("a", "a\n")
    workshop.project.commit("a")
    assert workshop.luzia("merge", job["id"]).returncode == 0
    assert len(workshop.project.git("rev-list", "--parents", "-1", "HEAD").split()) == 3
    assert workshop.project.git("log", "-1", "--format=%an %s") == f"Ada Merge branch 'luzia/{job['id']}' into main"
    assert [(workshop.project.root / name).exists() for name in "ab"] == [True, True]


def test_a_merge_is_refused_while_the_project_is_elsewhere(workshop: Workshop) -> None:
    job = workshop.finished("echo b > b; git add b; git commit -qm b")
    workshop.project.git("checkout", "-q", "-b", "other")
    assert "main was checked out" in workshop.luzia("merge", job["id"]).stderr
    workshop.project.git("checkout", "-q", "--detach")
    assert "a detached HEAD is now" in workshop.luzia("merge", job["id"]).stderr
    detached = workshop.finished("true")
    assert detached["worktree"]["onto"] is None
    assert "detached HEAD" in workshop.luzia("merge", detached["id"]).stderr


def test_what_cannot_have_a_tree_is_refused(workshop: Workshop) -> None:
    root = workshop.daemon.root

    def refusal(directory: Path) -> str:
        request = {"op": "dispatch", "project": str(directory), "task": "true", "agent": "shell", "worktree": True}
        return workshop.error(**request)

    def failure(directory: Path) -> str:
        job = workshop.finished("true", project=str(directory), agent="shell")
        assert (job["state"], job["outcome"], job["worktree"]) == ("failed", "start_failed", None)
        reason: str = job["reason"]
        return reason

    plain, bare = root / "plain", root / "bare"
    plain.mkdir()
    bare.mkdir()
    workshop.project.at(bare).git("init", "-q", "--bare")
    assert refusal(plain) == "no_repository"
    assert refusal(bare) == "no_repository"
    for directory in (bare, bare / "hooks"):
        with workshop.daemon.connect() as wire:
            refused = wire.error(op="dispatch", project=str(directory), task="true", agent="shell", worktree=True)
        assert refused["message"] == f"{bare} is a bare git repository, without a working tree"
        assert "git clone" in refused["hint"]
        assert "git init" not in refused["hint"]
    empty = workshop.project.at(root / "empty")
    empty.root.mkdir()
    empty.git("init", "-q")
    assert "has no commit yet" in failure(empty.root)
    inner = workshop.project.root / "new"
    inner.mkdir()
    assert "is not in the last commit" in failure(inner)
    assert refusal(workshop.project.root / ".git") == "no_repository"


def test_a_project_may_be_a_part_of_a_repository_and_its_path_may_begin_with_a_dash(workshop: Workshop) -> None:
    workshop.project.write("-part/inner/file", "content\n")
    workshop.project.commit("a part")
    workshop.project.write("README", "dirty\n")
    job = workshop.finished("cat file; echo more >> file", cwd=str(workshop.project.root / "-part" / "inner"))
    tree = job["worktree"]
    assert (job["state"], tree["directory"], tree["dirty"]) == ("completed", f"{tree['path']}/-part/inner", True)
    assert workshop.luzia("logs", job["id"]).stdout == "content\n"
    assert "+more" in workshop.luzia("diff", job["id"]).stdout


def test_no_hook_and_no_variable_of_git_gets_in_the_way(workshop: Workshop) -> None:
    hook = workshop.project.root / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {workshop.daemon.root}/hooked\n")
    hook.chmod(0o755)
    workshop.daemon.stop()
    workshop.daemon.env |= {"GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/nowhere", "GIT_INDEX_FILE": "/nowhere"}
    workshop.daemon.start()
    job = workshop.finished("echo b > b; git add b; git commit -qm b")
    assert job["state"] == "completed"
    assert not (workshop.daemon.root / "hooked").exists()
    assert "+b" in workshop.luzia("diff", job["id"]).stdout
    assert workshop.luzia("merge", job["id"]).returncode == 0


def test_a_project_may_always_want_trees_and_a_dispatch_may_decline(workshop: Workshop) -> None:
    text = workshop.daemon.config_file.read_text()
    workshop.daemon.config_file.write_text(text + "worktree = true\n")
    workshop.ok(op="reload")
    name = workshop.luzia("-q", "overbits", "echo a > a").stdout.strip()
    assert workshop.ended(name)["worktree"] is not None
    name = workshop.luzia("-q", "--no-worktree", "overbits", "echo c > c").stdout.strip()
    assert workshop.ended(name)["worktree"] is None
    assert [(workshop.project.root / each).exists() for each in ("a", "c")] == [False, True]


def test_a_tree_that_was_not_finished_is_made_anew_after_a_crash(workshop: Workshop) -> None:
    """Git is stopped in the middle of the checkout, by a filter that waits; then the daemon is killed."""
    gate, entered = workshop.daemon.root / "gate", workshop.daemon.root / "entered"
    script = workshop.daemon.root / "slow.py"
    script.write_text(
        "import pathlib, sys, time\n"
        f"pathlib.Path({str(entered)!r}).touch()\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
        "sys.stdout.buffer.write(sys.stdin.buffer.read())\n"
    )
    workshop.project.write(".gitattributes", "slow filter=slow\n")
    workshop.project.write("slow", "content\n")
    workshop.project.commit("slow")
    workshop.project.git("config", "filter.slow.smudge", f"{sys.executable} {script}")
    request = {"op": "dispatch", "project": "overbits", "task": "cat slow", "worktree": True}
    job = workshop.ok(**request)["job"]
    eventually(entered.exists, "git's checkout")
    assert workshop.ok(op="dispatch", project="overbits", task="true")["job"]  # nobody waits for git
    workshop.daemon.kill()
    gate.touch()
    workshop.daemon.start()
    done = workshop.ended(job)
    assert done["state"] == "completed", done
    assert workshop.luzia("logs", job).stdout == "content\n"
    assert workshop.ok(op="clean", job=job)["removed"]


def test_a_job_that_is_cancelled_while_its_tree_is_made_does_not_start(workshop: Workshop) -> None:
    gate, entered = workshop.daemon.root / "gate", workshop.daemon.root / "entered"
    workshop.project.write(".gitattributes", "slow filter=slow\n")
    workshop.project.write("slow", "content\n")
    workshop.project.commit("slow")
    wait = f"touch {entered}; while ! test -e {gate}; do sleep 0.01; done; cat"
    workshop.project.git("config", "filter.slow.smudge", wait)
    started = workshop.daemon.root / "started"
    job = workshop.ok(op="dispatch", project="overbits", task=f"touch {started}", worktree=True)["job"]
    eventually(entered.exists, "git's checkout")
    workshop.ok(op="cancel", job=job)
    gate.touch()
    assert workshop.ended(job)["state"] == "cancelled"
    assert not started.exists()
    assert workshop.ok(op="clean", job=job)["removed"]


def test_the_daemon_ends_while_git_works_and_the_next_one_goes_on(workshop: Workshop) -> None:
    gate, entered = workshop.daemon.root / "gate", workshop.daemon.root / "entered"
    workshop.project.write(".gitattributes", "slow filter=slow\n")
    workshop.project.write("slow", "content\n")
    workshop.project.commit("slow")
    wait = f"touch {entered}; while ! test -e {gate}; do sleep 0.01; done; cat"
    workshop.project.git("config", "filter.slow.smudge", wait)
    job = workshop.ok(op="dispatch", project="overbits", task="cat slow", worktree=True)["job"]
    eventually(entered.exists, "git's checkout")
    workshop.daemon.stop()
    gate.touch()
    workshop.daemon.start()
    assert workshop.ended(job)["state"] == "completed"


@pytest.mark.parametrize("name", ["config", "HEAD"])
def test_a_repository_that_hangs_holds_up_neither_other_projects_nor_the_end_of_its_jobs(
    workshop: Workshop, name: str
) -> None:
    with workshop.daemon.config_file.open("a") as config:
        config.write("[daemon]\nmax_running = 20\n")
    workshop.ok(op="reload")
    evil = Repository(workshop.daemon.root / "evil", workshop.daemon.root / "home").init()
    place = evil.root / ".git" / name
    place.unlink()
    os.mkfifo(place)
    hanging = [
        workshop.ok(op="dispatch", project=str(evil.root), agent="shell", task="true", worktree=True)["job"]
        for _ in range(10)
    ]
    assert workshop.finished("true")["state"] == "completed"
    for job in hanging:
        workshop.ok(op="cancel", job=job)
        assert workshop.ended(job)["state"] == "cancelled"
