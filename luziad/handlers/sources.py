"""Where `logs` and `follow` read: an attempt's bytes as they are, or what they mean as a transcript."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState
from luzia_protocol.requests import Follow, Logs

from luziad.agents.line_splitter import LineSplitter
from luziad.agents.transcript import Entries, Transcript
from luziad.handlers.base import Services
from luziad.jobs.attempt import AttemptRef
from luziad.jobs.record import JobRecord
from luziad.output.files import Piece, encode_piece, read_piece, tail_offset

RENDERED_BYTES = 64 * 1024
"""So much of a stream is rendered in one go, unless a line is longer."""


def source_of(services: Services, record: JobRecord, number: int, request: Logs | Follow) -> Source:
    """The source that was asked for: a transcript where that is wanted and the agent's output has one."""
    if request.render == "none" or request.stream != "stdout":
        return Source(services, record, number, request.stream, request.encoding)
    try:
        entries = services.scheduler.launcher.adapter(record).transcript
    except Refused:  # the agent is not configured any more
        entries = None
    if entries is None:
        return Source(services, record, number, request.stream, request.encoding)
    return RenderedSource(services, record, number, entries, colour=request.render == "colour")


class Source:
    """One stream of one attempt."""

    def __init__(self, services: Services, record: JobRecord, number: int, stream: str, encoding: str) -> None:
        self.path = services.scheduler.executor.output_path(AttemptRef(record.id, number), stream)
        self._services = services
        self._record = record
        self._number = number
        self._stream = stream
        self._encoding = encoding

    def over(self) -> bool:
        """True when the attempt has ended, so that nothing more is written."""
        state = self._record.status.state
        if self._number < self._record.status.attempts[-1].number:
            return True
        return state.is_final or state is JobState.QUEUED

    async def tail(self, lines: int) -> int:
        """Where the last lines begin."""
        return int(await self._in_files_thread(tail_offset, self.path, lines))

    async def read(self, offset: int, most: int) -> replies.Output:
        """The piece at `offset`, or at what is kept after it."""
        over = self.over()
        piece = await self._in_files_thread(read_piece, self.path, offset, most)
        at_end = over and piece.offset + len(piece.data) >= piece.size
        text, covered = encode_piece(piece.data, self._encoding, last=at_end)
        return replies.Output(
            job=self._record.id,
            attempt=self._number,
            stream=self._stream,
            offset=piece.offset,
            next_offset=piece.offset + covered,
            data=text,
            size=piece.size,
            ended=at_end,
            dropped_bytes=piece.dropped,
        )

    async def _in_files_thread(self, function: Callable[..., Any], *arguments: object) -> Any:
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._services.files, function, *arguments)
        except OSError as exc:
            message = f"the output of job {self._record.id} cannot be read: {exc}"
            raise Refused(ErrorCode.INTERNAL, message) from exc


class RenderedSource(Source):
    """An attempt's stdout as a transcript. It goes on where the last piece ended, or anywhere else where a line begins.

    A piece is made of whole lines. What is not whole yet is kept here, so that no byte is read twice.
    """

    def __init__(self, services: Services, record: JobRecord, number: int, entries: Entries, *, colour: bool) -> None:
        super().__init__(services, record, number, "stdout", "text")
        self._entries = entries
        self._colour = colour
        self._begin(0)

    def _begin(self, offset: int) -> None:
        self._next = self._shown = offset
        self._splitter = LineSplitter()
        self._transcript = Transcript(self._entries, self._colour)

    async def read(self, offset: int, most: int) -> replies.Output:
        """The transcript of the next lines after `offset`; nothing when none is whole."""
        if offset != self._shown:
            self._begin(offset)
        over = self.over()
        text, at_end = "", False
        while self._shown <= offset and not at_end:
            piece: Piece = await self._in_files_thread(read_piece, self.path, self._next, min(most, RENDERED_BYTES))
            text += await self._in_files_thread(self._render, piece)
            at_end = self._next >= piece.size
        ended = over and at_end
        if ended:
            text += await self._in_files_thread(self._render_end)
        return replies.Output(
            job=self._record.id,
            attempt=self._number,
            stream=self._stream,
            offset=max(offset, piece.dropped),
            next_offset=self._shown,
            data=text,
            size=piece.size,
            ended=ended,
            dropped_bytes=piece.dropped,
            rendered=True,
        )

    def _render(self, piece: Piece) -> str:
        """The text of the lines that end in the piece."""
        start, data = piece.offset, piece.data
        if start > self._next:  # what was between is not kept any more, and so the first line is no whole one
            self._begin(start)
            torn = len(data.partition(b"\n")[0]) + 1
            start, data = start + min(torn, len(data)), data[torn:]
        position, text = 0, []
        for line in self._splitter.feed(data):
            position = data.index(b"\n", position) + 1
            text.append(self._transcript.feed(line))
            if not self._transcript.is_incomplete:
                self._shown = start + position
        self._next = start + len(data)
        return "".join(text)

    def _render_end(self) -> str:
        """The text of what is whole now, because nothing more will come."""
        text = [self._transcript.feed(line) for line in self._splitter.end()]
        self._shown = self._next
        return "".join([*text, self._transcript.end()])
