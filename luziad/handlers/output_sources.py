"""What `logs` and `follow` read: the raw output of an attempt, or a transcript of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState
from luzia_protocol.requests import Follow, Logs

from luziad.agents.line_splitter import LineSplitter
from luziad.agents.transcript import Entries, Transcript
from luziad.handlers.services import Services
from luziad.jobs.attempt import AttemptRef
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.view import lost_bytes
from luziad.output.files import Chunk, encode_chunk, read_chunk, tail_offset

RENDERED_BYTES = 64 * 1024
"""How much of a stream is rendered at once, unless a line is longer."""


def open_source(services: Services, record: JobRecord, number: int, request: Logs | Follow) -> OutputSource:
    """The requested source: a transcript when that is requested and available, else the raw output."""
    if request.render == "none" or request.stream != "stdout":
        return OutputSource(services, record, number, request.stream, request.encoding)
    try:
        entries = services.scheduler.launcher.adapter(record).transcript
    except Refused:  # the agent is no longer configured
        entries = None
    if entries is None:
        return OutputSource(services, record, number, request.stream, request.encoding)
    return TranscriptSource(services, record, number, entries, colour=request.render == "colour")


class OutputSource:
    """One stream of one attempt."""

    def __init__(self, services: Services, record: JobRecord, number: int, stream: str, encoding: str) -> None:
        self.path = services.scheduler.executor.output_path(AttemptRef(record.id, number), stream)
        self._services = services
        self._record = record
        self._number = number
        self._stream = stream
        self._encoding = encoding
        self._mark = b""
        self._lost = lost_bytes(record.status.attempts[number - 1]) if stream == "stdout" else 0

    def has_ended(self) -> bool:
        """True when the attempt has ended, and no more output will be written."""
        state = self._record.status.state
        if self._number < self._record.status.attempts[-1].number:
            return True
        return state.is_final or state is JobState.QUEUED

    async def tail(self, lines: int) -> int:
        """The offset of the last `lines` lines."""
        return int(await self._in_files_thread(tail_offset, self.path, lines))

    async def read(self, offset: int, most: int) -> replies.Output:
        """The chunk at `offset`, or at the first byte after it that is still stored."""
        chunk, at_end, text, covered = await self._in_files_thread(self._read_encoded, offset, most, self.has_ended())
        return replies.Output(
            job=self._record.id,
            attempt=self._number,
            stream=self._stream,
            offset=chunk.offset,
            next_offset=chunk.offset + covered,
            data=text,
            size=chunk.size,
            ended=at_end,
            dropped_bytes=chunk.dropped,
            lost_bytes=self._take_lost(chunk),
        )

    def _read_encoded(self, offset: int, most: int, has_ended: bool) -> tuple[Chunk, bool, str, int]:
        """The chunk, whether it is the last, its text, and how many bytes that covers."""
        chunk = read_chunk(self.path, offset, most, self._mark)
        at_end = has_ended and chunk.offset + len(chunk.data) >= chunk.size
        text, covered = encode_chunk(chunk.data, self._encoding, last=at_end)
        self._mark = chunk.mark[: len(chunk.mark) - (len(chunk.data) - covered)]
        return chunk, at_end, text, covered

    def _take_lost(self, chunk: Chunk) -> int:
        """The loss to report with a chunk: one that was just found, or with the first one what is known of before."""
        lost, self._lost = chunk.lost or (self._lost if chunk.offset == chunk.dropped else 0), 0
        return lost

    async def _in_files_thread(self, function: Callable[..., Any], *arguments: object) -> Any:
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._services.files, self._checked, function, *arguments)
        except OSError as exc:
            message = f"the output of job {self._record.id} cannot be read: {self.path}: {exc.strerror}"
            raise Refused(ErrorCode.OUTPUT_UNREADABLE, message) from exc

    def _checked(self, function: Callable[..., Any], *arguments: object) -> Any:
        """The result of the function, unless the attempt has run and what it wrote to is missing. Raises Refused."""
        attempt = self._record.status.attempts[self._number - 1]
        missing = None if attempt.started_at is None else self._find_missing(attempt)
        if missing is not None:
            raise Refused(
                ErrorCode.OUTPUT_GONE, f"the output of job {self._record.id} is gone: {missing} does not exist"
            )
        return function(*arguments)

    def _find_missing(self, attempt: AttemptRecord) -> str | None:
        """The directory or the file that an attempt which has started must have, if it is missing.

        A shim creates the file; an attempt in a terminal has none, and one on a cluster gets it with its first output.
        """
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory):
            return directory
        by_shim = attempt.attached is None and self._record.executor is None
        return self.path if by_shim and self._stream == "stdout" and not os.path.lexists(self.path) else None


class TranscriptSource(OutputSource):
    """An attempt's stdout as a transcript. Reading continues at the last offset, or at any other start of a line.

    A chunk consists of whole lines. An incomplete line is kept here, so that no byte is read twice.
    """

    def __init__(self, services: Services, record: JobRecord, number: int, entries: Entries, *, colour: bool) -> None:
        super().__init__(services, record, number, "stdout", "text")
        self._entries = entries
        self._colour = colour
        self._restart(0)

    def _restart(self, offset: int) -> None:
        self._next = self._shown = offset
        self._mark = b""
        self._splitter = LineSplitter()
        self._transcript = Transcript(self._entries, self._colour)

    async def read(self, offset: int, most: int) -> replies.Output:
        """The transcript of the next lines after `offset`; empty when no line is complete."""
        if offset != self._shown:
            self._restart(offset)
        has_ended = self.has_ended()
        text, at_end = "", False
        while self._shown <= offset and not at_end:
            size = min(most, RENDERED_BYTES)
            chunk: Chunk = await self._in_files_thread(read_chunk, self.path, self._next, size, self._mark)
            if chunk.lost:
                self._restart(0)
                offset = 0
                break
            self._mark = chunk.mark
            text += await self._in_files_thread(self._render, chunk)
            at_end = self._next >= chunk.size
        ended = has_ended and at_end
        if ended:
            text += await self._in_files_thread(self._render_end)
        return replies.Output(
            job=self._record.id,
            attempt=self._number,
            stream=self._stream,
            offset=max(offset, chunk.dropped),
            next_offset=self._shown,
            data=text,
            size=chunk.size,
            ended=ended,
            dropped_bytes=chunk.dropped,
            rendered=True,
            lost_bytes=self._take_lost(chunk),
        )

    def _render(self, chunk: Chunk) -> str:
        """The text of the lines that end in the chunk."""
        start, data = chunk.offset, chunk.data
        if start > self._next:  # the bytes between are gone, so the first line is incomplete
            self._restart(start)
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
        """The text of the rest, which is complete because the output has ended."""
        text = [self._transcript.feed(line) for line in self._splitter.end()]
        self._shown = self._next
        return "".join([*text, self._transcript.end()])
