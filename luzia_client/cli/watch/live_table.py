"""The live screen of `luzia jobs --watch` on a terminal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from luzia_protocol.jobs import Job

from luzia_client.api import settings
from luzia_client.cli.show.formatting import ACTIVE_STATES, format_counts
from luzia_client.cli.show.painter import Painter
from luzia_client.cli.show.screen import Screen, stdout_screen
from luzia_client.cli.show.tables import format_jobs_table
from luzia_client.cli.show.text import cut
from luzia_client.cli.watch.feed import Feed
from luzia_client.cli.watch.notifier import TerminalNotifier
from luzia_client.cli.watch.watched_jobs import WatchedJobs

FRAME_GAP_S = 0.05
"""Between two pictures: a burst of events is drawn as one, and no terminal is flooded."""


async def show_live_table(feed: Feed, notifier: TerminalNotifier) -> None:
    """Draw the board on stdout until all its jobs have ended; then leave nothing of the picture."""
    changed = asyncio.Event()
    keys = sys.stdin.fileno() if sys.stdin.isatty() else None
    with Painter(sys.stdout, keys) as painter, _signal_handlers(painter, notifier, changed):
        reading = asyncio.create_task(_read_changes(feed, notifier, changed))
        try:
            await _draw_frames(feed.board, painter, notifier, changed, reading)
        finally:
            reading.cancel()
        await reading
        painter.draw([])


async def _read_changes(feed: Feed, notifier: TerminalNotifier, changed: asyncio.Event) -> None:
    try:
        async for job in feed.changes():
            notifier.job_changed(job)
            changed.set()
    finally:
        changed.set()


async def _draw_frames(
    board: WatchedJobs,
    painter: Painter,
    notifier: TerminalNotifier,
    changed: asyncio.Event,
    reading: asyncio.Task[None],
) -> None:
    """A picture after each change, and while something runs one each interval, for the clock."""
    interval_s = settings.monitor_interval_s()
    while not reading.done():
        screen = stdout_screen()
        painter.draw(compose_frame(board, datetime.now(UTC), screen))
        notifier.show(board)
        runs = any(job.state in ACTIVE_STATES for job in board.live.values())
        await _wait_for_change(changed, interval_s if runs else None)
        changed.clear()
        await asyncio.sleep(FRAME_GAP_S)


async def _wait_for_change(changed: asyncio.Event, timeout_s: float | None) -> None:
    waiting = asyncio.ensure_future(changed.wait())
    try:
        await asyncio.wait([waiting], timeout=timeout_s)
    finally:
        waiting.cancel()


def compose_frame(board: WatchedJobs, now: datetime, screen: Screen) -> list[str]:
    """The picture: the table, as much of it as the terminal has rows for, and the counts."""
    room = max(screen.height - 5, 1)  # heading, "… and more", blank, counts, the cursor's row
    shown, hidden = select_jobs(board, room)
    lines = format_jobs_table(shown, now, screen, live=True)
    if hidden:
        lines.append(screen.paint(f"… and {hidden} more", "dim"))
    lines += ["", screen.paint(cut(format_counts(board.counts()), screen.width or 80), "bold")]
    return lines[-max(screen.height - 1, 1) :]


def select_jobs(board: WatchedJobs, room: int) -> tuple[Sequence[Job], int]:
    """The jobs to show, in order of dispatch, and how many there is no room for.

    Those under way go first, then the newest of the ended, then the queued.
    """
    under_way = [job for job in board.live.values() if job.state in ACTIVE_STATES]
    queued = [job for job in board.live.values() if job.state not in ACTIVE_STATES]
    by_worth = [*under_way, *reversed(board.ended.values()), *queued]
    if len(board.ended) + len(under_way) > room > 4:
        # Ended jobs may not crowd out what is still to come.
        by_worth = [*under_way, *queued[:2], *reversed(board.ended.values()), *queued[2:]]
    shown = sorted(by_worth[:room], key=lambda job: (job.created_at, job.id))
    return shown, board.counts().total() - len(shown)


@contextmanager
def _signal_handlers(painter: Painter, notifier: TerminalNotifier, changed: asyncio.Event) -> Iterator[None]:
    """Redraw after a resize; give the terminal back before stopping (Ctrl-Z) or ending (SIGTERM)."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        notifier.release()
        painter.release()
        os.kill(os.getpid(), signal.SIGSTOP)
        painter.acquire()
        changed.set()

    handlers: dict[signal.Signals, Callable[[], object]] = {
        signal.SIGWINCH: changed.set,
        signal.SIGTSTP: stop,
        signal.SIGTERM: task.cancel,
    }
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        notifier.release()
        for number, old in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, old)
