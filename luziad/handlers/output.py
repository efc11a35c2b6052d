"""`logs` and `follow`: the output of attempts."""

from __future__ import annotations

import asyncio

from luzia_protocol import events, replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import MAX_OUTPUT_BYTES, Follow, Logs

from luziad.handlers.output_sources import open_source
from luziad.handlers.replies import Call
from luziad.handlers.services import Services
from luziad.jobs.record import JobRecord

FOLLOW_CHUNK_BYTES = 64 * 1024


async def logs(services: Services, request: Logs, call: Call) -> None:
    """A chunk of an attempt's output."""
    record = services.table.find(request.job, call.uid)
    number = _attempt_number(record, request.attempt)
    if number == 0:
        message = f"job {record.id} has not started yet and has no output"
        hint = f"`luzia why {record.id}` shows why; `luzia logs -f {record.id}` waits for its output."
        raise Refused(ErrorCode.UNKNOWN_ATTEMPT, message, hint)
    if not 1 <= request.max_bytes <= MAX_OUTPUT_BYTES:
        raise Refused(ErrorCode.BAD_REQUEST, f"`max_bytes` must be from 1 to {MAX_OUTPUT_BYTES}")
    offset = _validate_offset(request.offset)
    source = open_source(services, record, number, request)
    if request.tail is not None:
        offset = await source.tail(request.tail)
    async with services.large_reads:
        call.answer(await source.read(offset, request.max_bytes))


async def follow(services: Services, request: Follow, call: Call) -> None:
    """Stream an attempt's output until the attempt ends."""
    record = services.table.find(request.job, call.uid)
    _attempt_number(record, request.attempt, or_next=True)
    offset = _validate_offset(request.offset)
    call.out_of_order()
    changes = _ChangeSignal(services, record)
    call.on_close(changes.close)
    call.answer(replies.StreamStart())
    try:
        number = await _await_attempt(record, request.attempt, changes)
        if number == 0:
            call.send(_end(record, 0, offset, call))
            return
        source = open_source(services, record, number, request)
        if request.tail is not None:
            offset = await source.tail(request.tail)
        while True:
            changes.watch(source.path)
            has_ended = source.has_ended()
            chunk = await source.read(offset, FOLLOW_CHUNK_BYTES)
            if chunk.next_offset != offset:
                offset = chunk.next_offset
                call.send(replies.OutputFrame(chunk, call.id))
                await call.drain()
            elif has_ended:
                call.send(_end(record, number, offset, call))
                return
            else:
                await changes.wait()
    finally:
        changes.close()
        call.finish()


class _ChangeSignal:
    """Wakes a follower when the file has grown or the job has changed."""

    def __init__(self, services: Services, record: JobRecord) -> None:
        self._services = services
        self._job = record.id
        self._changed = asyncio.Event()
        self._unsubscribe = [services.journal.subscribe(self._on_events)]
        self._path: str | None = None

    def watch(self, path: str) -> None:
        """Watch the file, once it exists."""
        if self._path is None:
            try:
                self._unsubscribe.append(self._services.watcher.watch(path, self._changed.set))
            except OSError:
                return  # it exists when the attempt's `started` event arrives, or cannot be read, which reading reports
            self._path = path

    async def wait(self) -> None:
        """Wait for the next change."""
        await self._changed.wait()
        self._changed.clear()

    def close(self) -> None:
        """Stop watching."""
        while self._unsubscribe:
            self._unsubscribe.pop()()

    def _on_events(self, news: list[tuple[events.Event, bytes]]) -> None:
        if any(event.job == self._job for event, _ in news):
            self._changed.set()


async def _await_attempt(record: JobRecord, requested: int | None, changes: _ChangeSignal) -> int:
    """The number of the attempt to follow, once it has started; 0 when the job ended without it."""
    while True:
        newest = record.attempt.number if record.attempt else 0
        if requested is None and newest:
            return newest
        if requested is not None and requested <= newest:
            return requested
        if record.status.state.is_final:
            return 0
        await changes.wait()


def _attempt_number(record: JobRecord, requested: int | None, *, or_next: bool = False) -> int:
    newest = record.attempt.number if record.attempt else 0
    most = newest + 1 if or_next and not record.status.state.is_final else newest
    if requested is not None and not 1 <= requested <= most:
        message = f"job {record.id} has no attempt {requested}; the newest is {newest}"
        raise Refused(ErrorCode.UNKNOWN_ATTEMPT, message)
    return newest if requested is None else requested


def _validate_offset(offset: int) -> int:
    if not 0 <= offset < 2**62:
        raise Refused(ErrorCode.BAD_REQUEST, f"`offset` must be a number of bytes, not {offset}")
    return offset


def _end(record: JobRecord, number: int, offset: int, call: Call) -> replies.EndFrame:
    return replies.EndFrame(replies.FollowEnd(record.id, number, offset, record.status.state), call.id)
