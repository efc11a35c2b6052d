"""status.json in each job's directory: the job's status, for users and for recovery when the store is lost."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Job

from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord

log = logging.getLogger("luziad.status_files")

STATUS_NAME = "status.json"
MAX_STATUS_BYTES = 64 * 1024 * 1024
"""More than any status file that is written here; a job can replace it by a larger one."""
WRITE_DELAY_S = 0.2
"""Seconds between a change and the write, so that several changes share one write."""


class StatusFiles(JobObserver):
    """Writes the files on the thread for files, shortly after a change, so that a short job costs one write.

    directory: gives a job's directory. view: makes the protocol's Job. The directory exists from the first
    attempt until the job is removed; nothing is written outside of that time.
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
        """Write the job's file soon: its state or progress has changed."""
        if record.attempt is None:
            return
        self._changed[record.id] = record
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITE_DELAY_S, self.flush)

    def flush(self) -> None:
        """Write the scheduled files now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        changed, self._changed = self._changed, {}
        contents = []
        for job, record in changed.items():
            try:
                contents.append((self._directory(job), msgspec.json.encode(self._view(record))))
            except Refused as refused:  # the file stays as it is
                log.warning("status_file_not_written job=%s error=%s", job, refused.message)
        if contents:
            self._files.submit(_write_all, contents)


def _write_all(contents: list[tuple[str, bytes]]) -> None:
    """Write files, of each its job's directory and its content. One call for all wakes the thread once."""
    for directory, content in contents:
        _write(directory, content)


def _write(directory: str, content: bytes) -> None:
    unfinished = f"{directory}/.{STATUS_NAME}"
    try:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)  # of a daemon that was killed, or of the job: then it may be a link or a FIFO
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content + b"\n")
        os.rename(unfinished, f"{directory}/{STATUS_NAME}")
    except FileNotFoundError:
        return  # the directory does not exist yet, or was removed
    except OSError as exc:
        log.warning("status_file_not_written directory=%s error=%s", directory, exc)
