"""One connection: requests in, replies and streams out, bounded in both directions."""

from __future__ import annotations

import asyncio
import inspect
import logging
import select
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.framing import MAX_FRAME_BYTES, FrameReader, FrameTooLargeError
from luzia_protocol.replies import Error, ErrorFrame
from luzia_protocol.requests import Request

from luziad.errors import StorageError
from luziad.handlers.registry import HANDLERS
from luziad.handlers.replies import storage_refusal
from luziad.handlers.services import Services
from luziad.server.admission import AdmissionDecision
from luziad.server.call import SessionCall, encode_reply

log = logging.getLogger("luziad.session")

MAX_UNANSWERED = 4096
"""Unanswered requests of one connection; beyond this it is not read."""
MAX_STREAMS = 64
WRITE_HIGH = 256 * 1024
MAX_ACTIVE = 32
"""Active requests of one connection: in progress, or answered but not sent. Their replies may be large, so later
requests wait. Requests that only wait for a commit do not count."""
LINGER_S = 1.0
"""How long a refused peer may take to read the reason and close."""
FRAME_TIMEOUT_S = 30.0
"""A frame must arrive completely in this time, however steadily its bytes arrive."""

_decode = msgspec.json.Decoder(Request).decode


class _Envelope(msgspec.Struct):
    """The part of an invalid request that its error reply needs."""

    id: int | str | None = None


class Session(asyncio.Protocol):
    """The daemon's side of one connection. on_close: called when it is closed."""

    def __init__(self, services: Services, decision: AdmissionDecision, on_close: Callable[[Session], None]) -> None:
        self.uid = decision.uid
        self._services = services
        self._decision = decision
        self._on_close = on_close
        self._refused: Refused | None = None if decision.is_reserved else decision.refused
        self._opened = False
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader()
        self._inbox: deque[bytes] = deque()  # frames that wait until the peer has read earlier replies
        self._calls: deque[SessionCall] = deque()
        self._active = 0
        self._streams: set[SessionCall] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._processing = False
        self._flushing = False
        self._reading = True
        self._closing = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._stall_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    # ------------------------------------------------------------------ asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._transport.set_write_buffer_limits(high=WRITE_HIGH)
        self._opened = True
        if self._refused is None:
            return
        if self._decision.is_reserved:
            self.close_with(self._refused)
        else:
            self._refuse_connection(self._refused)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            frames = self._frames.feed(data)
        except FrameTooLargeError:
            message = f"the request is longer than {MAX_FRAME_BYTES} bytes"
            self._refuse_connection(Refused(ErrorCode.FRAME_TOO_LARGE, message))
            return
        self._limit_frame_time(progress=bool(frames))
        self._inbox.extend(frames)
        self._process()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
        self._process()

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
        self._inbox.clear()
        self._writable.set()
        for stream in list(self._streams):
            stream.finish()
        for task in self._tasks:
            task.cancel()
        self._on_close(self)

    def end(self) -> None:
        """Close the connection; pending output is still sent."""
        if not self._opened:
            self._refused = Refused(ErrorCode.SHUTTING_DOWN, "the daemon is shutting down")
            return
        self._send_ready()
        self._closing = True
        self._inbox.clear()
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

    # ------------------------------------------------------------------ for calls

    @property
    def is_idle(self) -> bool:
        """True when every request has been answered."""
        return self._opened and not self._inbox and not self._calls and not self._streams

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not received yet."""
        return self._transport.get_write_buffer_size()

    def write(self, frame: bytes) -> None:
        """Send a frame of a stream, after the replies that are ready."""
        if not self._transport.is_closing():
            self._send_ready()
            self._transport.write(frame)

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
            self._loop.call_soon(self._process)

    def finished(self, call: SessionCall) -> None:
        """A stream has ended."""
        self._streams.discard(call)
        self._close_when_idle()

    def reply_ready(self) -> None:
        """A call has its reply: send it with all others that are ready in this turn of the loop."""
        if not self._flushing and self._calls and self._calls[0].frame is not None:
            self._flushing = True
            self._loop.call_soon(self._flush)

    # ------------------------------------------------------------------ requests and replies

    def _process(self) -> None:
        """Handle the requests in the inbox while there is room for replies; then read on, or wait for room."""
        if self._processing:
            return
        self._processing = self._flushing = True  # immediate replies are sent together
        while self._inbox:
            if not self._has_room():
                self._send_ready()
                if not self._has_room():
                    break
            self._handle(self._inbox.popleft())
        self._flushing = self._processing = False
        self._send_ready()
        self._read_or_wait()
        self._close_when_idle()

    def _has_room(self) -> bool:
        return self._active < MAX_ACTIVE and len(self._calls) <= MAX_UNANSWERED and self._writable.is_set()

    def _read_or_wait(self) -> None:
        if self._closing or self._transport.is_closing():
            return
        self._reading = not self._inbox and self._has_room()
        if self._reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _deactivate(self, call: SessionCall) -> None:
        """The call's reply was sent, or has become a stream."""
        if call.is_active:
            call.is_active = False
            self._active -= 1

    def _handle(self, frame: bytes) -> None:
        try:
            request: Any = _decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            call = SessionCall(self, _id_of(frame))
            self._calls.append(call)
            call.refuse(Refused(ErrorCode.BAD_REQUEST, str(exc)))
            return
        call = SessionCall(self, request.id)
        self._calls.append(call)
        try:
            done = HANDLERS[type(request)](self._services, request, call)
        except Refused as refused:
            call.refuse(refused)
        except Exception:
            self._failed(call, type(request).__name__)
        else:
            if done is None:
                return
            call.is_active = True
            self._active += 1
            if inspect.isawaitable(done):
                task = self._loop.create_task(self._run(call, type(request).__name__, done))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                call.answer(done)

    async def _run(self, call: SessionCall, op: str, work: Awaitable[None]) -> None:
        try:
            await work
        except (Refused, StorageError) as exc:
            call.refuse(exc if isinstance(exc, Refused) else storage_refusal(exc))
            call.finish()
        except Exception:
            self._failed(call, op)
            call.finish()

    def _failed(self, call: SessionCall, op: str) -> None:
        """An internal error: log it with its traceback, and refuse the request."""
        log.exception("request_failed op=%s", op)
        call.refuse(Refused(ErrorCode.INTERNAL, f"the daemon failed to process this {op} request"))

    def _flush(self) -> None:
        self._flushing = False
        self._send_ready()
        if not self._reading:
            self._process()
        self._close_when_idle()

    def _send_ready(self) -> None:
        """Send the replies that are ready, up to the first call without one."""
        calls = self._calls
        ready = []
        while calls and (frame := calls[0].frame) is not None:
            ready.append(encode_reply(frame))
            self._deactivate(calls.popleft())
        if ready and not self._transport.is_closing():
            self._transport.write(b"".join(ready))

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
        self._inbox.clear()
        self._transport.write(encode_refusal(refused))
        self._transport.write_eof()
        self._linger_timer = self._loop.call_later(LINGER_S, self._transport.abort)

    def _close_when_idle(self) -> None:
        waiting = self._inbox or self._calls or self._streams
        if self._closing and not waiting and not self._transport.is_closing():
            self._transport.close()


def encode_refusal(refused: Refused) -> bytes:
    """The error frame that a peer gets before its connection is closed."""
    return encode_reply(ErrorFrame(Error(refused.code, refused.message, refused.hint)))


def _id_of(frame: bytes) -> int | str | None:
    """The id of an invalid request, so that its sender can tell which one it was."""
    try:
        return msgspec.json.decode(frame, type=_Envelope).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
