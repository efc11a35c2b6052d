"""What jobs have printed. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from typing import Literal

import msgspec

from luzia_protocol.base import Base
from luzia_protocol.jobs import JobState


class Logs(Base, tag="logs"):
    """A piece of an attempt's output. Answered by replies.Output.

    attempt: None is the newest.
    offset: where to begin, in bytes; ignored when `tail` is given.
    tail: begin at the last so many lines instead.
    max_bytes: at most so much, 1 to MAX_OUTPUT_BYTES.
    encoding: `text` replaces what is not UTF-8, `base64` is exact.
    render: `text` or `colour` asks for a transcript of an agent's stdout, where there is one: the answer says so.
    """

    job: str
    attempt: int | None = None
    stream: Literal["stdout", "stderr"] = "stdout"
    offset: int = 0
    tail: int | None = None
    max_bytes: int = 256 * 1024
    encoding: Literal["text", "base64"] = "text"
    render: Literal["none", "text", "colour"] = "none"


class Follow(Base, tag="follow"):
    """Stream an attempt's output until the attempt ends. Items are replies.Output, the end replies.FollowEnd.

    With `attempt` None it follows the newest attempt, or the first one when none has started yet.
    The other fields are those of Logs.
    """

    job: str
    attempt: int | None = None
    stream: Literal["stdout", "stderr"] = "stdout"
    offset: int = 0
    tail: int | None = None
    encoding: Literal["text", "base64"] = "text"
    render: Literal["none", "text", "colour"] = "none"


class Output(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A piece of output.

    offset, next_offset: bytes from the beginning of the stream, before and after `data`.
    size: bytes in the stream now.
    ended: True when the attempt has ended and this piece reaches the end.
    dropped_bytes: so many at the beginning of the stream are not kept any more, by the limit `max_log_bytes`.
    rendered: `data` is the transcript of these bytes, whatever the encoding that was asked for.
    """

    job: str
    attempt: int
    stream: str
    offset: int
    next_offset: int
    data: str
    size: int
    ended: bool
    dropped_bytes: int = 0
    rendered: bool = False


class FollowEnd(msgspec.Struct, frozen=True):
    """The attempt has ended at `offset` bytes; `state` is the job's (queued when it will run again)."""

    job: str
    attempt: int
    offset: int
    state: JobState
