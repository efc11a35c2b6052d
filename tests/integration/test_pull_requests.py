"""Pull requests for the work of jobs: pushed to a real remote repository, opened by a program that records its call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_projects import Repository
from integration.test_worktrees import Workshop, running_workshop

URL = "https://forge.example/pulls/7"
WORK = "echo more >> README; git commit -qam work; echo new > new"


class Forge:
    """A remote repository of the project, and the programs `gh` and `glab` that write down how they are called."""

    def __init__(self, workshop: Workshop, root: Path) -> None:
        self.workshop = workshop
        self.remote = Repository(root / "github.git", workshop.project.home)
        self.remote.root.mkdir()
        self.remote.git("init", "-q", "--bare")
        workshop.project.git("remote", "add", "origin", str(self.remote.root))
        workshop.project.git("push", "-q", "-u", "origin", "main")
        self.bin = root / "programs"
        self.bin.mkdir()
        self.call = root / "call"
        workshop.daemon.env["PATH"] = f"{self.bin}:{workshop.daemon.env['PATH']}"

    def install(self, name: str, then: str = f"echo {URL}") -> None:
        program = self.bin / name
        program.write_text(f"#!/bin/sh\nfor word; do printf '%s\\0' \"$word\"; done > {self.call}\n{then}\n")
        program.chmod(0o755)

    def called(self) -> list[str]:
        return self.call.read_text().split("\0")[:-1]

    def configure(self, *settings: str) -> None:
        file = self.workshop.daemon.config_file
        lines = file.read_text().splitlines()
        place = lines.index("[projects.overbits]") + 1
        file.write_text("\n".join([*lines[:place], *settings, *lines[place:], ""]))
        self.workshop.ok(op="reload")


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with running_workshop() as workshop:
        yield Forge(workshop, tmp_path)


def test_a_pull_request_is_opened_by_the_program_of_the_remote_repository(forge: Forge) -> None:
    forge.install("gh")
    job = forge.workshop.finished(f"{WORK} # 'quoted' {{braces}}")
    before = forge.workshop.project.git("rev-parse", "main")
    opened = forge.workshop.luzia("merge", job["id"], "--commit", "--pull-request", "-m", "Add new")
    branch = f"luzia/{job['id']}"
    assert (opened.returncode, opened.stdout) == (0, f"Opened a pull request of {branch} into main: {URL}\n")
    task = f"{WORK} # 'quoted' {{braces}}"
    words = ["pr", "create", "--head", branch, "--base", "main", "--title", "Add new", "--body", task]
    assert forge.called() == words
    assert forge.remote.git("show", f"{branch}:new") == "new"
    assert forge.remote.git("rev-parse", branch) == forge.workshop.project.git("rev-parse", branch)
    assert forge.workshop.project.git("rev-parse", "main") == before
    assert forge.workshop.project.at(job["worktree"]["path"]).git("status", "--porcelain") == ""
    assert forge.workshop.luzia("clean", job["id"]).returncode == 0


def test_the_configured_program_is_used_and_the_result_is_verified_first(forge: Forge) -> None:
    forge.install("glab", f"echo; echo '!7 Title'; echo {URL}")
    forge.configure('pull_request = "glab"', 'verify = "test ! -e broken"')
    job, bad = forge.workshop.finished(WORK), forge.workshop.finished("echo x > broken")
    opened = json.loads(forge.workshop.luzia("merge", job["id"], "--commit", "--pull-request", "--json").stdout)
    assert (opened["url"], opened["remote"], opened["onto"]) == (URL, "origin", "main")
    assert opened["commit"] == forge.remote.git("rev-parse", f"luzia/{job['id']}")
    assert forge.called()[:3] == ["mr", "create", "--yes"]
    forge.call.unlink()
    refused = forge.workshop.luzia("merge", bad["id"], "--commit", "--pull-request")
    assert (refused.returncode, "failed on the merged files" in refused.stderr) == (4, True)
    assert forge.remote.git("branch", "--list", f"luzia/{bad['id']}") == ""
    assert not forge.call.exists()


def test_what_is_missing_is_said_and_nothing_is_pushed(forge: Forge) -> None:
    job = forge.workshop.finished(WORK)
    forge.workshop.daemon.env["PATH"] = _without("gh", forge)

    def refused(*more: str) -> str:
        done = forge.workshop.luzia("merge", job["id"], "--commit", "--pull-request", *more)
        assert done.returncode in (2, 4), done.stderr
        assert forge.remote.git("branch", "--list", "luzia/*") == ""
        return done.stderr

    assert "gh is not installed\n  Install gh and log in with `gh auth login`." in refused()
    forge.install("gh")
    assert "--pull-request cannot be combined with --file and --hunk" in refused("--file", "new")
    forge.workshop.project.git("config", "credential.helper", "store")
    assert "the repository's own settings would change how git pushes: credential.helper" in refused()
    forge.workshop.project.git("config", "--unset", "credential.helper")
    forge.workshop.project.git("remote", "set-url", "origin", "/nowhere/else.git")
    assert "cannot tell from" in refused()
    forge.workshop.project.git("remote", "set-url", "origin", "/nowhere/github.git")
    assert "git push: " in refused()
    forge.workshop.project.git("remote", "remove", "origin")
    assert "the branch main has no remote repository" in refused()
    forge.workshop.project.git("remote", "add", "origin", str(forge.remote.root))
    forge.workshop.project.write("README", "theirs\n")
    forge.workshop.project.commit("theirs")
    assert "conflicts with main: README" in refused()


def test_a_failure_of_the_program_is_told_and_it_can_be_tried_again(forge: Forge) -> None:
    forge.install("gh", "echo 'not logged in' >&2; exit 4")
    job = forge.workshop.finished(WORK)
    refused = forge.workshop.luzia("merge", job["id"], "--commit", "--pull-request")
    assert (refused.returncode, "luzia: gh: not logged in\n" in refused.stderr) == (4, True)
    assert f"The branch luzia/{job['id']} was pushed." in refused.stderr
    forge.install("gh")
    assert forge.workshop.luzia("merge", job["id"], "--pull-request").returncode == 0


def _without(name: str, forge: Forge) -> str:
    """The PATH without the directories in which this program is."""
    parts = forge.workshop.daemon.env["PATH"].split(":")
    return ":".join(part for part in parts if not Path(part, name).exists())
