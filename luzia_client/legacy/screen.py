"""What older luzia code prints with: colours, bars and feedback. Control characters are escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from luzia_protocol.jobs import job_name

from luzia_client.cli.show.formatting import format_bar
from luzia_client.cli.show.screen import stdout_screen
from luzia_client.cli.show.text import cut, one_line
from luzia_client.legacy.status import OldStatus

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
        """`[████████████░░░░░░░░] 60%`; values are limited to 0 to 100."""
        value = int(min(max(percent, 0), 100))
        return f"{format_bar(value, width, stdout_screen().blocks)} {value}%"


class ResponseiveOutput:
    """One-line messages."""

    @staticmethod
    def success(text: str) -> None:
        """Print a success message."""
        _print(f"✓ {one_line(text)}", "green")

    @staticmethod
    def error(text: str) -> None:
        """Print an error message."""
        _print(f"✗ {one_line(text)}", "red")

    @staticmethod
    def warning(text: str) -> None:
        """Print a warning."""
        _print(f"! {one_line(text)}", "yellow")

    @staticmethod
    def info(text: str) -> None:
        """Print a message."""
        _print(one_line(text), "")

    @staticmethod
    def progress(percent: float, message: str = "") -> None:
        """Print a bar and a message."""
        _print(f"{ProgressBar.bar(percent)} {one_line(message)}".rstrip(), "blue")


class CLIFeedback:
    """Prints jobs; a job is a dict as ResponseiveDispatcher.get_status returns it."""

    @staticmethod
    def job_dispatched(job_id: str, project: str, task: str) -> None:
        """Print the confirmation of a dispatch."""
        _print("✓ Dispatched", "green")
        print(f"  Job ID:  {job_id}")
        print(f"  Project: {one_line(project)}")
        print(f"  Task:    {one_line(task, 60)}")
        print(f"\n  luzia jobs\n  luzia jobs {job_id}\n")
        print(job_name(one_line(project), job_id))

    @staticmethod
    def show_status(status: OldStatus, show_full: bool = False) -> None:
        """Print one job, with its times if `show_full`."""
        print(_line(status))
        if show_full:
            for key in ("dispatched_at", "started_at", "completed_at", "exit_code"):
                if status.get(key) is not None:
                    print(f"    {key.replace('_', ' ')}: {status[key]}")

    @staticmethod
    def show_jobs_list(jobs: Sequence[OldStatus]) -> None:
        """Print the counts and a line for each job."""
        counts = Counter(job["status"] for job in jobs)
        print("Task Summary:")
        print("  " + "  ".join(f"{word.capitalize()}: {counts[word]}" for word in _STYLES))
        for job in jobs:
            print(_line(job))

    @staticmethod
    def show_concurrent_jobs(jobs: Sequence[OldStatus]) -> None:
        """Print the running and queued jobs, each with its bar."""
        live = [job for job in jobs if job["status"] in ("pending", "running")]
        if not live:
            print("No jobs are running or pending.")
        for job in live:
            print(_line(job))


def _line(job: OldStatus) -> str:
    screen = stdout_screen()
    words = [str(job["id"]), one_line(str(job["project"])), str(job["status"])]
    if job["status"] == "running" and job["progress"]:
        words.append(ProgressBar.bar(job["progress"]))
    if job["message"] != job["status"]:
        words.append(one_line(str(job["message"])))
    line = "  " + "  ".join(word for word in words if word)
    shown = line if screen.width is None else cut(line, screen.width)
    return screen.paint(shown, _STYLES.get(str(job["status"]), ""))


def _print(text: str, style: str) -> None:
    print(stdout_screen().paint(text, style))
