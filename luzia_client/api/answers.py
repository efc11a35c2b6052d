"""Lines to answers: what the daemon sent, as structs of luzia_protocol or as the exception that it means."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.transport.endpoint import UnexpectedAnswerError

T = TypeVar("T")

_NOTHING = msgspec.Raw()


class Refusal(msgspec.Struct, frozen=True):
    """The `error` of an answer; unlike replies.Error it lets codes pass that only newer daemons know."""

    code: str
    message: str
    hint: str = ""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """Any line of the daemon's; exactly one field is set, besides the `id` of the request that it answers."""

    ok: msgspec.Raw = _NOTHING
    event: msgspec.Raw = _NOTHING
    output: msgspec.Raw = _NOTHING
    end: msgspec.Raw = _NOTHING
    lagged: msgspec.Raw = _NOTHING
    error: Refusal | None = None
    id: int | str | None = None


_frames = msgspec.json.Decoder(Frame)
_encoder = msgspec.json.Encoder()


def encode(request: msgspec.Struct) -> bytes:
    """The line that asks for something, newline included."""
    return _encoder.encode(request) + b"\n"


def decode(line: bytes) -> Frame:
    """A line of the daemon's, which may be an error. Raises UnexpectedAnswerError for what is no answer."""
    try:
        return _frames.decode(line)
    except msgspec.DecodeError as exc:
        raise UnexpectedAnswerError(f"the daemon's reply is invalid: {exc}") from exc


def check(frame: Frame) -> Frame:
    """The frame itself. Raises Refused when it is an error."""
    if frame.error is not None:
        raise refused(frame.error.code, frame.error.message, frame.error.hint)
    return frame


def parse(line: bytes) -> Frame:
    """A line of the daemon's. Raises Refused for an error, UnexpectedAnswerError for what is no answer."""
    return check(decode(line))


def is_set(raw: msgspec.Raw) -> bool:
    """True when a field of a frame is there."""
    return raw is not _NOTHING


def unpack(raw: msgspec.Raw, kind: type[T]) -> T:
    """The struct in a frame's field."""
    if not is_set(raw):
        raise UnexpectedAnswerError(f"the daemon's answer has no {kind.__name__}")
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as exc:
        raise UnexpectedAnswerError(f"the daemon's {kind.__name__} is invalid: {exc}") from exc


def answer(line: bytes, kind: type[T]) -> T:
    """The answer to a plain request. Raises Refused when the daemon refused it."""
    return accept(decode(line), kind)


def accept(frame: Frame, kind: type[T]) -> T:
    """The answer in a frame. Raises Refused when the daemon refused what was asked."""
    return unpack(check(frame).ok, kind)


def refused(code: str, message: str, hint: str) -> Refused:
    """An error answer as an exception; a code that this client does not know counts as internal."""
    try:
        return Refused(ErrorCode(code), message, hint)
    except ValueError:
        return Refused(ErrorCode.INTERNAL, f"{message} ({code})", hint)
