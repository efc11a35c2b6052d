"""The long-running requests, sans-I/O: which request continues one after a reconnection, and what each line carries.

Both clients drive these, so that continuing after a restart of the daemon is written once. A stream makes its
request for each connection, and continues after the last item that it has returned.
"""

from __future__ import annotations

import time
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from luzia_protocol import events, replies, requests
from luzia_protocol.environment import current_job
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Job
from luzia_protocol.output import FollowEnd, Output

from luzia_client.api.replies import Frame, decode_field, encode_request, is_present, parse_frame
from luzia_client.transport.endpoint import DaemonUnreachableError, connection_lost

T_co = TypeVar("T_co", covariant=True)

_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 2.0
_ONLY = 1
END = encode_request(requests.Unsubscribe(stream=_ONLY))
"""The line that ends the stream of a connection that has no other."""


class Stream(Protocol, Generic[T_co]):
    """A long-running request."""

    done: bool = False
    """True after the last item."""

    interrupted: bool = False
    """True when the daemon has ended the stream early, so that it must be requested again."""

    def request(self) -> msgspec.Struct:
        """The request that continues the stream."""

    def receive(self, frame: Frame) -> T_co | None:
        """Process a frame; returns the item that it carries."""


class ReconnectDelays:
    """The delays between attempts to reconnect, which grow up to 2 seconds.

    reconnect_s: seconds without a daemon after which the failure is raised.
    """

    def __init__(self, reconnect_s: float) -> None:
        self._reconnect_s = reconnect_s
        self._failing_since: float | None = None
        self._delay_s = _FIRST_DELAY_S

    def reset(self) -> None:
        """Start from the first delay: the daemon has sent something."""
        self._failing_since = None
        self._delay_s = _FIRST_DELAY_S

    def next_s(self, exc: DaemonUnreachableError) -> float:
        """Seconds to wait before the next attempt. Raises `exc` when there is no time for one."""
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        delay_s = self._delay_s
        if now + delay_s - self._failing_since > self._reconnect_s:
            raise exc
        self._delay_s = min(2 * delay_s, _LONGEST_DELAY_S)
        return delay_s


def encode_stream_request(stream: Stream[Any]) -> bytes:
    """The line that requests a stream on a connection that has no other, so that END ends it."""
    return encode_request(msgspec.structs.replace(stream.request(), id=_ONLY))


def parse_stream_frame(line: bytes) -> Frame:
    """A line of a stream. A daemon that is shutting down counts as a lost connection: the next one continues."""
    try:
        return parse_frame(line)
    except Refused as exc:
        if exc.code is ErrorCode.SHUTTING_DOWN:
            raise connection_lost() from exc
        raise


class FollowStream(Stream[Output | FollowEnd]):
    """`follow`: pieces of output, then the end."""

    def __init__(self, request: requests.Follow) -> None:
        self._request = request

    def request(self) -> requests.Follow:
        """The first request, from the attempt and the offset of the last piece."""
        return self._request

    def receive(self, frame: Frame) -> Output | FollowEnd | None:
        """A piece, or the end."""
        if is_present(frame.output):
            piece = decode_field(frame.output, Output)
            self._request = msgspec.structs.replace(
                self._request, attempt=piece.attempt, offset=piece.next_offset, tail=None
            )
            return piece
        if is_present(frame.end):
            self.done = True
            return decode_field(frame.end, FollowEnd)
        return None


class WaitStream(Stream[replies.WaitResult]):
    """`wait`: one result, when all jobs have finished or the time is over. The jobs of many come in several replies."""

    def __init__(self, jobs: list[str], timeout_s: float | None, waiter: str | None = None) -> None:
        """waiter: the job that waits, and lends its slots; None is the one in which this program runs, if any."""
        self._jobs = jobs
        self._waiter = current_job() if waiter is None else waiter
        self._found: list[Job] = []
        self._timed_out = False
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s

    def request(self) -> requests.Wait:
        """A wait for the remaining jobs and time. If no time is left, no slots are lent."""
        self.interrupted = False
        timeout_s = None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)
        parent = None if timeout_s == 0.0 else self._waiter or None
        return requests.Wait(jobs=self._jobs, timeout_s=timeout_s, parent=parent)

    def receive(self, frame: Frame) -> replies.WaitResult | None:
        """The result; None when there are further jobs, for which another wait asks."""
        result = decode_field(frame.ok, replies.WaitResult)
        self._found += result.jobs
        self._timed_out = self._timed_out or result.timed_out
        if result.next is not None:
            self._jobs = self._jobs[result.next :]
            self.interrupted = True
            return None
        self.done = True
        return replies.WaitResult(self._found, self._timed_out)


class EventStream(Stream[events.Event]):
    """`subscribe`: events, each once and in order, without an end."""

    def __init__(self, request: requests.Subscribe) -> None:
        self._request = msgspec.structs.replace(request, positions=True)

    def request(self) -> requests.Subscribe:
        """The first request, after the last event or position."""
        self.interrupted = False
        return self._request

    def receive(self, frame: Frame) -> events.Event | None:
        """The event; None for a kind that only newer daemons have."""
        if is_present(frame.lagged):
            newest = decode_field(frame.lagged, replies.Lagged).next
            self._request = msgspec.structs.replace(self._request, after=newest)
            self.interrupted = True
            return None
        if is_present(frame.position):
            reached = decode_field(frame.position, replies.Position).seq
            self._request = msgspec.structs.replace(self._request, after=reached)
            return None
        if not is_present(frame.event):
            return None
        header = decode_field(frame.event, _EventHeader)
        if self._request.after is not None and header.seq <= self._request.after:
            return None
        self._request = msgspec.structs.replace(self._request, after=header.seq)
        if header.kind not in EVENT_KINDS:
            return None
        event: events.Event = decode_field(frame.event, events.Event)  # type: ignore[arg-type]
        return event


class _EventHeader(msgspec.Struct, frozen=True):
    """The fields that every event has, whatever its kind."""

    kind: str
    seq: int


EVENT_KINDS = frozenset(kind.__struct_config__.tag for kind in events.Event.__args__)
