"""The output of jobs. A change here is a change of the protocol: see version.py."""

from __future__ import annotations

from typing import Literal

import msgspec

from luzia_protocol.base import JobRequest
from luzia_protocol.jobs import JobState


class OutputRequest(JobRequest):
    """What the requests for output have in common."""

    attempt: int | None = None
    stream: Literal["stdout", "stderr"] = "stdout"
    offset: int = 0
    tail: int | None = None
    encoding: Literal["text", "base64"] = "text"
    render: Literal["none", "text", "colour"] = "none"


class Logs(OutputRequest, tag="logs"):
    """A chunk of an attempt's output. Answered by replies.Output.

    attempt: None is the newest.
    offset: the first byte; ignored if `tail` is given.
    tail: begin at the last N lines instead.
    max_bytes: size limit of the chunk, 1 to MAX_OUTPUT_BYTES.
    encoding: `text` replaces what is not UTF-8, `base64` is exact.
    render: `text` or `colour` requests a transcript of an agent's stdout; if there is none, the reply is not
    `rendered`.
    """

    max_bytes: int = 256 * 1024


class Follow(OutputRequest, tag="follow"):
    """Stream an attempt's output until it ends. Items are replies.Output, the end is replies.FollowEnd.

    With `attempt` None it follows the newest attempt, or the first one if none has started yet.
    The other fields are those of Logs.
    """


class Output(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A chunk of output.

    offset, next_offset: byte offsets in the stream, before and after `data`.
    size: current size of the stream in bytes.
    ended: True when the attempt has ended and this chunk reaches the end.
    dropped_bytes: how many bytes at the beginning of the stream were dropped because of `max_log_bytes`.
    rendered: `data` is the transcript of these bytes, regardless of `encoding`.
    lost_bytes: how many bytes are gone at least because the job has truncated its output, as `> /dev/stderr` does.
    While it is read, an empty chunk says so, and the stream continues from its beginning.
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
    lost_bytes: int = 0


class FollowEnd(msgspec.Struct, frozen=True):
    """The attempt has ended at `offset` bytes. state: the job's (queued when it will run again)."""

    job: str
    attempt: int
    offset: int
    state: JobState
