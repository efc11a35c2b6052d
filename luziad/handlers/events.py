"""`subscribe`: a stream of events, the stored ones first, then live ones; `unsubscribe`, which ends any stream."""

from __future__ import annotations

import logging
from typing import get_args

import msgspec

from luzia_protocol import events, replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.requests import Subscribe, Unsubscribe

from luziad.handlers.replies import Call
from luziad.handlers.services import Services

log = logging.getLogger("luziad.subscribe")

BUFFER_BYTES = 1024 * 1024
"""A stream ends with `lagged` when its subscriber leaves more than this unread."""

POSITION_EVERY = 1000
"""After this number of events without one for the client, a stream with `positions` tells how far it has come."""

EVENT_KINDS = get_args(events.EventKind)
_decode = msgspec.json.Decoder(events.Event).decode
_encode = msgspec.json.Encoder().encode


async def subscribe(services: Services, request: Subscribe, call: Call) -> None:
    """Replay the stored events after `after`, then continue with live ones."""
    journal = services.journal
    seq = journal.committed_seq if request.after is None else request.after
    if seq > journal.committed_seq or seq < 0:
        raise await _expired(services, request, f"event {seq} does not exist; the newest is {journal.committed_seq}")
    matches = _EventFilter(services, request, call.uid)
    if seq < journal.committed_seq and seq < await _oldest_after(services, request):
        raise await _expired(services, request, f"the events after {seq} are no longer stored")
    call.out_of_order()
    call.answer(replies.StreamStart())
    positions = _Positions(request, seq, call)
    while seq < journal.committed_seq:
        page = await services.history.page_after(seq)
        if seq < await _oldest_after(services, request):  # they were pruned while the client was reading
            call.send(replies.LaggedFrame(replies.Lagged(seq), call.id))
            call.finish()
            return
        if not page:
            break
        # What is committed but not yet published comes live.
        published = [(number, text) for number, text in page if number <= journal.committed_seq]
        seq = page[-1][0] if len(published) == len(page) else journal.committed_seq
        for number, text in published:
            if _replay(number, text.encode(), matches, call):
                positions.sent(number)
        positions.reached(seq)
        await call.drain()
    _LiveStream(services, call, matches, seq, positions, with_queues=request.queues)


async def _oldest_after(services: Services, request: Subscribe) -> int:
    """The seq after which no event of the subscription is missing, except of progress."""
    pruned = await services.history.pruned()
    return pruned.lost if request.jobs else pruned.horizon  # all others of jobs that are remembered are kept


async def _expired(services: Services, request: Subscribe, message: str) -> Refused:
    oldest_seq = await _oldest_after(services, request) + 1
    return Refused(ErrorCode.EVENTS_EXPIRED, f"{message}; all are stored from {oldest_seq} on", oldest_seq=oldest_seq)


def unsubscribe(services: Services, request: Unsubscribe, call: Call) -> replies.StreamEnded:
    """End the streams and waits of a connection that have this request id."""
    if not call.end_streams(request.stream):
        raise Refused(
            ErrorCode.UNKNOWN_STREAM, f"no stream or wait with the id '{request.stream}' is open on this connection"
        )
    return replies.StreamEnded(request.stream)


def _replay(seq: int, raw: bytes, matches: _EventFilter, call: Call) -> bool:
    """Send a stored event, unless it is not selected or damaged; whether it was sent."""
    try:
        event = _decode(raw)
    except msgspec.DecodeError as exc:
        log.warning("event_not_readable seq=%d error=%s", seq, exc)
        return False
    if not matches(event):
        return False
    call.send(_encode_frame(raw, call.id))
    return True


class _EventFilter:
    """Selects the events of a subscription."""

    def __init__(self, services: Services, request: Subscribe, uid: int) -> None:
        self._jobs = frozenset(services.table.find(job, uid).id for job in request.jobs)
        self._projects = frozenset(services.find_project(each) for each in request.projects)
        self._table = services.table
        self._kinds = frozenset(_validate_kind(kind) for kind in request.kinds)

    def __call__(self, event: events.Event) -> bool:
        return (
            (not self._jobs or event.job in self._jobs)
            and (not self._projects or self._project(event) in self._projects)
            and (not self._kinds or event.__struct_config__.tag in self._kinds)
        )

    def _project(self, event: events.Event) -> str:
        """The name of the job's project: an old event may have another one."""
        record = self._table.get(event.job)
        return event.project if record is None else record.project


def _validate_kind(kind: str) -> str:
    if kind not in EVENT_KINDS:
        kinds = ", ".join(EVENT_KINDS)
        raise Refused(ErrorCode.BAD_REQUEST, f"unknown kind of event '{kind}'; the kinds are {kinds}")
    return kind


class _Positions:
    """Tells a client how far its stream has come: an `after` whose events are pruned would expire."""

    def __init__(self, request: Subscribe, seq: int, call: Call) -> None:
        self._wanted = request.positions
        self._told = seq
        self._call = call

    def sent(self, seq: int) -> None:
        """The client was sent this event."""
        self._told = seq

    def reached(self, seq: int) -> None:
        """All events up to this one have been sent, or are not selected."""
        if self._wanted and seq - self._told >= POSITION_EVERY:
            self._call.send(replies.PositionFrame(replies.Position(seq), self._call.id))
            self._told = seq


class _LiveStream:
    """A subscription that has replayed all stored events. with_queues: it also tells what is paused."""

    def __init__(
        self,
        services: Services,
        call: Call,
        matches: _EventFilter,
        seq: int,
        positions: _Positions,
        *,
        with_queues: bool,
    ) -> None:
        self._call = call
        self._matches = matches
        self._positions = positions
        self._seq = seq
        self._subscribers = services.subscribers
        self._subscribers.add(self)
        self._unlisten = services.journal.subscribe(self._send)
        call.on_close(self._close)
        self._queues = services.scheduler.queues
        if with_queues:
            call.on_close(self._queues.listen(self._send_queues))
            self._send_queues()

    def _send_queues(self) -> None:
        if not self._end_if_lagging():
            self._call.send(replies.QueuesFrame(self._queues.now, self._call.id))

    def _end_if_lagging(self) -> bool:
        """End the stream of a client that leaves too much unread; whether it has ended."""
        lags = self._call.unsent > BUFFER_BYTES
        if lags:
            self._call.send(replies.LaggedFrame(replies.Lagged(self._seq), self._call.id))
            self._call.finish()
        return lags

    def _send(self, news: list[tuple[events.Event, bytes]]) -> None:
        if self._end_if_lagging():
            return
        call = self._call
        for event, raw in news:
            if self._matches(event):
                call.send(_encode_frame(raw, call.id))
                self._positions.sent(event.seq)
        self._seq = news[-1][0].seq if news else self._seq
        self._positions.reached(self._seq)

    def _close(self) -> None:
        self._subscribers.discard(self)
        self._unlisten()


def _encode_frame(raw: bytes, call_id: int | str | None) -> bytes:
    """An EventFrame with an event that is already encoded."""
    if call_id is None:
        return b'{"event":%b}\n' % raw
    return b'{"event":%b,"id":%b}\n' % (raw, _encode(call_id))
