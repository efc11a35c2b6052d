"""Start nothing and let what runs end: before an upgrade of the machine or of luzia.

Jobs can still be dispatched, and wait. The drain ends when the daemon is stopped or restarted, or with --end.
"""

from __future__ import annotations

import argparse
import sys

from luzia_protocol.events import EventKind
from luzia_protocol.jobs import JobState
from luzia_protocol.replies import DaemonInfo

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args.parser import add_json
from luzia_client.cli.show.errors import print_error
from luzia_client.cli.show.formatting import ACTIVE_STATES
from luzia_client.cli.show.output import print_json

EXAMPLES = (
    ("luzia drain --wait && luzia daemon restart", "restart when nothing runs any more"),
    ("luzia drain --end", "let jobs start again"),
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
"""The kinds of events after which another number of jobs may run, or others of them need somebody."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--wait", action="store_true", help="return when nothing runs any more")
    how.add_argument("--end", action="store_true", help="start jobs again")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    with Client() as client:
        changed = client.drain_queue(end=args.end)
        if args.wait:
            return _wait(client, args.json)
        if args.json:
            print_json(changed)
        elif args.end:
            print("Jobs start again")
        else:
            print(f"Nothing starts any more; {format_running(client.get_info())}. `luzia drain --end` takes it back")
    return exit_codes.OK


def format_running(info: DaemonInfo) -> str:
    """`3 jobs run, 1 of them is paused`, with those that do not end unless somebody does something."""
    count = sum(info.counts.get(state, 0) for state in ACTIVE_STATES)
    words = ["no job runs" if count == 0 else "1 job runs" if count == 1 else f"{count} jobs run"]
    for state, what in ((JobState.PAUSED, "paused"), (JobState.WAITING, "waiting for an answer")):
        stuck = info.counts.get(state, 0)
        if stuck:
            words.append(f"{stuck} of them {'is' if stuck == 1 else 'are'} {what}")
    return ", ".join(words)


def _wait(client: Client, as_json: bool) -> int:
    """Tell how many jobs run until there is none; on a terminal in one line."""
    info = client.get_info()
    shown = _Shown(as_json)
    shown.show(info)
    if not _is_over(info):
        for _ in client.subscribe(after=info.seq, kinds=RELEVANT_EVENTS):
            info = client.get_info()
            shown.show(info)
            if _is_over(info):
                break
    shown.close()
    if info.queues.draining is None:
        return print_error(
            f"the drain has ended, and {format_running(info)}", "Say `luzia drain` again.", exit_codes.REFUSED
        )
    return exit_codes.OK


def _is_over(info: DaemonInfo) -> bool:
    return info.queues.draining is None or not any(info.counts.get(state, 0) for state in ACTIVE_STATES)


class _Shown:
    """The count as it was shown last. Programs get a line for each change."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._live = sys.stdout.isatty() and not as_json
        self._last = ""

    def show(self, info: DaemonInfo) -> None:
        words = format_running(info)
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
