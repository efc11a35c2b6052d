"""A cursor into the events: how long it is good, what a client is told when it is not, and what clients do then."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from luzia_protocol.errors import Refused
from luzia_protocol.requests import Subscribe

from luzia_client.api.async_client import AsyncClient
from luzia_client.api.client import Client
from luzia_client.api.replies import decode_frame
from luzia_client.api.streams import EventStream
from luziad.handlers.events import POSITION_EVERY
from luziad.store.files import STORE_NAME
from support import PrivateDaemon, dispatch, ended, private_daemon, status


@pytest.fixture
def pruned() -> Iterator[tuple[PrivateDaemon, str, int]]:
    """A daemon, a job that it remembers, and the horizon of its events: those of other jobs up to it were pruned."""
    with private_daemon() as daemon:
        with daemon.connect() as wire:
            kept, gone = dispatch(wire, "exit 3"), dispatch(wire)
            ended(wire, kept, gone)
            wire.ok(op="remove", job=gone)
            horizon = wire.ok(op="list", limit=1)["seq"]
            ended(wire, dispatch(wire))
        daemon.stop()
        with closing(sqlite3.connect(daemon.state / STORE_NAME)) as store:
            store.execute("DELETE FROM events WHERE seq <= ? AND json_extract(event, '$.job') = ?", (horizon, gone))
            store.execute("UPDATE pruned SET horizon = ?", (horizon,))
            store.commit()
        daemon.start()
        yield daemon, kept, horizon


def test_a_cursor_that_is_too_old_is_refused_with_the_oldest_seq_that_is_left(
    pruned: tuple[PrivateDaemon, str, int],
) -> None:
    daemon, _, horizon = pruned
    with daemon.connect() as wire:
        refused = wire.error(op="subscribe", after=horizon - 1)
        assert (refused["code"], refused["oldest_seq"]) == ("events_expired", horizon + 1)
        assert wire.error(op="subscribe", after=10**9)["oldest_seq"] == horizon + 1
        wire.ok(op="subscribe", after=refused["oldest_seq"] - 1)
        assert wire.receive()["event"]["kind"] == "dispatched"
    with Client(daemon.socket) as client, pytest.raises(Refused) as caught:
        next(iter(client.subscribe(after=0)))
    assert caught.value.oldest_seq == horizon + 1


def test_the_events_of_a_remembered_job_can_always_be_read_from_their_start(
    pruned: tuple[PrivateDaemon, str, int],
) -> None:
    daemon, job, _ = pruned
    with daemon.connect() as wire:
        wire.ok(op="subscribe", after=0, jobs=[job])
        assert [wire.receive()["event"]["kind"] for _ in range(4)] == ["dispatched", "starting", "started", "ended"]


def test_after_a_repair_no_older_cursor_is_good_for_any_job(pruned: tuple[PrivateDaemon, str, int]) -> None:
    daemon, job, _ = pruned
    daemon.stop()
    for file in daemon.state.glob(f"{STORE_NAME}*"):
        file.write_bytes(b"damaged")
    daemon.start()
    with daemon.connect() as wire:
        assert status(wire, job)["state"] == "failed"
        refused = wire.error(op="subscribe", after=0, jobs=[job])
        assert refused["code"] == "events_expired"
        wire.ok(op="subscribe", after=refused["oldest_seq"] - 1)


def test_an_asynchronous_client_continues_from_a_list_when_its_cursor_has_expired(
    pruned: tuple[PrivateDaemon, str, int],
) -> None:
    daemon, job, _ = pruned

    async def follow() -> list[str]:
        seen: list[str] = []
        async with AsyncClient(daemon.socket) as client:
            with pytest.raises(Refused, match="no longer stored"):
                await anext(aiter(client.subscribe(after=0)))
            page = await client.list_jobs()
            stream = client.subscribe(after=page.seq, kinds=["ended"])
            await client.retry(job)
            async for event in stream:
                seen.append(event.job)
                break
        return seen

    assert asyncio.run(follow()) == [job]


def test_a_client_that_selects_little_is_told_how_far_its_stream_has_come() -> None:
    jobs = [{"project": "overbits", "task": "true", "hold": True}] * POSITION_EVERY
    with private_daemon() as daemon, daemon.connect() as wire, daemon.connect() as live, daemon.connect() as silent:
        begin = wire.ok(op="list", limit=1)["seq"]
        live.ok(op="subscribe", after=begin, kinds=["removed"], positions=True, id="s")
        silent.ok(op="subscribe", after=begin, kinds=["removed"], id="s")
        job = next(iter(wire.ok(op="graph", jobs=jobs)["jobs"].values()))
        told = live.receive()
        assert (told["id"], told["position"]["seq"] >= begin + POSITION_EVERY) == ("s", True)
        with daemon.connect() as replayed:
            replayed.ok(op="subscribe", after=begin, kinds=["removed"], positions=True)
            assert replayed.receive()["position"]["seq"] >= begin + POSITION_EVERY
        wire.ok(op="cancel", job=job)
        wire.ok(op="remove", job=job)
        assert live.receive()["event"]["job"] == silent.receive()["event"]["job"] == job


def test_a_stream_continues_after_the_position_that_it_was_told() -> None:
    stream = EventStream(Subscribe(after=3, kinds=["asked"]))
    assert stream.receive(decode_frame(b'{"position": {"seq": 5000}}')) is None
    assert stream.request() == Subscribe(after=5000, kinds=["asked"], positions=True)
