"""What older luzia code prints with: colours, bars and feedback. Control characters are escaped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from luzia_protocol.jobs import job_name

from luzia_client.cli.show.formatting import format_bar, format_duration
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import cut, one_line
from luzia_client.legacy.status import OldStatus, parse_percent

_STYLES = {"pending": "cyan", "running": "blue", "completed": "green", "failed": "red", "killed": "yellow"}


class Colors:
    """Terminal colours by their older names."""

    RESET = "\x1b[0m"
    BOLD = "\x1b[1m"
    DIM = "\x1b[2m"
    RED = "\x1b[31m"
    GREEN = "\x1b[32m"
    YELLOW = "\x1b[33m"
    BLUE = "\x1b[34m"
    MAGENTA = "\x1b[35m"
    CYAN = "\x1b[36m"


class ProgressBar:
    """Bars as text."""

    @staticmethod
    def bar(percent: float, width: int = 20) -> str:
        """`[████████████░░░░░░░░] 60%`; values are limited to 0 to 100, and what is not a number is 0."""
        value = parse_percent(percent) or 0
        return f"{format_bar(value, max(width, 0), stdout_screen().blocks)} {value}%"


class ResponseiveOutput:
    """One-line messages; as a context manager, those of a step: its start, and its success or failure.

    message: names the step. Exceptions of the block are reported and raised.
    """

    def __init__(self, message: str = "") -> None:
        self.message = message
        self._start_s = time.monotonic()

    def __enter__(self) -> Self:
        self._start_s = time.monotonic()
        _print(f"{one_line(str(self.message))}…" if stdout_screen().blocks else f"{one_line(str(self.message))}...", "")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        text = f"{self.message} ({format_duration(time.monotonic() - self._start_s)})"
        if value is None or (isinstance(value, SystemExit) and not value.code):
            self.success(text)
        else:
            self.error(f"{text}: {type(value).__name__}{_text_of(value)}")

    @staticmethod
    def success(text: object) -> None:
        """Print a success message."""
        _print(f"✓ {_shown(text)}", "green")

    @staticmethod
    def error(text: object) -> None:
        """Print an error message."""
        _print(f"✗ {_shown(text)}", "red")

    @staticmethod
    def warning(text: object) -> None:
        """Print a warning."""
        _print(f"! {_shown(text)}", "yellow")

    @staticmethod
    def info(text: object) -> None:
        """Print a message."""
        _print(_shown(text), "")

    @staticmethod
    def progress(percent: float, message: object = "") -> None:
        """Print a bar and a message."""
        _print(f"{ProgressBar.bar(percent)} {_shown(message)}".rstrip(), "blue")


class CLIFeedback:
    """Prints jobs; a job is a dict as ResponseiveDispatcher.get_status returns it."""

    @staticmethod
    def job_dispatched(job_id: str, project: str, task: str, show_details: bool | None = None) -> None:
        """Print the confirmation of a dispatch.

        show_details: whether to print the task, for a caller that prints the line `agent:PROJECT:ID` itself; None
        prints the task, and that line last.
        """
        _print("✓ Dispatched", "green")
        print(f"  Job ID:  {job_id}")
        print(f"  Project: {_shown(project)}")
        if show_details is not False:
            print(f"  Task:    {_shown(task, 60)}")
        print(f"\n  Use: luzia jobs to view status\n       luzia jobs {job_id} for details\n", flush=True)
        if show_details is None:
            print(job_name(_shown(project), job_id), flush=True)

    @staticmethod
    def show_status(status: OldStatus | None, show_full: bool = False) -> None:
        """Print one job, with its times if `show_full`. Keys may be missing; None is a job that does not exist."""
        if status is None:
            ResponseiveOutput.error("The job does not exist.")
            return
        print(_line(status))
        if show_full:
            for key in ("dispatched_at", "started_at", "completed_at", "exit_code"):
                if status.get(key) is not None:
                    print(f"    {key.replace('_', ' ')}: {one_line(str(status[key]))}")

    @staticmethod
    def show_jobs_list(jobs: Iterable[OldStatus | None]) -> None:
        """Print the counts and a line for each job. None is a job that does not exist."""
        known = [job for job in jobs if job is not None]
        counts = Counter(job.get("status") for job in known)
        print("Task Summary:")
        print("  " + "  ".join(f"{word.capitalize()}: {counts[word]}" for word in _STYLES))
        for job in known:
            print(_line(job))

    @staticmethod
    def show_concurrent_jobs(jobs: Iterable[OldStatus | None]) -> None:
        """Print the running and queued jobs, each with its bar."""
        live = [job for job in jobs if job is not None and job.get("status") in ("pending", "running")]
        if not live:
            print("No jobs are running or pending.")
        for job in live:
            print(_line(job))


def _shown(value: object, limit: int = 200) -> str:
    """A value as one harmless line; None is nothing. Older code passes exceptions and numbers, too."""
    return "" if value is None else one_line(str(value), limit)


def _text_of(error: BaseException) -> str:
    """`: reason`; empty for an exception without one, or whose text cannot be made."""
    try:
        reason = str(error)
    except Exception:  # it must not take the place of the exception that is told
        reason = ""
    return f": {reason}" if reason else ""


def _line(job: OldStatus) -> str:
    screen = stdout_screen()
    job_id, project, status, message = (
        one_line("" if job.get(key) is None else str(job[key])) for key in ("id", "project", "status", "message")
    )
    words = [job_id, project, status]
    if status == "running" and parse_percent(job.get("progress")):
        words.append(ProgressBar.bar(job["progress"]))
    if message != status:
        words.append(message)
    line = "  " + "  ".join(word for word in words if word)
    shown = line if screen.width is None else cut(line, screen.width)
    return screen.paint(shown, _STYLES.get(status, ""))


def _print(text: str, style: str) -> None:
    print(stdout_screen().paint(text, style), flush=True)
