"""`subscribe`: events, those that were first, then live ones."""

from __future__ import annotations

import logging

import msgspec

from luzia_protocol import events, replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Subscribe

from luziad.errors import StorageError
from luziad.handlers.base import Call, Services, storage_refusal

log = logging.getLogger("luziad.subscribe")

BUFFER_BYTES = 1024 * 1024
"""A subscriber that leaves more than this unread is told that it lagged, and its stream ends."""

_decode = msgspec.json.Decoder(events.Event).decode
_encode = msgspec.json.Encoder().encode


async def subscribe(services: Services, request: Subscribe, call: Call) -> None:
    """Replay what came after `after`, then go on live."""
    journal = services.journal
    seq = journal.committed_seq if request.after is None else request.after
    if seq > journal.committed_seq or seq < 0:
        raise Refused(ErrorCode.EVENTS_EXPIRED, f"there is no event {seq} here; the newest is {journal.committed_seq}")
    wanted = _Filter(services, request, call.uid)
    try:
        if seq < journal.committed_seq and seq + 1 < await services.history.first_seq():
            raise Refused(ErrorCode.EVENTS_EXPIRED, f"the events after {seq} are no longer kept")
        call.out_of_order()
        call.answer(replies.StreamStart())
        while seq < journal.committed_seq:
            page = await services.history.page_after(seq)
            if not page:
                break
            # What is committed and not yet published comes live.
            published = [(number, text) for number, text in page if number <= journal.committed_seq]
            seq = page[-1][0] if len(published) == len(page) else journal.committed_seq
            for number, text in published:
                _replay(number, text.encode(), wanted, call)
            await call.drain()
    except StorageError as exc:
        raise storage_refusal(exc) from exc
    _Live(services, call, wanted, seq)


def _replay(seq: int, raw: bytes, wanted: _Filter, call: Call) -> None:
    """Send an event of the past, unless the disk has damaged it."""
    try:
        event = _decode(raw)
    except msgspec.DecodeError as exc:
        log.warning("event_not_readable seq=%d error=%s", seq, exc)
        return
    if wanted(event):
        call.send(_frame(raw, call.id))


class _Filter:
    """Which events a subscriber wants."""

    def __init__(self, services: Services, request: Subscribe, uid: int) -> None:
        self._jobs = frozenset(services.table.find(job, uid).id for job in request.jobs)
        self._projects = frozenset(request.projects)
        self._kinds = frozenset(request.kinds)

    def __call__(self, event: events.Event) -> bool:
        return (
            (not self._jobs or event.job in self._jobs)
            and (not self._projects or event.project in self._projects)
            and (not self._kinds or event.__struct_config__.tag in self._kinds)
        )


class _Live:
    """A subscription that has caught up."""

    def __init__(self, services: Services, call: Call, wanted: _Filter, seq: int) -> None:
        self._call = call
        self._wanted = wanted
        self._seq = seq
        self._operations = services.operations
        self._operations.subscribers += 1
        self._unlisten = services.journal.subscribe(self._hear)
        call.on_close(self._release)

    def _hear(self, news: list[tuple[events.Event, bytes]]) -> None:
        call = self._call
        if call.unsent > BUFFER_BYTES:
            call.send(replies.LaggedFrame(replies.Lagged(self._seq), call.id))
            call.finish()
            return
        for event, raw in news:
            if self._wanted(event):
                call.send(_frame(raw, call.id))
        self._seq = news[-1][0].seq if news else self._seq

    def _release(self) -> None:
        self._operations.subscribers -= 1
        self._unlisten()


def _frame(raw: bytes, call_id: int | str | None) -> bytes:
    """An EventFrame around an event that is encoded already."""
    if call_id is None:
        return b'{"event":%b}\n' % raw
    return b'{"event":%b,"id":%b}\n' % (raw, _encode(call_id))
