"""Start no more jobs and let the active ones finish, for example before an upgrade.

Jobs can still be dispatched; they stay queued. Draining ends with --end, or when the daemon stops or restarts.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.events import Event, EventKind
from luzia_protocol.jobs import JobState
from luzia_protocol.operations import Queues
from luzia_protocol.replies import DaemonInfo
from luzia_protocol.requests import Subscribe
from luzia_protocol.states import ACTIVE_STATES

from luzia_client.api.client import Client
from luzia_client.api.replies import Frame, decode_field, is_present
from luzia_client.api.stream_group import StreamGroup
from luzia_client.api.streams import EventStream, Stream
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.output import print_json

EXAMPLES = (
    ("luzia drain --wait && luzia daemon restart", "restart when no jobs are active"),
    ("luzia drain --end", "start jobs again"),
)

RELEVANT_EVENTS: tuple[EventKind, ...] = (
    "starting",
    "ended",
    "requeued",
    "paused",
    "resumed",
    "asked",
    "answered",
    "removed",
)
"""The kinds of events that change the number of active, paused or waiting jobs."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--wait", action="store_true", help="wait until no jobs are active")
    how.add_argument("--end", action="store_true", help="stop draining: start jobs again")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    with Client() as client:
        changed = client.drain_queue(end=args.end)
        if args.wait:
            return _wait(client, args.json)
        if args.json:
            print_json(changed)
        elif args.end:
            print("Draining ended; jobs start again")
        else:
            print(f"Draining: {format_active(client.get_info())}. End it with `luzia drain --end`")
    return exit_codes.OK


def format_active(info: DaemonInfo) -> str:
    """`3 jobs are active, 1 paused`, with the jobs that do not end by themselves."""
    count = sum(info.counts.get(state, 0) for state in ACTIVE_STATES)
    words = ["no jobs are active" if count == 0 else "1 job is active" if count == 1 else f"{count} jobs are active"]
    for state, what in ((JobState.PAUSED, "paused"), (JobState.WAITING, "waiting for an answer")):
        stuck = info.counts.get(state, 0)
        if stuck:
            words.append(f"{stuck} {what}")
    return ", ".join(words)


def _wait(client: Client, as_json: bool) -> int:
    """Print the number of active jobs until there are none; on a terminal in one line."""
    info = client.get_info()
    display = _CountDisplay(as_json)
    display.show(info)
    if not _is_drained(info):
        info = _follow(client, info, display)
    display.close()
    if info.queues.draining is None:
        return print_error(
            f"draining was ended, and {format_active(info)}", "Run `luzia drain` again.", exit_codes.REFUSED
        )
    return exit_codes.OK


def _follow(client: Client, info: DaemonInfo, display: _CountDisplay) -> DaemonInfo:
    """Show each change until the drain is over; returns what is then."""
    with closing(StreamGroup(client.socket)) as streams:
        streams.add(_Changes(info.seq))
        for _, item in streams.items():
            if isinstance(item, Refused) and item.code is not ErrorCode.EVENTS_EXPIRED:
                raise item
            info = client.get_info()
            display.show(info)
            if _is_drained(info):
                break
            if isinstance(item, Refused):
                streams.add(_Changes(info.seq))
    return info


def _is_drained(info: DaemonInfo) -> bool:
    return info.queues.draining is None or not any(info.counts.get(state, 0) for state in ACTIVE_STATES)


class _Changes(Stream[Event | Queues]):
    """What changes the number of active jobs, or ends the drain. It begins with what is paused, on each connection."""

    def __init__(self, after: int) -> None:
        self._events = EventStream(Subscribe(after=after, kinds=list(RELEVANT_EVENTS), queues=True))

    def request(self) -> Subscribe:
        """The events after the last one."""
        self.interrupted = False
        return self._events.request()

    def receive(self, frame: Frame) -> Event | Queues | None:
        """An event, or what is paused."""
        if is_present(frame.queues):
            return decode_field(frame.queues, Queues)
        event = self._events.receive(frame)
        self.interrupted = self._events.interrupted
        return event


class _CountDisplay:
    """Shows the number of active jobs: on a terminal in place, otherwise a line per change."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._live = sys.stdout.isatty() and not as_json
        self._last = ""

    def show(self, info: DaemonInfo) -> None:
        words = format_active(info)
        if words == self._last:
            return
        if self._as_json:
            print_json({"running": sum(info.counts.get(state, 0) for state in ACTIVE_STATES), "queues": info.queues})
        elif self._live:
            print(f"\r{words:<{len(self._last)}}", end="")
        else:
            print(words)
        sys.stdout.flush()
        self._last = words

    def close(self) -> None:
        if self._live:
            print()
