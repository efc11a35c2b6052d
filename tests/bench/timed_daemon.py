"""Runs luziad on a loop that measures how long its callbacks take: `timed_daemon.py FILE [options of luziad]`.

The time is the thread's processor time, so that a busy machine changes nothing. It is taken from the first connection
on, when the daemon serves. At its end FILE gets a JSON object: the longest time of each callback, in seconds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Any

import uvloop

from luziad import cli
from luziad.server import listener
from luziad.server.session import Session

longest: dict[str, float] = {}


def timed(callback: Callable[..., Any]) -> Callable[..., Any]:
    """The callback, measured under its name."""
    name = getattr(callback, "__qualname__", None) or type(callback).__name__

    def call(*arguments: Any) -> Any:
        began = thread_time()
        try:
            return callback(*arguments)
        finally:
            longest[name] = max(longest.get(name, 0.0), thread_time() - began)

    return call


class TimedLoop(uvloop.Loop):
    """A loop whose callbacks are measured, except those of connections."""

    def call_soon(self, callback: Any, *arguments: Any, context: Any = None) -> Any:  # type: ignore[override]
        return super().call_soon(timed(callback), *arguments, context=context)

    def call_soon_threadsafe(self, callback: Any, *arguments: Any, context: Any = None) -> Any:  # type: ignore[override]
        return super().call_soon_threadsafe(timed(callback), *arguments, context=context)

    def call_later(self, delay: float, callback: Any, *arguments: Any, context: Any = None) -> Any:  # type: ignore[override]
        return super().call_later(delay, timed(callback), *arguments, context=context)

    def add_reader(self, descriptor: Any, callback: Any, *arguments: Any) -> Any:  # type: ignore[override]
        return super().add_reader(descriptor, timed(callback), *arguments)


class TimedSession(Session):
    """A connection whose callbacks are measured."""

    has_served = False

    def connection_made(self, transport: Any) -> None:
        if not TimedSession.has_served:
            TimedSession.has_served = True
            longest.clear()
        super().connection_made(transport)

    buffer_updated = timed(Session.buffer_updated)
    connection_lost = timed(Session.connection_lost)


def main() -> int:
    """Run the daemon with these options; returns its exit status."""
    file, *options = sys.argv[1:]
    uvloop.new_event_loop = TimedLoop
    listener.Session = TimedSession  # type: ignore[attr-defined]
    try:
        return cli.main(options)
    finally:
        Path(file).write_text(json.dumps(longest))


if __name__ == "__main__":
    sys.exit(main())
