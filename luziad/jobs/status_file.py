"""status.json in each job's directory: the job as last known, for people and for the day the store is lost."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from luzia_protocol.jobs import Job

from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord

log = logging.getLogger("luziad.status_files")

STATUS_NAME = "status.json"
GATHERED_S = 0.2
"""How long changes are gathered before they are written."""


class StatusFiles(JobObserver):
    """Writes the files on the files' thread, a moment after a change, so that a short job costs one write.

    directory: gives a job's directory. view: makes the wire's Job. A job's directory comes with its first attempt;
    until then, and once the job is forgotten, there is nothing to write to.
    """

    def __init__(
        self, directory: Callable[[str], str], view: Callable[[JobRecord], Job], files: ThreadPoolExecutor
    ) -> None:
        self._directory = directory
        self._view = view
        self._files = files
        self._changed: dict[str, JobRecord] = {}
        self._timer: asyncio.TimerHandle | None = None

    def job_changed(self, record: JobRecord) -> None:
        """Write the job's file in a moment."""
        if record.attempt is None:
            return
        self._changed[record.id] = record
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHERED_S, self.flush)

    def flush(self) -> None:
        """Write what has changed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        changed, self._changed = self._changed, {}
        for job, record in changed.items():
            self._files.submit(_write, self._directory(job), msgspec.json.encode(self._view(record)))


def _write(directory: str, content: bytes) -> None:
    unfinished = f"{directory}/.{STATUS_NAME}"
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content + b"\n")
        os.rename(unfinished, f"{directory}/{STATUS_NAME}")
    except FileNotFoundError:
        return  # no directory yet, or no more
    except OSError as exc:
        log.warning("status_file_not_written directory=%s error=%s", directory, exc)
