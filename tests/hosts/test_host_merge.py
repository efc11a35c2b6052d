"""The work of a job of another host comes into a repository here, by git over the link."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from far_host import NAME, FarHost, far_host
from git_projects import Repository
from support import MAIN, ended, status
from terminal import terminal

CONFIG = 'worktree = true\nverify = "test ! -e broken"\n'


@pytest.fixture(scope="module")
def host() -> Iterator[FarHost]:
    with far_host(CONFIG) as found:
        Repository(found.there.project, found.there.root).init()  # HOME of its users is its root
        found.here.env["HOME"] = str(found.here.root)
        yield found


@pytest.fixture
def clone(host: FarHost, tmp_path: Path) -> Repository:
    """A clone of the project on this side."""
    found = Repository(tmp_path / "clone", host.here.root)
    found.at(tmp_path).git("clone", "-q", str(host.there.project), str(found.root))
    return found


def finished(host: FarHost, command: str) -> str:
    """A job of the host that has ended."""
    with host.there.connect() as wire:
        job: str = wire.ok(op="dispatch", project="overbits", task=command)["job"]
        assert ended(wire, job)[0]["state"] == "completed"
    return job


COMMIT = "git -c user.name=A -c user.email=a@example.invalid commit -q -m made"


def test_the_commits_of_a_job_are_merged_here(host: FarHost, clone: Repository) -> None:
    job = finished(host, f"echo made > made; git add made; {COMMIT}")
    before = host.there.project.joinpath(".git/refs/heads/main").read_text()
    merged = json.loads(host.luzia("merge", "--json", job, cwd=clone.root).stdout)
    assert merged["onto"] == "main"
    assert merged["commit"] == clone.git("rev-parse", "HEAD")
    assert (clone.root / "made").read_text() == "made\n"
    assert clone.git("status", "--porcelain") == ""
    assert host.there.project.joinpath(".git/refs/heads/main").read_text() == before
    assert host.there.project.joinpath(".git/refs/luzia").exists() is False or not [
        *host.there.project.joinpath(".git/refs/luzia").iterdir()
    ]


def test_uncommitted_work_is_committed_there_only_when_that_is_asked_for(host: FarHost, clone: Repository) -> None:
    job = finished(host, "echo new > new")
    refused = host.luzia("merge", job, cwd=clone.root)
    assert refused.returncode == 4
    assert "the worktree has uncommitted changes: new" in refused.stderr
    assert not (clone.root / "new").exists()
    done = host.luzia("merge", "--commit", "-m", "Add it", job, cwd=clone.root)
    assert done.returncode == 0, done.stderr
    assert (clone.root / "new").exists()
    assert clone.git("log", "-1", "--format=%s") == "Add it"


def test_what_fails_the_verification_there_is_not_merged_here(host: FarHost, clone: Repository) -> None:
    job = finished(host, f"touch broken; git add broken; {COMMIT}")
    before = clone.git("rev-parse", "HEAD")
    done = host.luzia("merge", job, cwd=clone.root)
    assert done.returncode == 4
    assert "failed on the merged files" in done.stderr
    running, shown = re.findall(r"`(luzia logs [^`]+)`", done.stderr)
    assert shown.startswith(f"luzia logs {NAME}/")
    assert running == shown.replace("logs", "logs -f")
    assert host.here.run(*shown.split()[1:]).returncode == 0
    assert clone.git("rev-parse", "HEAD") == before
    assert host.luzia("merge", "--no-verify", job, cwd=clone.root).returncode == 0


def test_a_conflict_with_the_branch_here_is_told_with_what_resolves_it(host: FarHost, clone: Repository) -> None:
    job = finished(host, f"echo theirs > README; {COMMIT} -a")
    clone.write("README", "ours\n")
    clone.commit("ours")
    refused = host.luzia("merge", job, cwd=clone.root)
    assert refused.returncode == 4
    command = f"git -C {clone.root} merge luzia/{job}"
    assert refused.stderr == (
        f"luzia: luzia/{job} conflicts with main: README\n  Nothing was changed. Resolve it with git: {command}\n"
    )
    assert clone.git("status", "--porcelain") == ""
    assert "CONFLICT" in clone.git("merge", f"luzia/{job}", check=False)


def test_a_repository_of_another_project_is_refused(host: FarHost, tmp_path: Path) -> None:
    job = finished(host, f"echo x > x; git add x; {COMMIT}")
    other = Repository(tmp_path / "other", host.here.root).init()
    other.git("commit", "-q", "--amend", "-m", "another")  # one of the same second would be the same commit
    before = other.picture()
    done = host.luzia("merge", job, cwd=other.root)
    assert done.returncode == 4
    assert "no commit in common" in done.stderr
    assert other.picture() == before
    done = host.luzia("merge", job, cwd=tmp_path)
    assert "is not in a git repository" in done.stderr


def test_a_race_is_run_there_and_the_work_of_one_racer_is_merged_here(host: FarHost, clone: Repository) -> None:
    task = f"echo $LUZIA_JOB_ID > raced; git add raced; {COMMIT}"
    race = json.loads(host.ok("race", "--json", "overbits", "--times", "2", task))
    with host.there.connect() as wire:
        assert {job["state"] for job in ended(wire, *race["jobs"].values())} == {"completed"}
    first, second = (job for name, job in race["jobs"].items() if not name.endswith("-verify"))
    shown = host.ok("races", race["race"])
    assert first in shown
    assert second in shown
    done = host.luzia("merge", second, cwd=clone.root)
    assert done.returncode == 0, done.stderr
    assert (clone.root / "raced").read_text() == f"{second}\n"


def test_the_diff_there_shows_uncommitted_changes(host: FarHost) -> None:
    job = finished(host, "echo changed >> README")
    assert "+changed" in host.ok("diff", job)
    with host.there.connect() as wire:
        path = status(wire, job)["worktree"]["path"]
    assert host.ok("open", "--print", job) == f"{path}\n"


def test_open_is_a_shell_in_the_directory_of_the_job_there(host: FarHost) -> None:
    job = finished(host, "echo changed >> README")
    with host.there.connect() as wire:
        path = status(wire, job)["worktree"]["path"]
    command = [sys.executable, "-c", MAIN, "open", f"{NAME}/{job}"]
    with terminal(command, host.here.env | {"SHELL": "/bin/false"}, "/", 200, 20) as screen:
        screen.type('echo "[$PWD] [$SSH_CONNECTION] $(cat README)"; exit 7\r')
        screen.shows(f"[{path}] [", f" {host.port}] ", "changed")
        assert screen.ended() == 7
