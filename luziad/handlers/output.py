"""`logs` and `follow`: what attempts printed."""

from __future__ import annotations

import asyncio

from luzia_protocol import events, replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_OUTPUT_BYTES, Follow, Logs

from luziad.handlers.base import Call, Services
from luziad.handlers.sources import source_of
from luziad.jobs.record import JobRecord

FOLLOW_BYTES = 64 * 1024


async def logs(services: Services, request: Logs, call: Call) -> None:
    """A piece of an attempt's output."""
    record = services.table.find(request.job, call.uid)
    number = _attempt_number(record, request.attempt)
    if number == 0:
        raise Refused(ErrorCode.UNKNOWN_ATTEMPT, f"job {record.id} has not started yet, so it has no output")
    if not 1 <= request.max_bytes <= MAX_OUTPUT_BYTES:
        raise Refused(ErrorCode.BAD_REQUEST, f"`max_bytes` must be from 1 to {MAX_OUTPUT_BYTES}")
    offset = _checked_offset(request.offset)
    source = source_of(services, record, number, request)
    if request.tail is not None:
        offset = await source.tail(request.tail)
    call.answer(await source.read(offset, request.max_bytes))


async def follow(services: Services, request: Follow, call: Call) -> None:
    """Stream an attempt's output until the attempt ends."""
    record = services.table.find(request.job, call.uid)
    _attempt_number(record, request.attempt, or_next=True)
    offset = _checked_offset(request.offset)
    call.out_of_order()
    news = _News(services, record)
    call.on_close(news.close)
    call.answer(replies.StreamStart())
    try:
        number = await _started(record, request.attempt, news)
        if number == 0:
            call.send(_end(record, 0, offset, call))
            return
        source = source_of(services, record, number, request)
        if request.tail is not None:
            offset = await source.tail(request.tail)
        while True:
            news.watch(source.path)
            over = source.over()
            piece = await source.read(offset, FOLLOW_BYTES)
            if piece.next_offset > offset:
                offset = piece.next_offset
                call.send(replies.OutputFrame(piece, call.id))
                await call.drain()
            elif over:
                call.send(_end(record, number, offset, call))
                return
            else:
                await news.wait()
    finally:
        news.close()
        call.finish()


class _News:
    """Wakes a follower: the file grew, or something happened to the job."""

    def __init__(self, services: Services, record: JobRecord) -> None:
        self._services = services
        self._job = record.id
        self._happened = asyncio.Event()
        self._stop = [services.journal.subscribe(self._hear)]
        self._path: str | None = None

    def watch(self, path: str) -> None:
        """Hear of writes to the file as soon as it exists."""
        if self._path is None:
            try:
                self._stop.append(self._services.watcher.watch(path, self._happened.set))
            except FileNotFoundError:
                return  # the attempt's `started` event wakes us, and then it exists
            self._path = path

    async def wait(self) -> None:
        """Wait for the next news."""
        await self._happened.wait()
        self._happened.clear()

    def close(self) -> None:
        """Hear nothing more."""
        while self._stop:
            self._stop.pop()()

    def _hear(self, news: list[tuple[events.Event, bytes]]) -> None:
        if any(event.job == self._job for event, _ in news):
            self._happened.set()


async def _started(record: JobRecord, asked: int | None, news: _News) -> int:
    """The number of the attempt to follow, once it has begun; 0 when the job ended without it."""
    while True:
        newest = record.attempt.number if record.attempt else 0
        if asked is None and newest:
            return newest
        if asked is not None and asked <= newest:
            return asked
        if record.status.state.is_final:
            return 0
        await news.wait()


def _attempt_number(record: JobRecord, asked: int | None, *, or_next: bool = False) -> int:
    newest = record.attempt.number if record.attempt else 0
    most = newest + 1 if or_next and not record.status.state.is_final else newest
    if asked is not None and not 1 <= asked <= most:
        raise Refused(ErrorCode.UNKNOWN_ATTEMPT, f"job {record.id} has {newest} attempts, and none is number {asked}")
    return newest if asked is None else asked


def _checked_offset(offset: int) -> int:
    if not 0 <= offset < 2**62:
        raise Refused(ErrorCode.BAD_REQUEST, f"`offset` must be a number of bytes, not {offset}")
    return offset


def _end(record: JobRecord, number: int, offset: int, call: Call) -> replies.EndFrame:
    return replies.EndFrame(replies.FollowEnd(record.id, number, offset, record.status.state), call.id)
