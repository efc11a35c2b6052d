"""One request of a connection, and the encoding of its reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.framing import MAX_FRAME_BYTES
from luzia_protocol.replies import Error, ErrorFrame, Ok, OkFrame

from luziad.handlers.replies import SlicedReply, StreamFrame
from luziad.server.connection_limits import user_name

_encode = msgspec.json.Encoder().encode


class CallSession(Protocol):
    """The session of a call, as far as the call needs it."""

    uid: int
    pid: int

    @property
    def unsent(self) -> int: ...

    def detach(self, call: SessionCall) -> None: ...

    def reply_ready(self, reply: bytes) -> None: ...

    def write(self, frame: bytes) -> None: ...

    async def drain(self) -> None: ...

    def finished(self, call: SessionCall) -> None: ...

    def add_work(self, call: SessionCall, work: SlicedReply) -> None: ...

    def end_streams(self, stream: int | str) -> bool: ...

    def on_disconnect(self, callback: Callable[[], None]) -> None: ...


class SessionCall:
    """One request of a session. See handlers.replies.Call for its methods.

    op: the name of the request. reply: the encoded reply. is_active: the session counts it as one of its active
    requests. has_ended: the client has ended the stream, so that nothing more is sent.
    """

    __slots__ = ("_closers", "_session", "has_ended", "id", "is_active", "op", "reply", "streaming")

    def __init__(self, session: CallSession, call_id: int | str | None, op: str) -> None:
        self._session = session
        self._closers: tuple[Callable[[], None], ...] = ()
        self.id = call_id
        self.op = op
        self.reply: bytes | None = None
        self.streaming = False
        self.is_active = False
        self.has_ended = False

    @property
    def uid(self) -> int:
        return self._session.uid

    @property
    def user(self) -> str:
        return user_name(self._session.uid)

    @property
    def pid(self) -> int:
        return self._session.pid

    @property
    def unsent(self) -> int:
        return self._session.unsent

    @property
    def connection(self) -> object:
        return self._session

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        self._session.on_disconnect(callback)

    def answer(self, ok: Ok) -> None:
        self._reply(OkFrame(ok, self.id))

    def refuse(self, refused: Refused) -> None:
        self._reply(ErrorFrame(Error.of(refused), self.id))

    def out_of_order(self) -> None:
        self._session.detach(self)
        self.streaming = True

    def send(self, frame: StreamFrame | bytes) -> None:
        if not self.has_ended:
            self._session.write(frame if isinstance(frame, bytes) else _encode(frame) + b"\n")

    async def drain(self) -> None:
        await self._session.drain()

    def answer_in_slices(self, work: SlicedReply) -> None:
        self._session.add_work(self, work)

    def on_close(self, callback: Callable[[], None]) -> None:
        self._closers += (callback,)

    def finish(self) -> None:
        closers, self._closers = self._closers, ()
        for close in closers:
            close()
        self._session.finished(self)

    def end(self) -> None:
        """End the stream on the client's request."""
        self.has_ended = True
        self.finish()

    def end_streams(self, stream: int | str) -> bool:
        return self._session.end_streams(stream)

    def _reply(self, frame: OkFrame | ErrorFrame) -> None:
        if self.has_ended:
            return
        if self.streaming:
            self._session.write(encode_reply(frame))
        elif self.reply is None:
            self.reply = encode_reply(frame)
            self._session.reply_ready(self.reply)


def encode_reply(frame: OkFrame | ErrorFrame) -> bytes:
    """The frame as a line. A reply that is too long becomes an error."""
    line = _encode(frame)
    if len(line) >= MAX_FRAME_BYTES:
        refused = Refused(ErrorCode.REPLY_TOO_LARGE, f"the reply has {len(line)} bytes; the limit is {MAX_FRAME_BYTES}")
        line = _encode(ErrorFrame(Error.of(refused), frame.id))
    return line + b"\n"
