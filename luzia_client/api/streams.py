"""The long-running requests, sans-I/O: what to ask after a reconnection, and what each line means.

Both clients drive these, so that surviving a restart of the daemon is written once. A stream makes its
request anew for each connection and goes on from the last item that it has handed out.
"""

from __future__ import annotations

import time
from typing import Generic, Protocol, TypeVar

import msgspec

from luzia_protocol import replies, requests
from luzia_protocol.caller import inside
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Event

from luzia_client.api import answers
from luzia_client.api.answers import Frame
from luzia_client.transport.endpoint import DaemonUnreachableError, connection_lost

T_co = TypeVar("T_co", covariant=True)

_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 2.0


class Stream(Protocol, Generic[T_co]):
    """A long-running request."""

    over: bool
    """True when the last item has been handed out."""

    broken: bool
    """True when the daemon has ended the stream early, so that it must be asked for again."""

    def request(self) -> msgspec.Struct:
        """What to ask now, to go on from where the stream is."""

    def take(self, frame: Frame) -> T_co | None:
        """Take in a frame, and return the item that it carries."""


class Patience:
    """How long a stream goes without a daemon: the pauses grow, and their total is bounded.

    reconnect_s: seconds without any answer after which the failure is raised.
    """

    def __init__(self, reconnect_s: float) -> None:
        self._reconnect_s = reconnect_s
        self._since: float | None = None
        self._delay_s = _FIRST_DELAY_S

    def heard(self) -> None:
        """The daemon answers (again)."""
        self._since = None
        self._delay_s = _FIRST_DELAY_S

    def delay(self, exc: DaemonUnreachableError) -> float:
        """Seconds to pause before the next try; raises `exc` when there is none."""
        now = time.monotonic()
        self._since = self._since or now
        delay_s = self._delay_s
        if now + delay_s - self._since > self._reconnect_s:
            raise exc
        self._delay_s = min(2 * delay_s, _LONGEST_DELAY_S)
        return delay_s


def parse(line: bytes) -> Frame:
    """A line of a stream. A daemon that says it is ending counts as gone: the next one will go on."""
    try:
        return answers.parse(line)
    except Refused as exc:
        if exc.code is ErrorCode.SHUTTING_DOWN:
            raise connection_lost() from exc
        raise


class Following:
    """`follow`: pieces of output, then the end."""

    def __init__(self, asked: requests.Follow) -> None:
        self.over = False
        self.broken = False
        self._asked = asked

    def request(self) -> requests.Follow:
        """What was asked first, from the attempt and offset that have been reached."""
        return self._asked

    def take(self, frame: Frame) -> replies.Output | replies.FollowEnd | None:
        """A piece, or the end."""
        if answers.is_set(frame.output):
            piece = answers.unpack(frame.output, replies.Output)
            self._asked = msgspec.structs.replace(
                self._asked, attempt=piece.attempt, offset=piece.next_offset, tail=None
            )
            return piece
        if answers.is_set(frame.end):
            self.over = True
            return answers.unpack(frame.end, replies.FollowEnd)
        return None


class Waiting:
    """`wait`: one answer, when all jobs are final or the time is over."""

    def __init__(self, jobs: list[str], timeout_s: float | None) -> None:
        self.over = False
        self.broken = False
        self._jobs = jobs
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s

    def request(self) -> requests.Wait:
        """Wait for what is left of the time."""
        timeout_s = None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)
        return requests.Wait(jobs=self._jobs, timeout_s=timeout_s, parent=inside() or None)

    def take(self, frame: Frame) -> replies.WaitResult | None:
        """The answer."""
        self.over = True
        return answers.unpack(frame.ok, replies.WaitResult)


class Subscribing:
    """`subscribe`: events, each once and in order, for ever."""

    def __init__(self, asked: requests.Subscribe) -> None:
        self.over = False
        self.broken = False
        self._asked = asked

    def request(self) -> requests.Subscribe:
        """What was asked first, after the last event that has been seen."""
        self.broken = False
        return self._asked

    def take(self, frame: Frame) -> Event | None:
        """The event; None for one of a kind that only newer daemons know."""
        if answers.is_set(frame.lagged):
            self._asked = msgspec.structs.replace(self._asked, after=answers.unpack(frame.lagged, replies.Lagged).next)
            self.broken = True
            return None
        if not answers.is_set(frame.event):
            return None
        head = answers.unpack(frame.event, _Head)
        if self._asked.after is not None and head.seq <= self._asked.after:
            return None
        self._asked = msgspec.structs.replace(self._asked, after=head.seq)
        if head.kind not in _KINDS:
            return None
        event: Event = answers.unpack(frame.event, Event)  # type: ignore[arg-type]
        return event


class _Head(msgspec.Struct, frozen=True):
    """What every event has, whatever its kind."""

    kind: str
    seq: int


_KINDS = frozenset(kind.__struct_config__.tag for kind in Event.__args__)
