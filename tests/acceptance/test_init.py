"""`luzia init` sets up luzia for a new user: what it finds, asks, writes and skips, on a home of its own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from new_user import NewUser
from private_luzia import private_luzia


@pytest.fixture
def user() -> Iterator[NewUser]:
    with private_luzia() as luzia:
        yield NewUser(luzia)


def test_yes_accepts_all_suggestions(user: NewUser) -> None:
    done = user.luzia.run("init", "--yes")
    assert done.returncode == 0, done.stderr
    told = done.stdout.decode()
    assert "2.1.0" in told
    found = user.config()
    assert found["daemon"] == {"default_agent": "claude"}
    assert found["projects"] == {
        "overbits": {"path": str(user.home / "src/overbits"), "worktree": True},
        "web-site": {"path": str(user.home / "src/web site"), "worktree": True},
        "jobs-2": {"path": str(user.home / "jobs"), "worktree": True},
    }
    assert "# max_running = 4" in user.config_file.read_text()
    assert "complete" in user.completion.read_text()
    assert "Service: " in told
    assert "Next:\n  luzia overbits " in told
    assert user.luzia.run("config", "check").returncode == 0
    assert b"web-site" in user.luzia.run("projects").stdout  # the daemon has reloaded the file


def test_each_step_can_be_skipped_and_a_wrong_answer_is_asked_again(user: NewUser) -> None:
    with user.init() as screen:
        screen.shows("1. Which agent runs tasks that name none? [claude]")
        screen.type("codex\r")
        screen.shows("'codex' is not installed; choose one of claude")
        screen.type("\r")
        screen.shows("jobs-2", "(`luzia jobs` is a command)", "2. Which of them become projects?")
        screen.type("7\r")
        screen.shows("number 7 is not in the list; the last one is 3")
        screen.type("1\r")
        screen.shows("3. Does each job work in a worktree?")
        screen.type("n\r")
        screen.shows("[projects.overbits]", "Write this file? [Y/n]")
        screen.type("n\r")
        screen.shows("The completion script of bash")
        screen.type("n\rn\r")  # and to the service, where there is systemd
        assert screen.ended() == 0
    assert not user.config_file.exists()
    assert not user.completion.exists()


def test_a_dialogue_that_is_left_ends_below_its_question(user: NewUser) -> None:
    for key, status, words in (("ctrl-d", 2, "luzia: aborted"), ("ctrl-c", 130, "")):
        with user.init() as screen:
            screen.shows("1. Which agent runs tasks that name none? [claude]")
            screen.press(key)
            assert screen.ended() == status
            last = [line for line in screen.lines if "[claude]" in line or "aborted" in line][-1]
            assert last.startswith(words), screen.text
            assert screen.raw.endswith(b"\r\n")
    assert not user.config_file.exists()


def test_an_existing_file_gets_what_is_missing_and_keeps_its_comments(user: NewUser) -> None:
    user.config_file.parent.mkdir(parents=True)
    text = f'# mine\n[projects.bits]\npath = "{user.home}/src/overbits" # here\n'
    user.config_file.write_text(text)
    assert user.luzia.run("init", "--yes").returncode == 0
    assert user.config_file.read_text().startswith(text.rstrip("\n"))
    projects = user.config()["projects"]
    assert isinstance(projects, dict)
    assert list(projects) == ["bits", "web-site", "jobs-2"]
    before = user.config_file.read_text()
    again = user.luzia.run("init", "--yes")
    assert b"is left unchanged" in again.stdout
    assert b'luzia bits "fix the tests"' in again.stdout
    assert user.config_file.read_text() == before


def test_without_a_terminal_it_says_how_to_answer(user: NewUser) -> None:
    done = user.luzia.run("init")
    assert done.returncode == 2
    assert b"Pass --yes to accept suggestions." in done.stderr
    assert not user.config_file.exists()


def test_a_broken_file_is_told_first(user: NewUser) -> None:
    user.config_file.parent.mkdir(parents=True)
    user.config_file.write_text("[daemon]\nnicer = 1\n")
    done = user.luzia.run("init", "--yes")
    assert done.returncode == 4
    assert f"{user.config_file}:2: daemon.nicer: unknown key" in done.stderr.decode()


def test_a_user_without_agents_and_repositories_gets_a_file_of_comments(user: NewUser) -> None:
    user.luzia.env["HOME"] = str(user.home / "notes")
    Path(user.luzia.root, "bin", "claude").unlink()
    done = user.luzia.run("init", "--yes")
    assert done.returncode == 0, done.stderr
    assert b"Agents: none is installed" in done.stdout
    assert b"Next:\n  luzia agents\n" in done.stdout
    found = tomllib.loads((user.home / "notes/.config/luzia/config.toml").read_text())
    assert found == {"daemon": {}, "cli": {}, "aliases": {}}
