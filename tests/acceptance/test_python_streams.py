"""The iterators of both Python clients over a crash and a restart of the daemon: nothing missed, nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from luzia_protocol.events import Ended, Event

from luzia_client import AsyncClient, Client, FollowEnd, Output
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until

NUMBERS = 'n=0; until [ -e stop ]; do n=$((n+1)); echo "line $n"; sleep 0.01; done; printf "the end"'

Item = Event | Output | FollowEnd


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


def follow(socket: str, job: str, seen: list[Item]) -> None:
    with Client(socket, autostart=False, reconnect_s=DEADLINE_S) as client:
        seen.extend(client.follow(job))


def subscribe(socket: str, job: str, seen: list[Item]) -> None:
    with Client(socket, autostart=False, reconnect_s=DEADLINE_S) as client:
        for event in client.subscribe(after=0, jobs=job):
            seen.append(event)
            if isinstance(event, Ended):
                return


async def follow_async(socket: str, job: str, seen: list[Item]) -> None:
    async with AsyncClient(socket, autostart=False, reconnect_s=DEADLINE_S) as client:
        async for item in client.follow(job):
            seen.append(item)


async def subscribe_async(socket: str, job: str, seen: list[Item]) -> None:
    async with AsyncClient(socket, autostart=False, reconnect_s=DEADLINE_S) as client:
        async for event in client.subscribe(after=0, jobs=job):
            seen.append(event)
            if isinstance(event, Ended):
                return


READERS: dict[str, Callable[[str, str, list[Item]], None]] = {
    "followed": follow,
    "told": subscribe,
    "followed by tasks": lambda *args: asyncio.run(follow_async(*args)),
    "told to tasks": lambda *args: asyncio.run(subscribe_async(*args)),
}


def test_both_clients_miss_nothing_and_see_nothing_twice_over_a_crash_and_a_restart(luzia: PrivateLuzia) -> None:
    job = luzia.shell(NUMBERS)
    seen: dict[str, list[Item]] = {name: [] for name in READERS}
    with ThreadPoolExecutor(len(READERS)) as threads:
        readers = [threads.submit(read, luzia.socket, job, seen[name]) for name, read in READERS.items()]
        for percent, words in ((30, ("start",)), (60, ("restart",))):
            luzia.client().report_progress(job, percent=percent)
            all_go_on(seen)
            if words == ("start",):
                luzia.kill_daemon()
            assert luzia.run("daemon", *words).returncode == 0
        all_go_on(seen)
        Path(luzia.project, "stop").touch()
        for reader in readers:
            reader.result(DEADLINE_S)
    written = Path(luzia.root, "state", "jobs", job, "1", "stdout").read_text()
    events: list[Item] = []
    subscribe(luzia.socket, job, events)
    for name, items in seen.items():
        if name.startswith("told"):
            assert items == events
            continue
        assert "".join(item.data for item in items if isinstance(item, Output)) == written
        assert isinstance(items[-1], FollowEnd)
        assert items[-1].offset == len(written)


def all_go_on(seen: dict[str, list[Item]]) -> None:
    """Wait until all readers of output have seen more of it, and all readers of events the same events."""
    before = {name: len(items) for name, items in seen.items() if not name.startswith("told")}
    until(lambda: all(len(seen[name]) > count + 3 for name, count in before.items()), "all readers of output go on")
    told = [items for name, items in seen.items() if name.startswith("told")]
    until(lambda: told[0] and len(told[0]) == len(told[1]), "all readers of events have seen the same")
