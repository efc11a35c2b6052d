"""Encodes requests and decodes what the daemon sends, as structs of luzia_protocol or as the exception to raise."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

from luzia_protocol.errors import ErrorCode, Refused

from luzia_client.api.errors import ArgumentError
from luzia_client.transport.endpoint import UnexpectedAnswerError

T = TypeVar("T")

_ABSENT = msgspec.Raw()


class ErrorBody(msgspec.Struct, frozen=True):
    """The `error` of a reply. Unlike luzia_protocol.replies.Error it accepts the codes of newer daemons."""

    code: str
    message: str
    hint: str = ""
    oldest_seq: int | None = None
    jobs: dict[str, ErrorBody] = {}


class Frame(msgspec.Struct, frozen=True, gc=False):
    """Any line from the daemon. Exactly one field is set, besides the `id` of the request that it belongs to."""

    ok: msgspec.Raw = _ABSENT
    event: msgspec.Raw = _ABSENT
    output: msgspec.Raw = _ABSENT
    end: msgspec.Raw = _ABSENT
    lagged: msgspec.Raw = _ABSENT
    position: msgspec.Raw = _ABSENT
    queues: msgspec.Raw = _ABSENT
    error: ErrorBody | None = None
    id: int | str | None = None


_decoder = msgspec.json.Decoder(Frame)
_encoder = msgspec.json.Encoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}

TYPES_LOCK = threading.Lock()
"""Held while msgspec may learn the fields of a struct: two threads that do so at the same time crash it."""


def encode_request(request: msgspec.Struct) -> bytes:
    """The line to send, newline included. Raises ArgumentError for a value that JSON cannot represent."""
    try:
        return _encoder.encode(request) + b"\n"
    except UnicodeEncodeError as exc:
        raise ArgumentError("a text is not valid Unicode", "Decode bytes with errors='replace'.") from exc
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise ArgumentError(f"a value cannot be sent: {exc}") from exc


def decode_frame(line: bytes) -> Frame:
    """A line from the daemon, which may be an error. Raises UnexpectedAnswerError for anything else."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise UnexpectedAnswerError(f"the daemon's reply is invalid: {exc}") from exc


def check_frame(frame: Frame) -> Frame:
    """The frame itself. Raises Refused when it is an error."""
    if frame.error is not None:
        raise refused_error(frame.error)
    return frame


def parse_frame(line: bytes) -> Frame:
    """A line from the daemon. Raises Refused for an error, UnexpectedAnswerError for an invalid line."""
    return check_frame(decode_frame(line))


def is_present(raw: msgspec.Raw) -> bool:
    """True when a field of a frame is set."""
    return raw is not _ABSENT


def decode_field(raw: msgspec.Raw, kind: type[T]) -> T:
    """The struct in a frame's field. Raises UnexpectedAnswerError."""
    if not is_present(raw):
        raise UnexpectedAnswerError(f"the daemon's reply has no {kind.__name__}")
    try:
        found: T = _decoder_of(kind).decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise UnexpectedAnswerError(f"the daemon's {kind.__name__} is invalid: {exc}") from exc
    return found


def _decoder_of(kind: type[T]) -> msgspec.json.Decoder[T]:
    with TYPES_LOCK:
        if kind not in _decoders:
            _decoders[kind] = msgspec.json.Decoder(kind)
        return _decoders[kind]


def reply_in(frame: Frame, kind: type[T]) -> T:
    """The reply to a plain request. Raises Refused when it is an error."""
    return decode_field(check_frame(frame).ok, kind)


def refused_error(error: ErrorBody) -> Refused:
    """The exception for an error reply; a code that this client does not know becomes `internal`."""
    of_jobs = {name: refused_error(each) for name, each in error.jobs.items()}
    try:
        return Refused(ErrorCode(error.code), error.message, error.hint, of_jobs, error.oldest_seq)
    except ValueError:
        return Refused(ErrorCode.INTERNAL, f"{error.message} ({error.code})", error.hint, of_jobs)
