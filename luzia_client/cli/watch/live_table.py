"""The live table of `luzia jobs --watch` on a terminal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from luzia_protocol.jobs import Job, JobState
from luzia_protocol.states import ACTIVE_STATES

from luzia_client.api import settings
from luzia_client.cli.show.formatting import STATE_COLOURS, format_counts, format_monitored_status
from luzia_client.cli.show.painter import Painter
from luzia_client.cli.show.screen import Screen, stdout_screen
from luzia_client.cli.show.tables import format_jobs_table
from luzia_client.cli.show.text import cut
from luzia_client.cli.watch.feed import Feed
from luzia_client.cli.watch.notifier import TerminalNotifier
from luzia_client.cli.watch.watched_jobs import WatchedJobs

FRAME_GAP_S = 0.05
"""The least time between two frames: a burst of events is drawn once."""


async def show_live_table(feed: Feed, notifier: TerminalNotifier) -> None:
    """Draw the table on stdout until all jobs have ended, then clear it."""
    changed = asyncio.Event()
    keys = sys.stdin.fileno() if sys.stdin.isatty() else None
    with Painter(sys.stdout, keys) as painter, _signal_handlers(painter, notifier, changed):
        reading = asyncio.create_task(_read_changes(feed, notifier, changed))
        try:
            await _draw_frames(feed.jobs, painter, notifier, changed, reading, single=len(feed.ids) == 1)
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
    watched: WatchedJobs,
    painter: Painter,
    notifier: TerminalNotifier,
    changed: asyncio.Event,
    reading: asyncio.Task[None],
    single: bool,
) -> None:
    """Draw after each change, and at every interval while a job is active, for the elapsed times."""
    interval_s = settings.monitor_interval_s()
    while not reading.done():
        screen = stdout_screen()
        painter.draw(compose_frame(watched, datetime.now(UTC), screen, single=single))
        notifier.update_title(watched)
        active = any(job.state in ACTIVE_STATES for job in watched.live.values())
        with suppress(TimeoutError):
            async with asyncio.timeout(interval_s if active else None):
                await changed.wait()
        changed.clear()
        await asyncio.sleep(FRAME_GAP_S)


def compose_frame(watched: WatchedJobs, now: datetime, screen: Screen, single: bool = False) -> list[str]:
    """The lines to draw: as much of the table as fits the terminal, and the counts.

    single: only one job is watched; its status with a wide bar takes the place of the counts.
    """
    room = max(screen.height - 5, 1)  # titles, "… and more", blank line, counts, cursor
    shown, hidden = select_jobs(watched, room)
    lines = format_jobs_table(shown, now, screen, live=True)
    if hidden:
        lines.append(screen.paint(f"… and {hidden} more", "dim"))
    if single and shown:
        lines += ["", screen.paint(format_monitored_status(shown[0], screen, now), STATE_COLOURS[shown[0].state])]
    else:
        lines += ["", screen.paint(cut(format_counts(watched.counts(), watched.held), screen.width or 80), "bold")]
    return lines[-max(screen.height - 1, 1) :]


def select_jobs(watched: WatchedJobs, room: int) -> tuple[Sequence[Job], int]:
    """The jobs to show, in the order of `luzia jobs`, and the number of those left out.

    Active jobs have priority, then the newest ended ones, then queued ones.
    """
    active = [job for job in watched.live.values() if job.state in ACTIVE_STATES]
    queued = [job for job in watched.live.values() if job.state not in ACTIVE_STATES]
    by_priority = [*active, *reversed(watched.ended.values()), *queued]
    if len(watched.ended) + len(active) > room > 4:
        # Ended jobs must not displace all queued ones.
        by_priority = [*active, *queued[:2], *reversed(watched.ended.values()), *queued[2:]]
    shown = sorted(by_priority[:room], key=_by_turn)
    return shown, watched.counts().total() - len(shown)


def _by_turn(job: Job) -> tuple[int, float, str]:
    """Asking and active jobs first, the newest on top; then queued jobs, the next to start on top, and held ones.

    Ended jobs come last.
    """
    if job.state.is_final:
        return (4, -(job.ended_at or job.created_at).timestamp(), job.id)
    if job.state is JobState.QUEUED:
        place = 3 if job.held_at is not None else 2
        return (place, -job.priority, f"{job.created_at.timestamp():020.6f} {job.id}")
    return (0 if job.state is JobState.WAITING else 1, -job.created_at.timestamp(), job.id)


@contextmanager
def _signal_handlers(painter: Painter, notifier: TerminalNotifier, changed: asyncio.Event) -> Iterator[None]:
    """Redraw after a resize; restore the terminal before a stop (Ctrl-Z) or the end (SIGTERM)."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        notifier.restore_title()
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
        notifier.restore_title()
        for number, old in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, old)
