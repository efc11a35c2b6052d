"""Shutting the daemon down: on request, after the reply has been sent."""

from __future__ import annotations

import asyncio

from luzia_protocol.errors import ErrorCode, Refused


class Shutdown:
    """Whether the daemon is shutting down. Create it in the daemon's event loop."""

    def __init__(self) -> None:
        self._requested = False
        self._event = asyncio.Event()

    def request(self) -> None:
        """Accept no more jobs, and let `wait` return after the current turn of the loop."""
        self._requested = True
        asyncio.get_running_loop().call_soon(self._event.set)

    async def wait(self) -> None:
        """Wait until a shutdown is requested."""
        await self._event.wait()

    def require_running(self) -> None:
        """Raise Refused (SHUTTING_DOWN) once a shutdown was requested."""
        if self._requested:
            raise Refused(ErrorCode.SHUTTING_DOWN, "the daemon is shutting down")
