"""A job that puts a FIFO, or a lock, in place of a file of luzia stops no command: it says what is wrong, and ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from luzia_protocol.regular_files import open_locked, open_regular, read_regular

from private_luzia import PrivateLuzia, private_luzia

HOST = '[hosts.big]\ndestination = "nobody@127.0.0.9"\n'


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as started:
        yield started


@pytest.mark.parametrize("name", ["state/luziad.log", "run/start.lock"])
def test_a_fifo_in_place_of_a_file_for_the_start_is_named(luzia: PrivateLuzia, name: str) -> None:
    place = Path(luzia.root, name)
    place.parent.mkdir(mode=0o700)
    os.mkfifo(place)
    refused = luzia.run("jobs")
    assert refused.returncode == 3
    assert f"{place}: not a regular file: remove it" in refused.stderr.decode()


def test_the_log_is_not_written_through_a_link(luzia: PrivateLuzia) -> None:
    mine = Path(luzia.root, "mine")
    mine.write_text("mine\n")
    Path(luzia.root, "state").mkdir(mode=0o700)
    Path(luzia.root, "state", "luziad.log").symlink_to(mine)
    assert luzia.run("jobs").returncode == 3
    assert mine.read_text() == "mine\n"


@pytest.mark.parametrize("name", ["big.json", "big.lock", "big.log"])
@pytest.mark.parametrize("content", ["", "[1]", "[" * 60_000])
def test_planted_files_of_a_link_end_no_command_with_an_internal_error(
    luzia: PrivateLuzia, name: str, content: str
) -> None:
    Path(luzia.env["LUZIA_CONFIG"]).write_text(HOST)
    place = Path(luzia.root, "run", "hosts", name)
    place.parent.mkdir(mode=0o700, parents=True)
    if content:
        place.write_text(content)
    else:
        os.mkfifo(place)
    done = luzia.run("--host", "big", "jobs")
    assert done.returncode not in (0, 70), done.stderr
    assert luzia.run("hosts").returncode == 0


def test_a_lock_that_another_process_keeps_is_not_waited_for_without_end(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    other = open_locked(path, 0.0)
    with pytest.raises(TimeoutError, match="kept it locked"):
        open_locked(path, 0.1)
    os.close(other)
    lock = open_locked(path, 0.1)
    with open(path) as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    assert read_regular(tmp_path / "file", 4) == b"cont"
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("file")
    for name in ("fifo", "link", "."):
        for flags in (os.O_RDONLY, os.O_WRONLY | os.O_CREAT):
            with pytest.raises(OSError):
                open_regular(tmp_path / name, flags)
