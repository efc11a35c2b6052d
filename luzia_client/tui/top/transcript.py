"""Follows the output of the selected job's newest attempt, as `luzia logs -f` does."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import aclosing

from luzia_protocol.errors import Refused
from luzia_protocol.replies import Output

from luzia_client.cli.show.safe_output import SafeOutput
from luzia_client.cli.watch.output_printers import format_loss
from luzia_client.hosts.job_ids import host_of, id_there
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.tui.top.clients import Clients
from luzia_client.tui.top.state import TopState
from luzia_client.tui.top.text_view import TextView

TAIL_LINES = 1000
RECONNECT_S = 365 * 86400.0
"""For as long as the screen is open."""
SETTLE_S = 0.1
"""A job is followed only after it has been selected for this long."""


class TranscriptFollower:
    """Fills `top.transcript`. colour: keep colours. changed: called to redraw the screen.

    clients: they wait for a restart of a daemon; only a Feed starts one.
    """

    def __init__(self, top: TopState, colour: bool, changed: Callable[[], None], clients: Clients) -> None:
        self._top = top
        self._colour = colour
        self._changed = changed
        self._clients = clients
        self._selection_changed = asyncio.Event()

    def check_selection(self) -> None:
        """Switch if another job is selected, or its next attempt has started."""
        if self._selected_attempt() != self._top.transcript_source:
            self._selection_changed.set()

    async def run(self) -> None:
        """Run until cancelled."""
        following: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._selection_changed.wait()
                self._selection_changed.clear()
                if following is not None:
                    following.cancel()
                    await asyncio.wait([following])
                self._top.transcript = TextView()
                source = self._top.transcript_source = self._selected_attempt()
                self._changed()
                following = None if source is None else tasks.create_task(self._follow(*source))

    def _selected_attempt(self) -> tuple[str, int] | None:
        job = self._top.job
        if job is None or not job.attempt:
            return None
        selected = (job.id, job.attempt)
        # What is followed continues when its host can be reached again.
        return None if self._top.is_away(job) and selected != self._top.transcript_source else selected

    async def _follow(self, job: str, attempt: int) -> None:
        await asyncio.sleep(SETTLE_S)
        lines = self._top.transcript
        safe = SafeOutput(self._colour)
        pieces = self._clients.at(host_of(job)).follow(
            id_there(job),
            attempt,
            tail=TAIL_LINES,
            encoding="base64",
            render="colour" if self._colour else "text",
        )
        try:
            async with aclosing(pieces) as following:  # type: ignore[type-var]
                async for piece in following:
                    if isinstance(piece, Output):
                        if piece.lost_bytes:
                            lines.feed(f"{safe.end()}\n[{format_loss(piece.lost_bytes)}]\n")
                        lines.feed(safe.feed(piece.data.encode() if piece.rendered else base64.b64decode(piece.data)))
                        self._changed()
            lines.feed(safe.end())
        except Refused as refused:
            lines.feed(f"{refused.message}\n{refused.hint}")
        except (DaemonUnreachableError, UnexpectedAnswerError):
            self._top.transcript_source = None  # the header reports it, and the next redraw retries
            return
        self._changed()
