"""What the screen shows while its requests are refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from luzia_client.tui.model import JobsModel
from luzia_client.tui.top.feed import Feed
from luzia_client.tui.top.state import TopState

_TEXTS = ("version", "started_at", "socket", "runtime_dir", "state_dir", "jobs_dir", "config_file", "log_file")
_NUMBERS = ("protocol", "pid", "uptime_s", "seq", "slots", "slots_used", "connections", "subscribers", "rss_bytes")
INFO: dict[str, object] = {
    **dict.fromkeys(_TEXTS, "2026-11-25T12:00:00Z"),
    **dict.fromkeys(_NUMBERS, 1),
    **dict.fromkeys(("last_snapshot", "fork_server_pid")),
    **dict.fromkeys(("storage", "managed_by"), "ok"),
    "max_jobs": 1000,
    "counts": {},
}


class PartlyRefusingDaemon:
    """Accepts subscriptions, and refuses the op `list` while `refusing` is set."""

    def __init__(self) -> None:
        self.refusing = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            request = json.loads(line)
            reply: dict[str, object] = {"ok": {"jobs": [], "counts": {}}}
            if request["op"] == "info":
                reply = {"ok": INFO}
            if request["op"] == "list" and self.refusing:
                reply = {"error": {"code": "shutting_down", "message": "not now", "hint": ""}}
            writer.write(json.dumps({**reply, "id": request.get("id")}).encode() + b"\n")
        writer.close()


async def eventually_shows(top: TopState, changed: asyncio.Event, text: str) -> None:
    async with asyncio.timeout(20):
        while text != top.here.connection_error:
            await changed.wait()
            changed.clear()


def test_a_refused_request_is_shown_until_a_later_one_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUZIA_SOCKET", str(tmp_path / "socket"))

    async def run() -> None:
        daemon = PartlyRefusingDaemon()
        async with await asyncio.start_unix_server(daemon.serve, str(tmp_path / "socket")):
            changed = asyncio.Event()
            top = TopState(JobsModel())
            top.here.connection_error = "not connected"
            feed = Feed(top, [], changed.set, list)
            running = asyncio.create_task(feed.run())
            await eventually_shows(top, changed, "")
            daemon.refusing = True
            feed.refresh_reasons()
            await eventually_shows(top, changed, "retrying: not now")
            daemon.refusing = False
            feed.refresh_reasons()
            await eventually_shows(top, changed, "")
            running.cancel()
            await asyncio.wait([running])

    asyncio.run(run())
