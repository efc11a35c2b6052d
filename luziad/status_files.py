"""status.json in each job's directory: the job as last known, for people and for the day the store is lost."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from luzia_protocol.jobs import Job

from luziad.core.record import JobRecord

log = logging.getLogger("luziad.status_files")

STATUS_NAME = "status.json"


class StatusFiles:
    """Writes the files on the files' thread, the newest state of each job only.

    directory: gives a job's directory. view: makes the wire's Job. A job gets its directory with its first attempt.
    """

    def __init__(
        self,
        directory: Callable[[str], str],
        view: Callable[[JobRecord], Job],
        known: Callable[[str], bool],
        files: ThreadPoolExecutor,
    ) -> None:
        self._directory = directory
        self._view = view
        self._known = known
        self._files = files
        self._newest: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def changed(self, record: JobRecord) -> None:
        """The job's state or progress changed."""
        if record.attempt is None:
            return
        content = msgspec.json.encode(self._view(record))
        with self._lock:
            waiting = record.id in self._newest
            self._newest[record.id] = content
        if not waiting:
            self._files.submit(self._write, record.id)

    def _write(self, job: str) -> None:
        with self._lock:
            content = self._newest.pop(job)
        if not self._known(job):
            return
        directory = self._directory(job)
        unfinished = f"{directory}/.{STATUS_NAME}"
        try:
            os.makedirs(directory, 0o700, exist_ok=True)
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(content + b"\n")
            os.rename(unfinished, f"{directory}/{STATUS_NAME}")
        except OSError as exc:
            log.warning("status_file_not_written job=%s error=%s", job, exc)
