"""The daemon's end of a bridge: starts it when it is needed, and another one when it has ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable

import msgspec

from luziad.executor.ray import wire

log = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-I", "-m", "luziad.executor.ray.bridge")
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_AUTO_CONNECT": "0"}
"""Without the second, Ray starts a cluster of its own on this machine when it is asked before it is connected."""
_FIRST_RETRY_S = 0.2
_MAX_RETRY_S = 30.0
_STABLE_S = 60.0
_MAX_LINE_BYTES = 1 << 20


class BridgeClient:
    """Keeps a bridge running.

    arguments: of its command. on_event: called with each event. on_start: called when a bridge has been started; it
    knows of the attempts that were submitted while there was none.
    """

    def __init__(
        self, arguments: list[str], on_event: Callable[[wire.Event], None], on_start: Callable[[], None]
    ) -> None:
        self._arguments = arguments
        self._on_event = on_event
        self._on_start = on_start
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._early: list[bytes] = []

    @property
    def pid(self) -> int | None:
        """The bridge's process; None while there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the bridge, unless it has been started."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep())

    def send(self, request: wire.Request) -> None:
        """Send a request, now or when the first bridge runs. One that is lost with a bridge is not repeated."""
        line = msgspec.json.encode(request) + b"\n"
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(line)
        else:
            self._early.append(line)

    async def stop(self) -> None:
        """End the bridge; the attempts on the cluster continue."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                process.kill()
            await process.wait()

    async def _keep(self) -> None:
        delay_s, loop = _FIRST_RETRY_S, asyncio.get_running_loop()
        while True:
            began_at = loop.time()
            try:
                process = await asyncio.create_subprocess_exec(
                    *_COMMAND,
                    *self._arguments,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    cwd="/",
                    limit=_MAX_LINE_BYTES,
                    start_new_session=True,
                    env={**os.environ, **_ENVIRONMENT},
                )
            except OSError as exc:
                log.error("ray_bridge_not_started error=%s", exc)
            else:
                await self._serve(process)
            delay_s = _FIRST_RETRY_S if loop.time() - began_at > _STABLE_S else min(delay_s * 2, _MAX_RETRY_S)
            await asyncio.sleep(delay_s)

    async def _serve(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, early, self._early = process, self._early, []
        for line in early:
            process.stdin.write(line)
        self._on_start()
        decoder = msgspec.json.Decoder(wire.Event)
        async for line in process.stdout:
            self._on_event(decoder.decode(line))
        self._process = None
        log.warning("ray_bridge_ended pid=%d status=%s", process.pid, await process.wait())
