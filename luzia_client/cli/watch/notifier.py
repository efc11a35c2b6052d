"""Notifications of `luzia jobs --watch` outside the table: the terminal's title and its bell."""

from __future__ import annotations

import argparse

from luzia_protocol.states import ACTIVE_STATES, FINAL_STATES, UNSUCCESSFUL_STATES, JobState

from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.formatting import format_state, shown_percent
from luzia_client.cli.show.text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import TextIO

    from luzia_protocol.jobs import Job

    from luzia_client.cli.watch.watched_jobs import WatchedJobs

BELL = "\a"
# The terminal keeps its title on a stack; one without a stack keeps ours.
PUSH_TITLE = "\x1b[22;2t"
POP_TITLE = "\x1b[23;2t"


def add_notifier_options(parser: argparse.ArgumentParser) -> None:
    """Add --title and --bell; their defaults are in LUZIA_WATCH."""
    on_or_off = argparse.BooleanOptionalAction
    parser.add_argument("--title", action=on_or_off, help="with --watch: show the status in the terminal's title")
    parser.add_argument(
        "--bell",
        action=on_or_off,
        help="with --watch: ring the bell when a job needs an answer, and when all have ended",
    )


def notifier_options(args: argparse.Namespace) -> frozenset[str]:
    """The enabled notifications: `title`, `bell`. Raises UsageError for an option without --watch."""
    given = {"title": args.title, "bell": args.bell}
    if not args.watch:
        if any(value is not None for value in given.values()):
            raise UsageError("--title and --bell require --watch")
        return frozenset()
    from luzia_client.api import settings

    defaults = settings.watch_signs()
    return frozenset(name for name, value in given.items() if (name in defaults if value is None else value))


class TerminalNotifier:
    """Sets the title of a terminal and rings its bell. enabled: `title`, `bell`, or both."""

    def __init__(self, out: TextIO, enabled: Collection[str]) -> None:
        self._out = out
        self._enabled = enabled
        self._title = ""
        self._waiting: set[str] = set()

    def update_title(self, watched: WatchedJobs) -> None:
        """Set the title if that is enabled and it has changed."""
        title = format_title(watched)
        if "title" not in self._enabled or title == self._title:
            return
        self._write(f"{'' if self._title else PUSH_TITLE}\x1b]2;{title}\a")
        self._title = title

    def restore_title(self) -> None:
        """Restore the terminal's own title; the next update sets it again."""
        if self._title:
            self._write(POP_TITLE)
            self._title = ""

    def job_changed(self, job: Job) -> None:
        """Ring when the job starts to wait for an answer."""
        if job.state is not JobState.WAITING:
            self._waiting.discard(job.id)
        elif job.id not in self._waiting:
            self._waiting.add(job.id)
            self.ring()

    def ring(self) -> None:
        """Ring the bell if that is enabled."""
        if "bell" in self._enabled:
            self._write(BELL)

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def format_title(watched: WatchedJobs) -> str:
    """`running 60% overbits 113754-a2f5` for a single job, `luzia: 2 running, 3 of 5 ended, 1 failed` for several."""
    jobs = [*watched.live.values(), *watched.ended.values()]
    counts = watched.counts()
    total = counts.total()
    if total == len(jobs) == 1:
        (job,) = jobs
        percent = "" if (value := shown_percent(job)) is None else f"{value}% "
        return f"{format_state(job.state)} {percent}{one_line(job.project, 40)} {job.id}"
    numbers = {
        "running": sum(counts[state] for state in ACTIVE_STATES - {JobState.WAITING}),
        "queued": counts[JobState.QUEUED],
        f"of {total} ended": sum(counts[state] for state in FINAL_STATES) or "0",
        "waiting for an answer": counts[JobState.WAITING],
        "failed": sum(counts[state] for state in UNSUCCESSFUL_STATES),
    }
    return "luzia: " + ", ".join(f"{count} {word}" for word, count in numbers.items() if count)
