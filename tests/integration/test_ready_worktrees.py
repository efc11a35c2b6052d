"""Worktrees that get what an agent needs: their base, files that git does not have, and a setup."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from git_projects import Repository
from support import OneRequestEach, PrivateDaemon, eventually

Start = Callable[..., "Yard"]


class Yard(OneRequestEach):
    """A daemon with the project overbits, a repository, and a table for its worktrees."""

    def __init__(self, root: Path, table: str, project: str = "") -> None:
        self.project = Repository(root / "overbits", root / "home")
        super().__init__(PrivateDaemon(root, f"[projects.overbits.worktree]\n{table}\n", {"HOME": str(root / "home")}))
        self.daemon.env = {name: value for name, value in self.daemon.env.items() if not name.startswith("XDG_")}
        if project:
            text = self.daemon.config_file.read_text()
            self.daemon.config_file.write_text(text.replace('/overbits"', f'/overbits/{project}"'))
        self.project.init()

    def dispatched(self, task: str, **more: object) -> str:
        job: str = self.ok(op="dispatch", project="overbits", task=task, **more)["job"]
        return job

    def finished(self, task: str, **more: object) -> dict[str, Any]:
        """A job that has run a shell command, by default in a worktree."""
        return self.ended(self.dispatched(task, **more))

    def logs(self, job: dict[str, Any]) -> str:
        return self.daemon.run("logs", job["id"]).stdout

    def released(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job when its worktree is neither locked nor about to be removed."""
        eventually(
            lambda: "\nlocked" not in self.project.git("worktree", "list", "--porcelain"), "an unlocked worktree"
        )
        return self.job(job["id"])


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a yard with a table; `before` is called before its daemon starts."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        made: list[Yard] = []

        def started(table: str, before: Callable[[Repository], object] = lambda _: None, **more: str) -> Yard:
            yard = Yard(Path(directory), table, **more)
            made.append(yard)
            before(yard.project)
            yard.daemon.start()
            return yard

        try:
            yield started
        finally:
            for yard in made:
                yard.daemon.end_everything()


def test_the_table_gives_every_job_a_worktree_unless_it_is_disabled(start: Start) -> None:
    yard = start("")
    assert yard.finished("true")["worktree"] is not None
    assert yard.finished("true", worktree=False)["worktree"] is None
    text = yard.daemon.config_file.read_text()
    yard.daemon.config_file.write_text(f"{text}enabled = false\n")
    assert yard.daemon.run("daemon", "reload").returncode == 0
    assert yard.finished("true")["worktree"] is None
    assert yard.finished("true", worktree=True)["worktree"] is not None


def test_a_worktree_begins_at_the_base_and_is_merged_into_its_branch(start: Start) -> None:
    def branch(project: Repository) -> None:
        project.git("checkout", "-q", "-b", "feature")
        project.write("feature", "x\n")
        project.commit("feature")

    yard = start('base = "main"', branch)
    main, feature = (yard.project.git("rev-parse", name) for name in ("main", "feature"))
    job = yard.finished("test ! -e feature")
    assert (job["state"], job["worktree"]["base"], job["worktree"]["onto"]) == ("completed", main, "main")
    own = yard.finished("test -e feature", base="feature")
    assert (own["state"], own["worktree"]["base"], own["worktree"]["onto"]) == ("completed", feature, "feature")
    commit = yard.finished("true", base="feature~1")
    assert (commit["worktree"]["base"], commit["worktree"]["onto"]) == (main, "feature")
    again = yard.ok(op="again", job=own["id"])["job"]
    assert yard.ended(again)["worktree"]["base"] == feature


def test_a_base_that_does_not_exist_fails_the_job_with_what_to_do(start: Start) -> None:
    yard = start("")
    job = yard.finished("true", base="nowhere")
    assert (job["state"], job["outcome"], job["worktree"]) == ("failed", "start_failed", None)
    assert "has no branch, tag or commit named nowhere: `git branch --all`" in job["reason"]
    for bad in ("", "--all", "x" * 251, "a\0b"):
        assert yard.error(op="dispatch", project="overbits", task="true", base=bad) == "bad_request"
    assert yard.error(op="dispatch", project="overbits", task="true", base="main", worktree=False) == "bad_request"


def test_the_base_is_an_option_of_the_command_line(start: Start) -> None:
    yard = start("enabled = false", lambda project: project.git("tag", "v1"))
    yard.project.write("README", "second\n")
    yard.project.commit("second")
    job = yard.daemon.run("--json", "--base", "v1", "overbits", "cat README").stdout
    assert yard.logs(yard.ended(json.loads(job)["job"])) == "first\n"


def test_files_are_copied_and_linked_and_no_commit_takes_them_along(start: Start) -> None:
    def files(project: Repository) -> None:
        project.write(".gitignore", "node_modules/\nbuild/\n")
        project.commit("ignore")
        project.write(".env", "SECRET=1\n").chmod(0o600)
        project.write("conf/local #1!.ini", "x\n")
        project.write("build/cache/one", "1\n")
        project.write("node_modules/left-pad/index.js", "pad\n")

    yard = start('copy = [".env", "conf/local #1!.ini", "build/", "absent"]\nlink = ["node_modules"]', files)
    task = (
        "stat -c '%a %n' .env; cat node_modules/left-pad/index.js build/cache/one 'conf/local #1!.ini'; "
        "test -L node_modules; test ! -e absent; echo changed > .env; git add -A; git status --porcelain"
    )
    job = yard.finished(f"set -e; {task}")
    assert (job["state"], yard.logs(job)) == ("completed", "600 .env\npad\n1\nx\n")
    assert (yard.project.root / ".env").read_text() == "SECRET=1\n"
    assert yard.project.git("status", "--porcelain") == ""
    assert (
        (yard.project.root / ".git/info/exclude")
        .read_text()
        .endswith("/.env\n/conf/local\\ \\#1\\!.ini\n/node_modules\n")
    )
    assert "would be removed" in yard.daemon.run("clean").stdout
    assert yard.daemon.run("clean", "--all").returncode == 0
    assert (yard.project.root / "node_modules/left-pad/index.js").exists()


def test_a_retry_keeps_what_the_agent_made_of_the_files(start: Start) -> None:
    yard = start('copy = [".env"]', lambda project: project.write(".env", "a\n"))
    job = yard.finished("cat .env; rm -f .env; exit 1")
    yard.ok(op="retry", job=job["id"])
    assert yard.ended(job["id"])["state"] == "failed"
    assert "No such file" in yard.logs(job)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ('copy = ["README"]', "README is in git, so worktrees have it: remove it from `copy` or `link`"),
        ('link = ["out"]', "leads out of the project to /"),
        ('copy = ["kept"]', "a rule of .gitignore that begins with `!` includes it"),
        ('copy = ["pipe"]', "is neither a file nor a directory, so it is not copied"),
        ('copy = ["into/file"]', "leads out of the worktree to "),
    ],
)
def test_what_must_not_be_copied_or_linked_fails_the_attempt(start: Start, table: str, reason: str) -> None:
    def files(project: Repository) -> None:
        project.write(".gitignore", "!kept\n")
        (project.root / "into").symlink_to(project.root.parent / "elsewhere")
        project.commit("files")
        (project.root / "into").unlink()
        (project.root / "out").symlink_to("/")
        project.write("kept", "x")
        project.write("into/file", "x")
        project.root.parent.joinpath("elsewhere").mkdir()
        os.mkfifo(project.root / "pipe")

    yard = start(table, files)
    job = yard.finished("true")
    assert (job["state"], job["outcome"]) == ("failed", "start_failed")
    assert reason in job["reason"]
    assert not any(
        project_file.name == "file" for project_file in yard.project.root.parent.joinpath("elsewhere").iterdir()
    )


@pytest.mark.parametrize("value", ["/etc/passwd", "../x", "a/../b", "a//b", "", ".git", ".git/config", "./x"])
def test_only_paths_in_the_project_are_accepted(start: Start, value: str) -> None:
    yard = start("")
    text = yard.daemon.config_file.read_text()
    yard.daemon.config_file.write_text(f'{text}copy = ["{value}"]\n')
    told = yard.daemon.run("daemon", "reload")
    assert told.returncode != 0
    assert "projects.overbits.worktree.copy: found an array, expected an array of paths in the project" in told.stderr


def test_the_setup_runs_once_in_a_new_worktree_before_the_agent(start: Start) -> None:
    yard = start('setup = "echo setting up; pwd; cat; echo ready > .ready"')
    job = yard.finished("cat .ready; test -e again && exit; touch again; exit 3")
    assert (job["state"], yard.logs(job)) == ("failed", f"setting up\n{job['worktree']['path']}\nready\n")
    yard.ok(op="retry", job=job["id"])
    assert yard.ended(job["id"])["state"] == "completed"
    assert yard.logs(job) == "ready\n"


def test_a_setup_that_fails_is_the_failure_of_the_attempt_and_runs_again(start: Start) -> None:
    yard = start('setup = "echo no network >&2; test -e ../net || exit 7"')
    job = yard.finished("echo agent ran")
    assert (job["state"], job["outcome"], job["exit_code"]) == ("failed", "failed", 7)
    assert "the setup of its worktree failed with exit status 7" in job["reason"]
    assert f"`luzia logs {job['id']}` shows its output" in job["reason"]
    assert yard.logs(job) == "no network\n"
    Path(job["worktree"]["path"], "../net").touch()
    yard.ok(op="retry", job=job["id"])
    assert yard.ended(job["id"])["state"] == "completed"
    assert yard.logs(job) == "no network\nagent ran\n"


def test_a_setup_is_ended_with_its_job(start: Start) -> None:
    yard = start('setup = "echo $$; exec sleep 600"')
    job = yard.dispatched("true")
    pid = eventually(lambda: yard.logs(yard.job(job)).strip(), "a setup that runs")
    yard.ok(op="cancel", job=job)
    assert yard.ended(job)["state"] == "cancelled"
    assert not Path(f"/proc/{pid}").exists()


def test_a_part_of_a_repository_gets_its_own_files_and_setup(start: Start) -> None:
    def files(project: Repository) -> None:
        project.write("part/code", "x\n")
        project.commit("part")
        project.write("part/.env", "part\n")

    yard = start('copy = [".env"]\nsetup = "pwd"', files, project="part")
    job = yard.finished("cat .env")
    assert (job["state"], yard.logs(job)) == ("completed", f"{job['worktree']['path']}/part\npart\n")


def test_a_job_can_run_in_another_repository_than_its_project(start: Start) -> None:
    yard = start("")
    other = Repository(yard.daemon.root / "other", yard.project.home).init()
    job = yard.finished("pwd", cwd=str(other.root))
    assert (job["state"], job["worktree"]["repository"]) == ("completed", str(other.root))
    text = yard.daemon.config_file.read_text()
    yard.daemon.config_file.write_text(f'{text}setup = "true"\n')
    assert yard.daemon.run("daemon", "reload").returncode == 0
    failed = yard.finished("pwd", cwd=str(other.root))
    assert failed["state"] == "failed"
    assert f"{yard.project.root} is not in the repository {other.root}" in failed["reason"]


def test_a_worktree_without_any_change_is_removed_if_the_project_wants_it(start: Start) -> None:
    yard = start('auto_remove = true\ncopy = [".env"]', lambda project: project.write(".env", "a\n"))
    idle, busy, committed = (
        yard.finished(task) for task in ("true", "echo x > file", "git commit -q --allow-empty -m work")
    )
    eventually(lambda: yard.job(idle["id"])["worktree"] is None, "no worktree")
    assert yard.project.git("branch", "--list", f"luzia/{idle['id']}") == ""
    for job in (busy, committed):
        assert Path(yard.released(job)["worktree"]["path"]).is_dir()


def test_git_neither_removes_nor_prunes_the_worktree_of_a_job_that_works(start: Start) -> None:
    yard = start("")
    name = yard.dispatched("while test ! -e done; do sleep 0.02; done; git status --porcelain")
    eventually(lambda: yard.job(name)["state"] == "running", "a start")
    tree = yard.job(name)["worktree"]
    assert "locked a job of luzia uses it" in yard.project.git("worktree", "list", "--porcelain")
    yard.project.git("worktree", "remove", "--force", tree["path"], check=False)
    assert Path(tree["path"]).is_dir()
    Path(tree["path"], "done").touch()
    job = yard.released(yard.ended(name))
    assert (job["state"], yard.logs(job)) == ("completed", "?? done\n")
    yard.project.git("worktree", "remove", "--force", tree["path"])


def test_a_lock_that_a_killed_daemon_has_left_does_not_keep_the_worktree(start: Start) -> None:
    yard = start("")
    job = yard.released(yard.finished("true"))
    yard.project.git("worktree", "lock", "--reason", "a job of luzia uses it", job["worktree"]["path"])
    assert yard.daemon.run("clean", "--all").stdout == f"{job['id']}  removed: {job['worktree']['path']}\n"
    mine = yard.released(yard.finished("true"))
    yard.project.git("worktree", "lock", "--reason", "mine", mine["worktree"]["path"])
    assert "git refused to remove it" in yard.daemon.run("clean", "--all").stdout


def test_a_job_begins_with_the_work_of_the_one_before_committed_or_not(start: Start) -> None:
    yard = start("enabled = false")
    first = yard.dispatched(
        "echo 1 > one; git add one; git commit -qm one; echo 2 > two; echo 3 >> README", worktree=True
    )
    second = yard.dispatched(
        "cat one two README; echo 4 > four; git add four; git commit -qm four", after=[first], with_work=True
    )
    job = yard.ended(second)
    assert (job["state"], yard.logs(job)) == ("completed", "1\n2\nfirst\n3\n")
    assert job["worktree"]["onto"] == "main"
    shown = yard.daemon.run("diff", "--json", second).stdout.splitlines()
    assert [json.loads(line)["path"] for line in shown] == ["four"]
    assert yard.project.at(yard.job(first)["worktree"]["path"]).git("status", "--porcelain") == " M README\n?? two"
    merged = yard.daemon.run("merge", second, cwd=yard.project.root)
    assert merged.returncode == 0, merged.stderr
    assert {each.name for each in yard.project.root.iterdir()} == {".git", "README", "one", "two", "four"}
    again = yard.finished("true", after=[first], with_work=True)
    assert again["state"] == "completed"


def test_a_chain_goes_on_from_what_is_left_of_the_work(start: Start) -> None:
    yard = start("")
    merged, discarded = yard.finished("git commit -q --allow-empty -m work"), yard.finished("echo x > file")
    assert yard.daemon.run("merge", merged["id"], cwd=yard.project.root).returncode == 0
    assert yard.daemon.run("clean", merged["id"]).returncode == 0
    job = yard.finished("git log -1 --format=%s", after=[merged["id"]], with_work=True)
    assert (job["state"], yard.logs(job)) == ("completed", "work\n")
    assert yard.daemon.run("discard", "--yes", discarded["id"]).returncode == 0
    lost = yard.finished("true", after=[discarded["id"]], with_work=True)
    assert (lost["state"], lost["reason"]) == (
        "failed",
        f"no worktree: the work of job {discarded['id']} was discarded",
    )


def test_with_work_needs_one_job_with_a_worktree(start: Start) -> None:
    yard = start("")
    first, second, plain = yard.finished("true"), yard.finished("true"), yard.finished("true", worktree=False)

    def refused(**more: object) -> str:
        return yard.error(op="dispatch", project="overbits", task="true", with_work=True, **more)

    assert refused() == refused(after=[first["id"], second["id"]]) == "bad_request"
    assert refused(after=[first["id"]], worktree=False) == refused(after=[first["id"]], base="main") == "bad_request"
    assert refused(after=[plain["id"]]) == "no_worktree"
    held = yard.dispatched("true", after=[first["id"]], with_work=True, hold=True)
    assert yard.error(op="edit", job=held, after=[]) == "bad_request"
    assert yard.ok(op="edit", job=held, after=[second["id"]])["job"] == held


def test_the_jobs_of_a_graph_hand_on_their_work(start: Start) -> None:
    yard = start("")
    write = {"project": "overbits", "task": "echo 1 > one", "name": "write"}
    read = {"project": "overbits", "task": "cat one", "name": "read", "after": ["write"], "with_work": True}
    jobs = yard.ok(op="graph", jobs=[write, read])["jobs"]
    assert yard.logs(yard.ended(jobs["read"])) == "1\n"
