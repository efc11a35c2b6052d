"""Follows what the selected job's newest attempt writes, as `luzia logs -f` shows it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import aclosing

from luzia_protocol.errors import Refused
from luzia_protocol.replies import Output

from luzia_client.api.async_client import AsyncClient
from luzia_client.cli.show.safe_output import SafeOutput
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.tui.top.lines import Lines
from luzia_client.tui.top.state import Top

TAIL_LINES = 1000
PAUSE_S = 0.1
"""A job that is only passed by on the way to another one is not followed."""


class Follower:
    """Fills `top.transcript`. colour: with colours. changed: called when something is to be drawn anew."""

    def __init__(self, top: Top, colour: bool, changed: Callable[[], None]) -> None:
        self._top = top
        self._colour = colour
        self._changed = changed
        # A restart of the daemon is waited for; whether one is started is decided where the list is read.
        self._client = AsyncClient(autostart=False, reconnect_s=float("inf"))
        self._other = asyncio.Event()

    def look(self) -> None:
        """Another job may be selected, or its next attempt may have begun."""
        if self._wanted() != self._top.transcript_of:
            self._other.set()

    async def run(self) -> None:
        """Go on for ever."""
        following: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._other.wait()
                self._other.clear()
                if following is not None:
                    following.cancel()
                    await asyncio.wait([following])
                self._top.transcript = Lines()
                wanted = self._top.transcript_of = self._wanted()
                self._changed()
                following = None if wanted is None else tasks.create_task(self._follow(*wanted))

    def _wanted(self) -> tuple[str, int] | None:
        job = self._top.job
        return None if job is None or not job.attempt else (job.id, job.attempt)

    async def _follow(self, job: str, attempt: int) -> None:
        await asyncio.sleep(PAUSE_S)
        lines = self._top.transcript
        safe = SafeOutput(self._colour)
        pieces = self._client.follow(
            job,
            attempt,
            tail=TAIL_LINES,
            encoding="base64",
            render="colour" if self._colour else "text",
        )
        try:
            async with aclosing(pieces) as following:  # type: ignore[type-var]
                async for piece in following:
                    if isinstance(piece, Output):
                        lines.feed(safe.feed(piece.data.encode() if piece.rendered else base64.b64decode(piece.data)))
                        self._changed()
            lines.feed(safe.end())
        except Refused as refused:
            lines.feed(f"{refused.message}\n{refused.hint}")
        except (DaemonUnreachableError, UnexpectedAnswerError):
            self._top.transcript_of = None  # the daemon is away: the header says so, and the next picture asks again
            return
        self._changed()
