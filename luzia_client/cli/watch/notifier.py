"""What tells of watched jobs beside their picture, for those who look elsewhere: the terminal's title and its bell."""

from __future__ import annotations

from typing import TextIO

from luzia_protocol.jobs import Job, JobState

from luzia_client.cli.show.formatting import ACTIVE_STATES, FAILED_STATES, FINAL_STATES, format_state, shown_percent
from luzia_client.cli.show.text import one_line
from luzia_client.cli.watch.signal_options import NotifierOptions
from luzia_client.cli.watch.watched_jobs import WatchedJobs

BELL = "\a"
# The terminal keeps its title on a stack of its own; one without such a stack keeps ours.
PUSH_TITLE = "\x1b[22;2t"
POP_TITLE = "\x1b[23;2t"


class TerminalNotifier:
    """Gives the signs on a terminal.

    out: the terminal.
    """

    def __init__(self, out: TextIO, notifications: NotifierOptions) -> None:
        self._out = out
        self._options = notifications
        self._shown = ""
        self._asking: set[str] = set()

    def show(self, board: WatchedJobs) -> None:
        """Bring the title up to date, when it is wanted."""
        title = format_title(board)
        if not self._options.title or title == self._shown:
            return
        self._write(f"{'' if self._shown else PUSH_TITLE}\x1b]2;{title}\a")
        self._shown = title

    def release(self) -> None:
        """Give the terminal its own title back; the next `show` takes it again."""
        if self._shown:
            self._write(POP_TITLE)
            self._shown = ""

    def job_changed(self, job: Job) -> None:
        """A job has changed: ring when it begins to wait for an answer."""
        if job.state is not JobState.WAITING:
            self._asking.discard(job.id)
        elif job.id not in self._asking:
            self._asking.add(job.id)
            self.ring()

    def ring(self) -> None:
        """Ring, when that is wanted."""
        if self._options.bell:
            self._write(BELL)

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def format_title(board: WatchedJobs) -> str:
    """`running 60% overbits 113754-a2f5` for a single job, `luzia: 2 running, 3 of 5 done, 1 failed` for more."""
    jobs = [*board.live.values(), *board.ended.values()]
    counts = board.counts()
    total = counts.total()
    if total == len(jobs) == 1:
        (job,) = jobs
        percent = "" if (value := shown_percent(job)) is None else f"{value}% "
        return f"{format_state(job.state)} {percent}{one_line(job.project, 40)} {job.id}"
    running = sum(counts[state] for state in ACTIVE_STATES)
    unhappy = sum(counts[state] for state in FAILED_STATES)
    words = [
        f"{running} running" if running else "",
        f"{counts[JobState.QUEUED]} pending" if counts[JobState.QUEUED] else "",
        f"{sum(counts[state] for state in FINAL_STATES)} of {total} done",
        f"{counts[JobState.WAITING]} asking" if counts[JobState.WAITING] else "",
        f"{unhappy} failed" if unhappy else "",
    ]
    return "luzia: " + ", ".join(word for word in words if word)
