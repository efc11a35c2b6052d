from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol.jobs import JobState
from luzia_protocol.replies import FollowEnd, Output

from luzia_client import (
    AsyncClient,
    ClientStateError,
    ConnectionLostError,
    DaemonUnreachableError,
    Refused,
    UnexpectedAnswerError,
)
from unit.luzia_client.api.test_client import BUSY, end, event, piece
from unit.luzia_client.fake_daemon import DISPATCHED, HUNG_UP, JOB, FakeDaemon, Script, info, job

Serve = Callable[[Script], FakeDaemon]
CHANGED = {"job": JOB, "state": "stopping"}


async def test_requests_of_many_tasks_share_one_connection(serve: Serve) -> None:
    daemon = serve(lambda request: {"ok": {"job": job(job_id=request["job"])}})
    async with AsyncClient() as client:
        jobs = await asyncio.gather(*(client.get_job(f"job{number}") for number in range(20)))
    assert [one.id for one in jobs] == [f"job{number}" for number in range(20)]
    assert daemon.connections == 1


async def test_many_requests_are_under_way_at_once_and_answers_may_come_in_any_order(serve: Serve) -> None:
    daemon = serve(lambda _: None)

    def script(_request: dict[str, Any]) -> Any:
        if len(daemon.requests) < 5:
            return []
        asked = [*zip(daemon.ids, daemon.requests, strict=True)]
        return [{"id": number, "ok": {"job": job(job_id=request["job"])}} for number, request in reversed(asked)]

    daemon.script = script
    async with AsyncClient() as client:
        jobs = await asyncio.gather(*(client.get_job(f"job{number}") for number in range(5)))
    assert [one.id for one in jobs] == [f"job{number}" for number in range(5)]


async def test_when_the_daemon_goes_away_all_that_is_under_way_hears_of_it(serve: Serve) -> None:
    daemon = serve(lambda _: None)
    daemon.script = lambda _: HUNG_UP if len(daemon.requests) % 3 == 0 else []
    async with AsyncClient() as client:
        ends = await asyncio.gather(*(client.retry(JOB) for _ in range(3)), return_exceptions=True)
        assert [type(end) for end in ends] == [ConnectionLostError] * 3
        daemon.script = lambda _: {"ok": info()}
        assert (await client.get_info()).pid


async def test_an_error_about_the_connection_is_raised_by_all_that_is_under_way(serve: Serve) -> None:
    refusal = b'{"error":{"code":"too_many_connections","message":"no more"}}\n'
    daemon = serve(lambda _: None)
    daemon.script = lambda _: [refusal, HUNG_UP] if len(daemon.requests) == 2 else []
    async with AsyncClient() as client:
        ends = await asyncio.gather(client.get_info(), client.retry(JOB), return_exceptions=True)
    assert [str(end) for end in ends] == ["no more"] * 2


async def test_what_is_no_answer_is_told(serve: Serve) -> None:
    serve(lambda _: b"HTTP/1.1 400 Bad Request\n")
    async with AsyncClient() as client:
        with pytest.raises(UnexpectedAnswerError):
            await client.get_info()


async def test_pending_requests_of_a_client_that_is_closed_raise_connection_lost(serve: Serve) -> None:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()

    def script(_request: dict[str, Any]) -> Any:
        loop.call_soon_threadsafe(asked.set)
        return []

    serve(script)
    client = AsyncClient()
    asking = asyncio.create_task(client.retry(JOB))
    await asked.wait()
    await client.close()
    with pytest.raises(ConnectionLostError):
        await asking


async def test_a_disconnected_client_connects_again_and_a_closed_one_does_not(serve: Serve) -> None:
    daemon = serve(lambda _: {"ok": info()})
    async with AsyncClient() as client:
        await client.get_info()
        await client.disconnect()
        await client.get_info()
    assert daemon.connections == 2
    for _ in range(2):
        with pytest.raises(ClientStateError, match="the client has been closed"):
            await client.get_info()
    with pytest.raises(ClientStateError):
        await anext(aiter(client.follow(JOB)))
    assert repr(client).endswith("/r/luzia.sock' closed>")


def test_a_client_of_another_event_loop_says_so(serve: Serve) -> None:
    serve(lambda _: {"ok": info()})
    client = AsyncClient()
    asyncio.run(use(client))
    with pytest.raises(ClientStateError, match="belongs to another event loop"):
        asyncio.run(use(client))
    asyncio.run(client.close())


async def use(client: AsyncClient) -> None:
    await client.get_info()


async def test_a_status_is_remembered_until_something_is_changed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUZIA_CACHE_TTL", "1000")
    daemon = serve(lambda request: {"ok": CHANGED if request["op"] == "cancel" else {"job": job()}})
    async with AsyncClient() as client:
        await client.get_job(JOB)
        await client.get_job(JOB, use_cache=True)
        await client.cancel(JOB)
        await client.get_job(JOB, use_cache=True)
        await client.get_job(JOB)
    assert daemon.ops() == ["status", "cancel", "status", "status"]


async def test_pages_and_dispatch(serve: Serve) -> None:
    def script(request: dict[str, Any]) -> Any:
        if request["op"] == "dispatch":
            return {"ok": DISPATCHED}
        first = request.get("cursor") is None
        jobs = [job(job_id="a" if first else "b")]
        return {"ok": {"jobs": jobs, "counts": {}, "next": 5 if first else None}}

    serve(script)
    async with AsyncClient() as client:
        assert (await client.dispatch("overbits", "x")).name == DISPATCHED["name"]
        assert [one.id async for one in client.iter_jobs(page_size=1)] == ["a", "b"]


async def test_a_refusal_is_raised_and_the_connection_is_kept(serve: Serve) -> None:
    daemon = serve(lambda _: {"error": {"code": "unknown_job", "message": "no job x"}})
    async with AsyncClient() as client:
        for _ in range(2):
            with pytest.raises(Refused, match="no job x"):
                await client.get_job("x")
    assert daemon.connections == 1


async def test_a_safe_request_is_asked_again_and_an_unsafe_one_is_not(serve: Serve) -> None:
    daemon = serve(lambda _: None)
    daemon.script = lambda _: HUNG_UP if len(daemon.requests) != 2 else {"ok": info()}
    async with AsyncClient() as client:
        await client.get_info()
        with pytest.raises(ConnectionLostError):
            await client.retry(JOB)
    assert daemon.ops() == ["info", "info", "retry"]


async def test_a_cancelled_request_leaves_no_answer_behind(serve: Serve) -> None:
    """The late answer must not be taken for that of the next request."""
    daemon = serve(lambda _: None)
    daemon.script = lambda request: [] if request["job"] == "slow" else {"ok": {"job": job(job_id=request["job"])}}
    async with AsyncClient() as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get_job("slow"), 0.2)
        assert (await client.get_job("quick")).id == "quick"
    assert daemon.connections == 1


async def test_no_daemon_is_told(home: Path) -> None:
    async with AsyncClient(autostart=False) as client:
        with pytest.raises(DaemonUnreachableError, match="no daemon answers"):
            await client.get_info()


async def test_follow_goes_on_from_its_offset_over_a_restart(serve: Serve) -> None:
    daemon = serve(lambda _: None)

    def script(request: dict[str, Any]) -> Any:
        if len(daemon.requests) == 1:
            return [{"ok": {}}, piece(0, "abc"), HUNG_UP]
        if len(daemon.requests) == 2:
            return BUSY
        return [{"ok": {}}, piece(request["offset"], "de", ended=True), end(5)]

    daemon.script = script
    async with AsyncClient() as client:
        items = [item async for item in client.follow(JOB)]
    assert "".join(item.data for item in items if isinstance(item, Output)) == "abcde"
    assert isinstance(items[-1], FollowEnd)


async def test_wait_waits_again_after_a_restart(serve: Serve) -> None:
    daemon = serve(lambda _: None)
    daemon.script = lambda _: HUNG_UP if len(daemon.requests) == 1 else {"ok": {"jobs": [job("lost")]}}
    async with AsyncClient() as client:
        assert (await client.wait([JOB])).jobs[0].state is JobState.LOST


async def test_subscribe_loses_and_doubles_nothing_over_restarts(serve: Serve) -> None:
    daemon = serve(lambda _: None)

    def script(request: dict[str, Any]) -> Any:
        if request["op"] == "list":
            return {"ok": {"jobs": [], "counts": {}, "seq": 4}}
        rounds: dict[int, list[Any]] = {
            4: [event(5), HUNG_UP],
            5: [event(5), event(6), {"lagged": {"next": 6}}],
            6: [event(7)],
        }
        return [{"ok": {}}, *rounds[request["after"]]]

    daemon.script = script
    seen: list[int] = []
    async with AsyncClient() as client:
        async for one in client.subscribe():
            seen.append(one.seq)
            if len(seen) == 3:
                break
    assert seen == [5, 6, 7]


async def test_a_stream_gives_up_when_no_daemon_comes_back(serve: Serve) -> None:
    daemon = serve(lambda _: None)

    def vanish(_request: dict[str, Any]) -> Any:
        daemon.close()
        return []

    daemon.script = vanish
    async with AsyncClient(autostart=False, reconnect_s=0.2) as client:
        with pytest.raises(DaemonUnreachableError):
            await client.wait([JOB])
