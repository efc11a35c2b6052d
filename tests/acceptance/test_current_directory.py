"""From a current directory that was deleted, or whose path is not UTF-8, a command says what is wrong."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import PrivateDaemon, private_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon() as running:
        yield running


def enter_and_delete(directory: Path) -> None:
    os.chdir(directory)
    directory.rmdir()


WORDS = [
    ["--agent", "shell", ".", "true"],
    ["run", ".", "true"],
    ["jobs", "--project", "."],
    ["pause", "--project", "./here"],
    ["projects", "add", "here", "."],
    ["schedule", "add", "nightly", "--cron", "@daily", "--project", ".", "true"],
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_deleted_current_directory_is_told(daemon: PrivateDaemon, words: list[str]) -> None:
    gone = daemon.root / "gone"
    gone.mkdir()
    done = daemon.run(*words, preexec_fn=functools.partial(enter_and_delete, gone))
    assert "luzia: the current directory does not exist any more; change to another one\n" in done.stderr
    assert done.returncode == 74


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_current_directory_that_is_not_utf_8_is_told(daemon: PrivateDaemon, words: list[str]) -> None:
    odd = os.fsencode(daemon.root) + b"/odd-\xff"
    os.makedirs(odd, exist_ok=True)
    done = daemon.run(*words, cwd=odd)
    assert "luzia: the path of the current directory is not valid UTF-8; rename it\n" in done.stderr
    assert done.returncode == 74


@pytest.mark.parametrize("words", [["jobs"], ["overbits", "true"], ["daemon", "status"], ["doctor"]], ids=" ".join)
def test_commands_that_need_no_current_directory_work_without_one(daemon: PrivateDaemon, words: list[str]) -> None:
    gone = daemon.root / "gone"
    gone.mkdir()
    done = daemon.run(*words, preexec_fn=functools.partial(enter_and_delete, gone))
    assert (done.returncode, done.stderr) == (0, "")
