"""One connection: requests in, replies and streams out, bounded in both directions."""

from __future__ import annotations

import asyncio
import logging
import select
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from time import perf_counter
from typing import Any

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.framing import MAX_FRAME_BYTES, FrameReader, FrameTooLargeError
from luzia_protocol.invalid_data import describe_invalid_request
from luzia_protocol.replies import Error, ErrorFrame, StreamStart
from luzia_protocol.requests import Follow, Request, Subscribe, Wait

from luziad.errors import StorageError
from luziad.handlers.registry import HANDLERS
from luziad.handlers.replies import SlicedReply, storage_refusal
from luziad.handlers.services import Services
from luziad.server.buffers import SMALL_BYTES, Buffers
from luziad.server.call import SessionCall, encode_reply
from luziad.server.connection_limits import AdmissionDecision
from luziad.turns.turns import Turns

log = logging.getLogger("luziad.session")

MAX_UNANSWERED = 4096
"""Unanswered requests of one connection; beyond this it is not read."""
MAX_STREAMS = 64
STREAMS = frozenset(request.__name__ for request in (Follow, Subscribe, Wait))
"""The requests that a client may end; others that are answered out of order change something."""
READ_BYTES = 8 * 1024
"""How much is read at once. It is processed before more is read."""
WRITE_HIGH = SMALL_BYTES
TRANSPORT_BYTES = 8 * 1024
"""What is left to the transport when the peer is slow: it takes about four times the size of small frames."""
MAX_ACTIVE = 4
"""Requests of one connection that are in progress. Their replies may be large, so later requests wait. Requests that
only wait for a commit do not count."""
LARGE_FRAME_BYTES = 64 * 1024
"""A request of this size is long work: it takes many times its size of memory."""
LINGER_S = 1.0
"""How long a refused peer may take to read the reason and close."""
FRAME_TIMEOUT_S = 30.0
"""A frame must arrive completely in this time, however steadily its bytes arrive."""

_decode = msgspec.json.Decoder(Request).decode


class _Envelope(msgspec.Struct):
    """The part of an invalid request that its error reply needs."""

    id: int | str | None = None


_received = memoryview(bytearray(READ_BYTES))  # of the connection that is being read; all are read on one thread


class Session(asyncio.BufferedProtocol):
    """The daemon's side of one connection.

    turns, buffers: shared by all connections. on_close: called when this one is closed.
    """

    def __init__(
        self,
        services: Services,
        turns: Turns,
        buffers: Buffers,
        decision: AdmissionDecision,
        on_close: Callable[[Session], None],
    ) -> None:
        self.uid, self.pid = decision.uid, decision.pid
        self._share = turns.share(decision.pid, self._work)
        self._buffers = buffers
        self._services = services
        self._decision = decision
        self._on_close = on_close
        self._refused: Refused | None = None if decision.is_reserved else decision.refused
        self._opened = False
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader()
        self._inbox: deque[bytes] = deque()
        self._calls: deque[SessionCall] = deque()
        self._sliced: deque[tuple[SessionCall, SlicedReply]] = deque()
        self._active = 0
        self._ready_bytes = 0  # of replies that are not sent yet
        self._streams: set[SessionCall] = set()
        self._tasks: dict[SessionCall, asyncio.Task[None]] = {}
        self._on_disconnect: list[Callable[[], None]] = []
        self._flushing = False
        self._reading = True
        self._closing = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._held = bytearray()  # what a slow peer cannot take yet: in the transport, each small frame takes much more
        self._stall_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    # ------------------------------------------------------------------ asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._transport.set_write_buffer_limits(high=TRANSPORT_BYTES)
        self._opened = True
        if self._refused is None:
            return
        if self._decision.is_reserved:
            self.close_with(self._refused)
        else:
            self._refuse_connection(self._refused)

    def get_buffer(self, sizehint: int) -> memoryview:
        return _received

    def buffer_updated(self, nbytes: int) -> None:
        if self._closing:
            return
        try:
            frames = self._frames.feed(bytes(_received[:nbytes]))
        except FrameTooLargeError:
            message = f"a line of the request is longer than {MAX_FRAME_BYTES // 1024**2} MiB"
            self._refuse_connection(Refused(ErrorCode.FRAME_TOO_LARGE, message))
            return
        self._limit_frame_time(progress=bool(frames))
        if frames:
            self._inbox.extend(frames)
            self._share.take_turn()
            self._read_or_wait()
        if self._frames.pending + self._waiting_bytes > SMALL_BYTES:
            self._buffers.update(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
        self._write_held()
        self._buffers.update(self)
        self._share.await_turn()

    def eof_received(self) -> bool:
        """The peer will send nothing more. If it still reads, it gets the pending replies and streams."""
        self._closing = True
        if self._linger_timer is not None or self._peer_is_gone():
            return False
        self._close_when_idle()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._stall_timer, self._linger_timer):
            if timer is not None:
                timer.cancel()
        self._closing = True
        self._drop_requests()
        self._frames, self._held = FrameReader(), bytearray()  # now, and not when the garbage collector finds it
        self._buffers.forget(self)
        self._writable.set()
        for stream in list(self._streams):
            stream.finish()
        for callback in self._on_disconnect:
            callback()
        for task in self._tasks.values():
            task.cancel()
        self._on_close(self)

    def end(self) -> None:
        """Close the connection; pending output is still sent."""
        if not self._opened:
            self._refused = Refused(ErrorCode.SHUTTING_DOWN, "the daemon is shutting down")
            return
        self._send_ready()
        self._closing = True
        self._drop_requests()
        self._write_held()
        self._transport.close()

    def close_with(self, refused: Refused) -> None:
        """Send the reason and close at once; a peer that does not read gets no reason."""
        if not self._opened:
            self._refused = refused
        elif self.unsent:
            self._transport.abort()
        else:
            self._refuse_connection(refused)
            self._transport.close()

    def give_up(self) -> None:
        """Close the connection, because it keeps too much in memory. A peer that does not read gets no reason."""
        if self.unsent:
            self._transport.abort()
            return
        self._frames = FrameReader()
        message = "all connections together have left too many replies unread, or too many requests incomplete"
        self._refuse_connection(Refused(ErrorCode.OVERLOADED, message))

    # ------------------------------------------------------------------ for calls

    @property
    def is_idle(self) -> bool:
        """True when every request has been answered."""
        return self._opened and not self._has_unanswered

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not received yet."""
        size: int = self._transport.get_write_buffer_size()
        return size + len(self._held)

    @property
    def buffered(self) -> int:
        """Bytes that the peer has not received yet, and those of requests that are incomplete or wait."""
        return self.unsent + self._frames.pending + self._waiting_bytes

    @property
    def _waiting_bytes(self) -> int:
        """The size of the request that is next. Further ones are small: they came with the end of this one."""
        return len(self._inbox[0]) if self._inbox else 0

    def write(self, frame: bytes) -> None:
        """Send a frame of a stream, after the replies that are ready."""
        self._send_ready()
        self._write(frame)

    async def drain(self) -> None:
        """Wait until the peer has received most of what was sent."""
        await self._writable.wait()
        if self._transport.is_closing():
            raise asyncio.CancelledError

    def detach(self, call: SessionCall) -> None:
        """Let the call be answered out of order. Raises Refused."""
        limit = self._decision.refused
        if limit is not None:
            raise Refused(
                limit.code, f"{limit.message}; this reserved connection is for short requests only", limit.hint
            )
        if len(self._streams) >= MAX_STREAMS:
            raise Refused(
                ErrorCode.TOO_MANY_STREAMS, f"{MAX_STREAMS} streams are open on this connection, which is the limit"
            )
        self._calls.remove(call)
        self._streams.add(call)
        self._deactivate(call)
        if not self._reading:
            self._share.await_turn()

    def finished(self, call: SessionCall) -> None:
        """A stream has ended."""
        self._streams.discard(call)
        self._close_when_idle()

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Call back when the connection is closed."""
        self._on_disconnect.append(callback)

    def end_streams(self, stream: int | str) -> bool:
        """End the streams and waits with this request id; False if there is none."""
        found = [
            call
            for call in (*self._calls, *self._streams)
            if call.id == stream and call.op in STREAMS and not call.reply
        ]
        for call in found:
            if not call.streaming:
                call.answer(StreamStart())  # it was requested a moment ago, and has not begun
            task = self._tasks.get(call)
            if task is not None:
                task.cancel()
            call.end()
        return bool(found)

    def reply_ready(self, reply: bytes) -> None:
        """A call has its reply: send it with all others that are ready in this turn of the loop."""
        self._ready_bytes += len(reply)
        if not self._flushing and self._calls and self._calls[0].reply is not None:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def add_work(self, call: SessionCall, work: SlicedReply) -> None:
        """Do this work in turns, and send the reply that it ends with."""
        if self._transport.is_closing():
            work.close()
            return
        self._sliced.append((call, work))
        self._share.await_turn()

    # ------------------------------------------------------------------ requests and replies

    def _work(self, until: float) -> bool:
        """Handle requests until this time; then read on, or wait for room. Whether there is more to do at once."""
        self._flushing = True  # immediate replies are sent together
        has_more = self._handle_requests(until)
        self._flushing = False
        self._send_ready()
        self._read_or_wait()
        self._close_when_idle()
        return has_more

    def _handle_requests(self, until: float) -> bool:
        while not self._transport.is_closing():
            if self._sliced:
                if not self._share.begin_long_work():
                    return False
                self._do_slices(until)
            elif not self._inbox:
                break
            elif not self._has_room():
                self._send_ready()
                if not self._has_room():
                    break
            elif len(self._inbox[0]) < LARGE_FRAME_BYTES:
                self._handle(self._inbox.popleft())
            elif not self._services.journal.has_room(self._share.await_turn):
                return False
            elif self._share.begin_long_work():
                self._handle(self._inbox.popleft())
                if not self._sliced:
                    self._share.end_long_work()
            else:
                return False
            if perf_counter() >= until:
                return True
        return False

    def _has_room(self) -> bool:
        return (
            self._active < MAX_ACTIVE
            and len(self._calls) <= MAX_UNANSWERED
            and self._ready_bytes < WRITE_HIGH
            and self._writable.is_set()
        )

    @property
    def _has_unanswered(self) -> bool:
        return bool(self._inbox or self._calls or self._sliced or self._streams)

    def _read_or_wait(self) -> None:
        if self._closing or self._transport.is_closing():
            return
        self._reading = not self._inbox and self._has_room()
        if self._reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _activate(self, call: SessionCall) -> None:
        """The call is in progress."""
        call.is_active = True
        self._active += 1

    def _deactivate(self, call: SessionCall) -> None:
        """The call's reply was sent, or has become a stream."""
        if call.is_active:
            call.is_active = False
            self._active -= 1

    def _handle(self, frame: bytes) -> None:
        try:
            request: Any = _decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            call = SessionCall(self, _id_of(frame), "invalid")
            self._calls.append(call)
            call.refuse(Refused(ErrorCode.BAD_REQUEST, describe_invalid_request(exc, frame)))
            return
        call = SessionCall(self, request.id, type(request).__name__)
        self._calls.append(call)
        try:
            done = HANDLERS[type(request)](self._services, request, call)
        except Refused as refused:
            call.refuse(refused)
        except Exception:
            self._failed(call)
        else:
            if done is None:
                return
            if isinstance(done, Generator):
                self._activate(call)
                self._sliced.append((call, done))
            elif isinstance(done, Coroutine):
                self._activate(call)
                self._start_task(call, done)
            else:
                call.answer(done)

    def _do_slices(self, until: float) -> None:
        """Continue the first sliced work until this time, unless the peer has closed the connection."""
        call, work = self._sliced[0]
        if self._peer_is_gone():
            self._transport.abort()
            return
        try:
            while perf_counter() < until:
                next(work)
            return
        except StopIteration as done:
            if done.value is not None:
                call.answer(done.value)
            has_answered = done.value is not None
        except Refused as refused:
            call.refuse(refused)
            has_answered = True
        except Exception:
            self._failed(call)
            has_answered = True
        self._sliced.popleft()
        self._share.end_long_work()
        if has_answered and call.streaming:
            call.finish()

    def _start_task(self, call: SessionCall, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[call] = self._loop.create_task(self._run(call, work))

        def end(_: object) -> None:
            del self._tasks[call]
            work.close()  # a task that was cancelled before its start has not begun it

        task.add_done_callback(end)

    async def _run(self, call: SessionCall, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (Refused, StorageError) as exc:
            call.refuse(exc if isinstance(exc, Refused) else storage_refusal(exc))
            call.finish()
        except Exception:
            self._failed(call)
            call.finish()

    def _failed(self, call: SessionCall) -> None:
        """An internal error: log it with its traceback, and refuse the request."""
        log.exception("request_failed op=%s", call.op)
        call.refuse(Refused(ErrorCode.INTERNAL, f"the daemon failed to process this {call.op} request"))

    def _flush(self) -> None:
        self._flushing = False
        self._send_ready()
        if not self._reading:
            self._share.await_turn()
        self._close_when_idle()

    def _send_ready(self) -> None:
        """Send the replies that are ready, up to the first call without one."""
        calls = self._calls
        ready = []
        while calls and (reply := calls[0].reply) is not None:
            ready.append(reply)
            self._ready_bytes -= len(reply)
            self._deactivate(calls.popleft())
        if ready:
            self._write(b"".join(ready))

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            if self._writable.is_set():
                self._transport.write(data)
            else:
                self._held += data
            if not self._writable.is_set():
                self._buffers.update(self)

    def _write_held(self) -> None:
        if self._held and not self._transport.is_closing():
            held, self._held = bytes(self._held), bytearray()
            self._transport.write(held)

    def _peer_is_gone(self) -> bool:
        """True when the peer has closed its socket, not just its sending side (unix(7) reports a hang-up)."""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), 0)
        return any(events & select.POLLHUP for _, events in poll.poll(0))

    def _limit_frame_time(self, *, progress: bool) -> None:
        """Limit the time of an incomplete frame. progress: an earlier frame was completed."""
        if self._stall_timer is not None and (progress or not self._frames.pending):
            self._stall_timer.cancel()
            self._stall_timer = None
        if self._frames.pending and self._stall_timer is None:
            self._stall_timer = self._loop.call_later(FRAME_TIMEOUT_S, self._frame_timed_out)

    def _frame_timed_out(self) -> None:
        if not self._reading:  # the daemon is not reading the rest
            self._stall_timer = self._loop.call_later(FRAME_TIMEOUT_S, self._frame_timed_out)
            return
        message = f"the request was not complete after {FRAME_TIMEOUT_S:g} s"
        self._refuse_connection(Refused(ErrorCode.BAD_REQUEST, message))

    def _refuse_connection(self, refused: Refused) -> None:
        """Send the reason, and close after the peer: closing while it still sends would discard the reason."""
        if self._transport.is_closing():
            return
        self._send_ready()
        self._closing = True
        self._drop_requests()
        self._write_held()
        self._transport.write(encode_refusal(refused))
        self._transport.write_eof()
        self._linger_timer = self._loop.call_later(LINGER_S, self._transport.abort)

    def _drop_requests(self) -> None:
        """Handle no more requests, and give up sliced work."""
        self._inbox.clear()
        self._share.end_long_work()
        for _, work in self._sliced:
            work.close()
        self._sliced.clear()

    def _close_when_idle(self) -> None:
        if self._closing and not self._has_unanswered and not self._transport.is_closing():
            self._write_held()
            self._transport.close()


def encode_refusal(refused: Refused) -> bytes:
    """The error frame that a peer gets before its connection is closed."""
    return encode_reply(ErrorFrame(Error.of(refused)))


def _id_of(frame: bytes) -> int | str | None:
    """The id of an invalid request, so that its sender can tell which one it was."""
    try:
        return msgspec.json.decode(frame, type=_Envelope).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
