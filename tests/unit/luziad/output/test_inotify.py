"""Followers hear of writes also while the system has no inotify instance or watch to give."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncinotify
import pytest

from luziad.output import inotify
from luziad.output.inotify import FileWatcher

DEADLINE_S = 60.0


@pytest.fixture
async def watcher(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FileWatcher]:
    """One whose timer is fast."""
    monkeypatch.setattr(inotify, "POLL_S", 0.01)
    made = FileWatcher()
    yield made
    await made.close()


async def hears(event: asyncio.Event) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await event.wait()
    event.clear()


@pytest.mark.parametrize(
    ("name", "code", "sysctl"),
    [
        ("__init__", errno.EMFILE, "fs.inotify.max_user_instances"),
        ("add_watch", errno.ENOSPC, "fs.inotify.max_user_watches"),
    ],
)
async def test_a_timer_stands_in_until_the_limit_has_room_again(
    watcher: FileWatcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int, sysctl: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    file, grown = tmp_path / "stdout", asyncio.Event()
    file.touch()
    with monkeypatch.context() as exhausted:
        exhausted.setattr(asyncinotify.Inotify, name, refuse)
        stop = watcher.watch(str(file), grown.set)
        assert f"sysctl -w {sysctl}=" in str(watcher.problem)
        await hears(grown)
        await hears(grown)
    async with asyncio.timeout(DEADLINE_S):
        while watcher.problem is not None:  # noqa: ASYNC110 (the timer of the watcher is what is waited for)
            await asyncio.sleep(0.01)
    grown.clear()
    file.write_text("more")
    await hears(grown)
    assert watcher._timer is None
    stop()


async def test_the_timer_ends_with_the_last_watch(watcher: FileWatcher, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(inotify, "Inotify", _refuse)
    grown = asyncio.Event()
    stop = watcher.watch(str(tmp_path), grown.set)
    stop()
    async with asyncio.timeout(DEADLINE_S):
        while watcher._timer is not None:  # noqa: ASYNC110 (the timer of the watcher is what is waited for)
            await asyncio.sleep(0.01)
    assert not grown.is_set()


async def test_a_missing_file_is_an_error_with_and_without_inotify(
    watcher: FileWatcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileNotFoundError):
        watcher.watch(str(tmp_path / "stdout"), do_nothing)
    monkeypatch.setattr(watcher, "_inotify", None)
    monkeypatch.setattr(inotify, "Inotify", _refuse)
    with pytest.raises(FileNotFoundError):
        watcher.watch(str(tmp_path / "stdout"), do_nothing)


async def test_a_write_to_a_file_of_a_directory_is_told(watcher: FileWatcher, tmp_path: Path) -> None:
    grown = asyncio.Event()
    watcher.watch(str(tmp_path), grown.set)
    (tmp_path / "new").touch()
    await hears(grown)
    (tmp_path / "new").write_text("content")
    await hears(grown)


async def test_all_are_called_back_when_the_kernel_has_lost_events(watcher: FileWatcher, tmp_path: Path) -> None:
    """The test's own process writes more often than the queue is long, before the loop runs again."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    first, last, heard = tmp_path / "first", tmp_path / "last", asyncio.Event()
    first.touch()
    last.touch()
    watcher.watch(str(first), do_nothing)
    watcher.watch(str(last), heard.set)
    with first.open("ab", buffering=0) as one, last.open("ab", buffering=0) as other:
        watcher.watch(str(tmp_path), do_nothing)
        for _ in range(limit // 2 + 2):
            one.write(b"x")
            os.utime(first)
        other.write(b"x")
    await hears(heard)


def do_nothing() -> None:
    """A callback for what the test does not wait for."""


def _refuse() -> None:
    raise OSError(errno.EMFILE, "no instance")
