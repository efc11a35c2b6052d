"""`luzia open`: to where a job works, with a shell, an editor, or its name alone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol.jobs import Job

from git_projects import Repository
from luzia_client.api.client import Client
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia
from terminal import terminal


@pytest.fixture(scope="module")
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        luzia.env["SHELL"] = "/bin/sh"
        luzia.client()
        yield luzia


def done(luzia: PrivateLuzia, project: str, worktree: bool = False) -> Job:
    """A job that has ended."""
    client = Client(luzia.socket, autostart=False)
    job = client.dispatch(project, "true", agent="shell", worktree=worktree).job
    client.wait([job], DEADLINE_S)
    return client.get_job(job)


def directory(luzia: PrivateLuzia, name: str) -> str:
    path = os.path.join(luzia.root, name)
    os.mkdir(path)
    return path


def test_a_shell_starts_where_the_job_works_and_its_end_comes_back(luzia: PrivateLuzia) -> None:
    job = done(luzia, directory(luzia, "where ü"))
    with terminal(luzia.command("open", job.id), luzia.env, luzia.project) as screen:
        screen.shows(f"In the directory of job {job.id}: {luzia.root}", "Exit the shell to return.")
        screen.type('echo "[$PWD]" "[$LUZIA_OPEN]" "[$(pwd)]"; exit 7\n')
        assert screen.ended() == 7
        flat = screen.text.replace("\n", "")
        assert f"[{luzia.root}/where ü] [{job.id}] [{luzia.root}/where ü]" in flat


def test_a_pipe_gets_the_directory_alone(luzia: PrivateLuzia) -> None:
    job = done(luzia, directory(luzia, "in a pipe"))
    for words in (("open", job.id), ("open", "--print", job.id)):
        result = luzia.run(*words)
        assert (result.returncode, result.stdout.decode()) == (0, f"{luzia.root}/in a pipe\n")
    told = json.loads(luzia.run("open", "--json", job.id).stdout)
    assert told == {"job": job.id, "directory": f"{luzia.root}/in a pipe", "exists": True}


def test_a_worktree_and_the_records_are_places_too(luzia: PrivateLuzia) -> None:
    project = Repository(Path(luzia.root, "repository"), Path(luzia.root, "home")).init()
    job = done(luzia, str(project.root), worktree=True)
    assert job.worktree is not None
    assert luzia.run("open", job.id).stdout.decode() == f"{job.worktree.directory}\n"
    records = luzia.run("open", "--logs", job.id).stdout.decode().strip()
    assert records == job.directory
    assert Path(records, "1", "stdout").exists()
    with terminal(luzia.command("open", "--print", job.id), luzia.env, luzia.project, columns=200) as screen:
        assert screen.ended() == 0
        assert screen.text.strip() == job.worktree.directory
    shutil.rmtree(job.worktree.path)
    gone = luzia.run("open", job.id)
    assert gone.returncode == 74
    assert job.worktree.branch in gone.stderr.decode()
    assert f"the worktree of job {job.id} no longer exists: {job.worktree.directory}" in gone.stderr.decode()


def test_an_editor_opens_the_directory(luzia: PrivateLuzia) -> None:
    job = done(luzia, directory(luzia, "edited"))
    nothing = {**luzia.env, "VISUAL": "", "EDITOR": ""}
    with terminal(luzia.command("open", "-e", job.id), nothing, luzia.project) as screen:
        assert screen.ended() == 2
        assert "Set VISUAL or EDITOR" in screen.text
    editor = {**luzia.env, "VISUAL": "printf 'edits %s.' ", "EDITOR": "false"}
    with terminal(luzia.command("open", "--editor", job.id), editor, luzia.project) as screen:
        assert screen.ended() == 0
        assert f"edits {luzia.root}/edited." in screen.text


def test_what_cannot_be_opened_is_said(luzia: PrivateLuzia) -> None:
    path = directory(luzia, "gone")
    job = done(luzia, path)
    os.rmdir(path)
    gone = luzia.run("open", job.id)
    assert (gone.returncode, gone.stdout) == (74, b"")
    remedy = f"  Its records remain: `luzia open --logs {job.id}`.\n"
    assert gone.stderr.decode() == f"luzia: the directory of job {job.id} no longer exists: {path}\n{remedy}"
    held = Client(luzia.socket, autostart=False).dispatch(luzia.project, "true", agent="shell", hold=True).job
    early = luzia.run("open", "--logs", held)
    assert early.returncode == 4
    assert "has not started, and has no records yet" in early.stderr.decode()
    assert luzia.run("open", "no-such-job").returncode == 4
    no_shell = {**luzia.env, "SHELL": "/no/such/shell"}
    with terminal(luzia.command("open", held), no_shell, luzia.project) as screen:
        assert screen.ended() == 74
        assert "/no/such/shell: No such file or directory" in screen.text
