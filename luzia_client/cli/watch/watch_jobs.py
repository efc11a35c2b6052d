"""`luzia jobs --watch`: shows jobs as they change, until all of them have ended."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from luzia_protocol.jobs import Job
from luzia_protocol.states import UNSUCCESSFUL_STATES

from luzia_client.api.async_client import AsyncClient
from luzia_client.cli.show.formatting import (
    STATE_COLOURS,
    format_counts,
    format_duration,
    format_elapsed,
    format_monitored_status,
    format_status,
)
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.screen import Screen, stdout_screen
from luzia_client.cli.show.tables import format_jobs_table
from luzia_client.cli.show.text import cut, one_line
from luzia_client.cli.watch.feed import Feed
from luzia_client.cli.watch.notifier import TerminalNotifier
from luzia_client.cli.watch.watched_jobs import WatchedJobs

MAX_RESULT_ROWS = 50


async def watch_jobs(
    ids: Sequence[str],
    projects: Sequence[str] = (),
    as_json: bool = False,
    notifications: Collection[str] = (),
) -> WatchedJobs:
    """Show jobs on stdout until all have ended: live on a terminal, otherwise one line per change.

    notifications: those of the live table. Returns the jobs after their ends. Raises Refused for an unknown id.
    """
    from luzia_client.cli.watch.live_table import show_live_table

    async with AsyncClient() as client:
        feed = Feed(client, ids, projects)
        await feed.open()
        screen = stdout_screen()
        if ids and not as_json:
            print(format_header(feed.ids), flush=True)
        if as_json:
            await _print_each(feed, print_json)
        elif not feed.jobs.live and not feed.jobs.ended:
            print("No jobs are running or queued.")
        elif screen.live:
            await show_live_table(feed, TerminalNotifier(sys.stdout, notifications))
        else:
            await _print_each(feed, ChangePrinter(screen, single=len(feed.ids) == 1).print)
        return feed.jobs


async def _print_each(feed: Feed, show: Callable[[Job], None]) -> None:
    """Show every job, and then every change."""
    for job in [*feed.jobs.ended.values(), *feed.jobs.live.values()]:
        show(job)
    async for job in feed.changes():
        show(job)


class ChangePrinter:
    """Prints changes, one per line; a change that does not alter the line prints nothing.

    single: only one job is watched.
    """

    def __init__(self, screen: Screen, single: bool = False) -> None:
        self._screen = screen
        self._single = single
        self._printed: dict[str, str] = {}

    def print(self, job: Job) -> None:
        """Print the time of day and the job."""
        line = format_change(job, self._screen, self._single)
        if self._printed.get(job.id) == line:
            return
        self._printed[job.id] = line
        if job.state.is_final:
            del self._printed[job.id]
        print(datetime.now().astimezone().strftime("%H:%M:%S"), line, flush=True)


def format_header(ids: Sequence[str]) -> str:
    """`Monitoring job: ID`, with the complete ids."""
    return f"Monitoring {'job' if len(ids) == 1 else 'jobs'}: {', '.join(ids)}"


def format_change(job: Job, screen: Screen, single: bool = False) -> str:
    """The job on one line: id, project, and state with its details.

    single: it is the only watched job; its end has a bar, too.
    """
    ended = single and job.state.is_final
    status = format_monitored_status(job, Screen(blocks=screen.blocks)) if ended else format_status(job, screen)
    line = f"{job.id} {one_line(job.project)} {status}"
    if job.state.is_final and job.started_at is not None:
        line += f" after {format_elapsed(job, datetime.now(UTC))}"
    return line


def describe_end(watched: WatchedJobs, screen: Screen) -> list[str]:
    """The last line of the only watched job, with its bar."""
    return [
        screen.paint(format_monitored_status(job, screen), STATE_COLOURS[job.state]) for job in watched.ended.values()
    ]


def describe_results(watched: WatchedJobs, screen: Screen, table: bool, hints: bool = True) -> list[str]:
    """The results: the table if requested, the counts, and the failed jobs with their reasons.

    hints: name the command that prints the output of a failed job.
    """
    now = datetime.now(UTC)
    jobs = list(watched.ended.values())
    lines = []
    if table:
        shown = sorted(jobs[-MAX_RESULT_ROWS:], key=lambda job: (job.created_at, job.id))
        lines += [*format_jobs_table(shown, now, screen), ""]
    lines += ["Task Summary:", f"  {format_counts(watched.counts(), watched.held)}{_format_total_time(jobs)}"]
    failed = [job for job in jobs if job.state in UNSUCCESSFUL_STATES]
    mark = "✗" if screen.blocks else "x"
    for job in failed[-MAX_RESULT_ROWS:]:
        text = f"  {mark} {job.id} {format_status(job, screen)}"
        hint = f"  (luzia logs {job.id})" if hints else ""
        room = sys.maxsize if screen.width is None else screen.width - len(hint)
        lines.append(screen.paint(cut(text, room), "red") + hint)
    return lines


def _format_total_time(jobs: Sequence[Job]) -> str:
    """The time from the first dispatch to the last end; empty if no job has ended."""
    ends = [job.ended_at for job in jobs if job.ended_at is not None]
    if not ends:
        return ""
    seconds = (max(ends) - min(job.created_at for job in jobs)).total_seconds()
    return f"  in {format_duration(seconds)}"


def run_watch(
    ids: Sequence[str],
    projects: Sequence[str] = (),
    as_json: bool = False,
    notifications: Collection[str] = (),
) -> int:
    """Run `--watch`; returns the exit status."""
    try:
        watched = asyncio.run(watch_jobs(ids, projects, as_json, notifications))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM
    if not as_json and watched.ended:
        screen = stdout_screen()
        last = [*describe_end(watched, screen), ""] if screen.live and len(ids) == 1 else []
        print("\n".join(["", *last, *describe_results(watched, screen, table=screen.live)]))
        if screen.width is not None:
            TerminalNotifier(sys.stdout, notifications).ring()
    sys.stdout.flush()
    return 0
