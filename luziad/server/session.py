"""One connection: frames in, answers and streams out, bounded in both directions."""

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

from luziad.handlers import HANDLERS
from luziad.handlers.base import Services
from luziad.server.admission import Admission
from luziad.server.call import SessionCall, encode_answer

log = logging.getLogger("luziad.session")

MAX_UNANSWERED = 4096
"""Requests of one connection that wait for their answer; beyond it the connection is not read."""
MAX_STREAMS = 64
WRITE_HIGH = 256 * 1024
MAX_AT_ONCE = 32
"""Requests of one connection that are at work, or answered and not sent, but for those that only wait for a commit:
their answers may be large, so those behind them wait."""
LINGER_S = 1.0
"""How long a peer that was told off may take to read it and close."""
STALLED_FRAME_S = 30.0
"""A frame that was begun must be finished in this time, however often a byte of it comes."""

_decode = msgspec.json.Decoder(Request).decode


class _Envelope(msgspec.Struct):
    """The part of a broken request that can still be answered to."""

    id: int | str | None = None


class Session(asyncio.Protocol):
    """The daemon's side of one connection; `gone` hears of its end."""

    def __init__(self, services: Services, admission: Admission, gone: Callable[[Session], None]) -> None:
        self.uid = admission.uid
        self._services = services
        self._admission = admission
        self._gone = gone
        self._unwanted: Refused | None = None if admission.brief else admission.refused
        self._opened = False
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader()
        self._inbox: deque[bytes] = deque()  # frames that wait until the peer takes the answers before them
        self._calls: deque[SessionCall] = deque()
        self._at_once = 0
        self._streams: set[SessionCall] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._working = False
        self._flushing = False
        self._reading = True
        self._ending = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._stalled: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    # ------------------------------------------------------------------ asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._transport.set_write_buffer_limits(high=WRITE_HIGH)
        self._opened = True
        if self._unwanted is None:
            return
        if self._admission.brief:
            self.give_way(self._unwanted)
        else:
            self._end_with(self._unwanted)

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        try:
            frames = self._frames.feed(data)
        except FrameTooLargeError:
            message = f"a frame is longer than {MAX_FRAME_BYTES} bytes"
            self._end_with(Refused(ErrorCode.FRAME_TOO_LARGE, message))
            return
        self._watch_for_stall(progress=bool(frames))
        self._inbox.extend(frames)
        self._work()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
        self._work()

    def eof_received(self) -> bool:
        """The peer sends nothing more. If it still reads, it gets the answers and streams that it waits for."""
        self._ending = True
        if self._linger is not None or self._peer_is_gone():
            return False
        self._close_when_answered()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._stalled, self._linger):
            if timer is not None:
                timer.cancel()
        self._ending = True
        self._inbox.clear()
        self._writable.set()
        for stream in list(self._streams):
            stream.finish()
        for task in self._tasks:
            task.cancel()
        self._gone(self)

    def end(self) -> None:
        """Close; what was written still goes out."""
        if not self._opened:
            self._unwanted = Refused(ErrorCode.SHUTTING_DOWN, "the daemon is ending")
            return
        self._send_ready()
        self._ending = True
        self._inbox.clear()
        self._transport.close()

    def give_way(self, refused: Refused) -> None:
        """Say why, and be gone at once; to a peer that does not read, without a word."""
        if not self._opened:
            self._unwanted = refused
        elif self.unsent:
            self._transport.abort()
        else:
            self._end_with(refused)
            self._transport.close()

    # ------------------------------------------------------------------ for calls

    @property
    def is_idle(self) -> bool:
        """Nothing that the peer has asked is without its answer."""
        return self._opened and not self._inbox and not self._calls and not self._streams

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken yet."""
        return self._transport.get_write_buffer_size()

    def write(self, frame: bytes) -> None:
        """Send a frame of a stream, after the answers that are ready."""
        if not self._transport.is_closing():
            self._send_ready()
            self._transport.write(frame)

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was sent."""
        await self._writable.wait()
        if self._transport.is_closing():
            raise asyncio.CancelledError

    def detach(self, call: SessionCall) -> None:
        """Take a call out of the order of plain answers."""
        limit = self._admission.refused
        if limit is not None:
            raise Refused(limit.code, f"{limit.message}; this one more is for short requests only", limit.hint)
        if len(self._streams) >= MAX_STREAMS:
            raise Refused(ErrorCode.TOO_MANY_STREAMS, f"{MAX_STREAMS} streams are open on this connection")
        self._calls.remove(call)
        self._streams.add(call)
        self._lighten(call)
        if not self._reading:
            self._loop.call_soon(self._work)

    def finished(self, call: SessionCall) -> None:
        """A stream is over."""
        self._streams.discard(call)
        self._close_when_answered()

    def answered(self) -> None:
        """A call has its answer: send it with all others that are ready in this turn of the loop."""
        if not self._flushing and self._calls and self._calls[0].frame is not None:
            self._flushing = True
            self._loop.call_soon(self._flush)

    # ------------------------------------------------------------------ inside

    def _work(self) -> None:
        """Handle what has come, as far as there is room for the answers; then read on, or wait for room."""
        if self._working:
            return
        self._working = self._flushing = True  # what is answered at once goes out together
        while self._inbox:
            if not self._has_room():
                self._send_ready()
                if not self._has_room():
                    break
            self._handle(self._inbox.popleft())
        self._flushing = self._working = False
        self._send_ready()
        self._read_or_wait()
        self._close_when_answered()

    def _has_room(self) -> bool:
        return self._at_once < MAX_AT_ONCE and len(self._calls) <= MAX_UNANSWERED and self._writable.is_set()

    def _read_or_wait(self) -> None:
        if self._ending or self._transport.is_closing():
            return
        self._reading = not self._inbox and self._has_room()
        if self._reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _lighten(self, call: SessionCall) -> None:
        """The call's answer is on its way, or comes piece by piece."""
        if call.counts:
            call.counts = False
            self._at_once -= 1

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
            call.counts = True
            self._at_once += 1
            if inspect.isawaitable(done):
                task = self._loop.create_task(self._run(call, type(request).__name__, done))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                call.answer(done)

    async def _run(self, call: SessionCall, op: str, work: Awaitable[None]) -> None:
        try:
            await work
        except Refused as refused:
            call.refuse(refused)
            call.finish()
        except Exception:
            self._failed(call, op)
            call.finish()

    def _failed(self, call: SessionCall, op: str) -> None:
        """A mistake of ours: it goes into the log with its traceback, and to the client in one sentence."""
        log.exception("request_failed op=%s", op)
        call.refuse(Refused(ErrorCode.INTERNAL, f"the daemon failed on this {op} request"))

    def _flush(self) -> None:
        self._flushing = False
        self._send_ready()
        if not self._reading:
            self._work()
        self._close_when_answered()

    def _send_ready(self) -> None:
        """Send the answers that are there, up to the first that is not."""
        calls = self._calls
        ready = []
        while calls and (frame := calls[0].frame) is not None:
            ready.append(encode_answer(frame))
            self._lighten(calls.popleft())
        if ready and not self._transport.is_closing():
            self._transport.write(b"".join(ready))

    def _peer_is_gone(self) -> bool:
        """True when the peer has closed its socket, and not only its sending side (unix(7) reports a hang-up)."""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), 0)
        return any(events & select.POLLHUP for _, events in poll.poll(0))

    def _watch_for_stall(self, *, progress: bool) -> None:
        """Give a frame that was begun its time, once; `progress`: another one was finished before it."""
        if self._stalled is not None and (progress or not self._frames.pending):
            self._stalled.cancel()
            self._stalled = None
        if self._frames.pending and self._stalled is None:
            self._stalled = self._loop.call_later(STALLED_FRAME_S, self._give_up_frame)

    def _give_up_frame(self) -> None:
        if not self._reading:  # it is we who do not take the rest
            self._stalled = self._loop.call_later(STALLED_FRAME_S, self._give_up_frame)
            return
        message = f"a frame was begun and not finished in {STALLED_FRAME_S:g} s"
        self._end_with(Refused(ErrorCode.BAD_REQUEST, message))

    def _end_with(self, refused: Refused) -> None:
        """Say why, and close: when the peer does, for closing on what it still sends would cost it our answer."""
        if self._transport.is_closing():
            return
        self._send_ready()
        self._ending = True
        self._inbox.clear()
        self._transport.write(refusal(refused))
        self._transport.write_eof()
        self._linger = self._loop.call_later(LINGER_S, self._transport.abort)

    def _close_when_answered(self) -> None:
        waiting = self._inbox or self._calls or self._streams
        if self._ending and not waiting and not self._transport.is_closing():
            self._transport.close()


def refusal(refused: Refused) -> bytes:
    """The frame that a peer gets before it is closed."""
    return encode_answer(ErrorFrame(Error(refused.code, refused.message, refused.hint)))


def _id_of(frame: bytes) -> int | str | None:
    """The id of a request that is otherwise wrong, so that its sender knows which one it was."""
    try:
        return msgspec.json.decode(frame, type=_Envelope).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
