"""Answering a call: now, or when the change that it made is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Protocol

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.replies import (
    EndFrame,
    EventFrame,
    JobChange,
    LaggedFrame,
    Ok,
    OutputFrame,
    PositionFrame,
    QueuesFrame,
)

from luziad.errors import StorageError
from luziad.jobs.record import JobRecord
from luziad.journal.journal import CommitCallbacks, CommitListener, Journal

StreamFrame = EventFrame | OutputFrame | EndFrame | LaggedFrame | PositionFrame | QueuesFrame
SlicedReply = Generator[None, None, Ok | None]
"""Work that ends with the reply, or with None when it has answered the call itself. It raises Refused. Other clients
are served between its steps, each of which should take much less than a millisecond."""


MAX_UNCOMMITTED_BYTES = 32 * 1024 * 1024
"""New jobs that are not written yet; further ones are refused."""


class Call(Protocol):
    """One request on one connection, to be answered once."""

    id: int | str | None

    @property
    def uid(self) -> int:
        """The peer's user id."""

    @property
    def user(self) -> str:
        """The peer's user name."""

    @property
    def pid(self) -> int:
        """The process that opened the connection, as the daemon sees it; 0 for one that it cannot see."""

    @property
    def connection(self) -> object:
        """Identifies the connection among others."""

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Call back when the connection is closed."""

    def answer(self, ok: Ok) -> None:
        """Send the reply, in the order of the requests."""

    def refuse(self, refused: Refused) -> None:
        """Send an error, in the order of the requests."""

    def answer_in_slices(self, work: SlicedReply) -> None:
        """Send the reply that this work ends with, out of order, and end the stream."""

    def out_of_order(self) -> None:
        """Let later requests be answered before this one. Raises Refused (TOO_MANY_STREAMS)."""

    def send(self, frame: StreamFrame | bytes) -> None:
        """Send a frame of a stream. Bytes are an encoded frame with its newline."""

    async def drain(self) -> None:
        """Wait until the peer has received most of what was sent."""

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not received yet."""

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call back when the connection is closed or the stream ends."""

    def finish(self) -> None:
        """End the stream."""

    def end_streams(self, stream: int | str) -> bool:
        """End the streams and waits of the connection that have this request id; False if there is none."""


class AcceptanceReply(msgspec.Struct, gc=False, eq=False):
    """Answers the dispatch of a job when the job is on disk, and refuses it when the job cannot be written.

    A struct, because a burst of dispatches creates thousands at a time.
    """

    call: Call
    accepted: Ok

    def committed(self) -> None:
        self.call.answer(self.accepted)

    def refused(self, error: StorageError) -> None:
        self.call.refuse(storage_refusal(error))


def committed_reply(call: Call, make_reply: Callable[[], Ok]) -> CommitListener:
    """Answer a call when its change is on disk, and refuse it when the change cannot be written."""
    return CommitCallbacks(lambda: call.answer(make_reply()), lambda error: call.refuse(storage_refusal(error)))


def unconditional_reply(call: Call, make_reply: Callable[[], Ok]) -> CommitListener:
    """Answer a call when its change is on disk, and also when the change is in force but cannot be written yet."""
    return CommitCallbacks(lambda: call.answer(make_reply()), lambda _: call.answer(make_reply()))


def deferred_reply(journal: Journal, call: Call, make_reply: Callable[[], Ok]) -> Callable[[], None]:
    """A callback for the commit of a change, which answers the call.

    While the store fails, the call is answered at once: the change is in force, and is written when the store recovers.
    """
    answered = False

    def answer() -> None:
        nonlocal answered
        if not answered:
            answered = True
            call.answer(make_reply())

    loop = asyncio.get_running_loop()
    if journal.failure is not None:
        loop.call_soon(answer)
    else:  # the change is recorded meanwhile, and its commit may be the first that fails
        loop.call_soon(journal.after_commit, CommitCallbacks(lambda: None, lambda _: answer()))
    return answer


def job_change(record: JobRecord, changed: bool = True) -> JobChange:
    """The job's state now, as the reply to a request that has changed it. changed: False when it already was so."""
    number = record.attempt.number if record.attempt else 0
    return JobChange(record.id, record.status.state, number, msgspec.UNSET if changed else False)


def job_change_reply(journal: Journal, record: JobRecord, call: Call, changed: bool = True) -> Callable[[], None]:
    """A callback for the commit of a change, which answers with the state that the job has then."""
    return deferred_reply(journal, call, lambda: job_change(record, changed))


def require_writable(journal: Journal) -> None:
    """Raise Refused while the store cannot be written: a crash would lose what is answered now.

    Also while it is so slow that too much waits in memory to be written.
    """
    if journal.failure is not None:
        raise storage_refusal(journal.failure)
    if journal.uncommitted_bytes > MAX_UNCOMMITTED_BYTES:
        raise Refused(ErrorCode.OVERLOADED, f"{journal.uncommitted_bytes} bytes of new jobs wait to be written")


def storage_refusal(error: StorageError) -> Refused:
    """The refusal of a request while the store cannot be written."""
    return Refused(ErrorCode.STORAGE_UNAVAILABLE, f"the job store cannot be written: {error}", error.remedy)
