"""What is left of races when their jobs are removed: who took part, and how it ended, so that totals stay true.

It is a file with a line a job in the state directory. If it cannot be written, a race is forgotten with its jobs.
"""

from __future__ import annotations

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec.structs import replace

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Job

from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord
from luziad.jobs.view import summarize_job

log = logging.getLogger("luziad.jobs")

NAME = "past-races.jsonl"
MAX_BYTES = 8 * 1024 * 1024
"""A larger file loses its older half, which is about 8,000 jobs."""


class PastRaces(JobObserver):
    """directory: that of the file. files: the thread on which it is written and read."""

    def __init__(self, directory: Path, files: ThreadPoolExecutor) -> None:
        self._file = directory / NAME
        self._files = files

    def job_removed(self, record: JobRecord) -> None:
        """Keep what is needed of a racer, or of the verification of one."""
        if record.race is None or not record.durable:
            return
        job = summarize_job(record, None)
        options = record.spec.launch_options
        activity = None if job.activity is None else Activity(model=job.activity.model, cost_usd=job.activity.cost_usd)
        kept = replace(
            job,
            task="",
            argv=None,
            reason=None,
            worktree=None,
            discarded=None,
            activity=activity,
            model=None if options is None else options.model,
        )
        self._files.submit(self._append, msgspec.json.encode(kept) + b"\n")

    async def read(self) -> list[Job]:
        """The jobs, the latest removed first, each once."""
        return await asyncio.get_running_loop().run_in_executor(self._files, self._read)

    def _append(self, line: bytes) -> None:
        try:
            with open(self._file, "ab", opener=_open_private) as file:
                file.write(line)
                size = file.tell()
            if size > MAX_BYTES:
                self._drop_older_half()
        except OSError as exc:
            log.error("past_race_not_kept file=%s error=%s", self._file, exc)

    def _drop_older_half(self) -> None:
        lines = self._file.read_bytes().splitlines(keepends=True)
        new = self._file.with_name(f".{NAME}")
        with open(new, "wb", opener=_open_private) as file:
            file.writelines(lines[len(lines) // 2 :])
        os.replace(new, self._file)

    def _read(self) -> list[Job]:
        try:
            lines = self._file.read_bytes().splitlines()
        except OSError:
            return []  # no racer was removed, or what was kept is gone
        found: dict[str, Job] = {}
        for line in reversed(lines):
            try:
                job = msgspec.json.decode(line, type=Job)
            except msgspec.DecodeError:
                continue  # half written by a daemon that was killed
            found.setdefault(job.id, job)
        return list(found.values())


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
