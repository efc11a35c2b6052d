"""Pauses of the whole queue or of single projects, and the drain, which starts no jobs until the next restart.

They are kept in a small file beside the store, which is replaced and synced before a request is answered, so that they
survive a crash. A drain ends when the daemon is stopped in an orderly way.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from luzia_protocol.jobs import JobState
from luzia_protocol.operations import Queues

from luziad.clocks.format import format_time
from luziad.config.project_names import ProjectNames
from luziad.errors import StorageError
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.supervise.regular_files import read_regular

log = logging.getLogger("luziad.queues")

QUEUES_NAME = "queues.json"
MAX_FILE_BYTES = 16 * 1024 * 1024
replace = msgspec.structs.replace


class _QueueFile(Queues, frozen=True):
    """What the file holds. directories: the real paths of the paused projects, by the names that they had then."""

    directories: dict[str, str] = msgspec.field(default_factory=dict)


class QueueControl:
    """The pauses and the drain in force, as `now`. `start_jobs` is called when they change.

    names: which project a directory is. notices: messages for the operator.
    """

    def __init__(
        self,
        state_dir: Path,
        ready: ReadyQueue,
        names: ProjectNames,
        files: ThreadPoolExecutor,
        start_jobs: Callable[[], None],
    ) -> None:
        self._file = state_dir / QUEUES_NAME
        self._ready = ready
        self._names = names
        self._files = files
        self._start_jobs = start_jobs
        self._lock = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []
        self.notices: list[str] = []
        self._directories: dict[str, str] = {}  # of paused projects, by name
        self.now = self._read()
        self._apply()

    @property
    def stopped(self) -> bool:
        """Whether no job starts at all."""
        return self.now.draining is not None or self.now.everything is not None

    @property
    def is_active(self) -> bool:
        """Whether anything is paused or drained."""
        return self.stopped or bool(self.now.projects)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call back after each change of `now`; returns a function that ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def reason(self, record: JobRecord) -> str | None:
        """The pause or drain that keeps the job from starting, as text; None when there is none."""
        now = self.now
        if now.draining is not None:
            return f"draining since {_clock(now.draining)}; end it with `luzia drain --end`"
        if now.everything is not None:
            return f"the queue has been paused since {_clock(now.everything)}; resume it with `luzia resume --all`"
        since = now.projects.get(record.project)
        if since is None:
            return None
        return (
            f"project {record.project} has been paused since {_clock(since)};"
            f" resume it with `luzia resume --project {record.project}`"
        )

    async def pause(self, project: str | None) -> None:
        """Pause a project, or the whole queue. Raises StorageError; nothing has changed then."""
        async with self._lock:
            now, at = self.now, datetime.now(UTC)
            if project is None:
                await self._change(replace(now, everything=now.everything or at))
            else:
                await self._change(replace(now, projects={project: at} | now.projects))

    async def resume(self, project: str | None) -> None:
        """Resume a project, or everything that is paused. Raises StorageError; nothing has changed then."""
        async with self._lock:
            if project is None:
                await self._change(Queues(draining=self.now.draining))
            else:
                left = {name: since for name, since in self.now.projects.items() if name != project}
                await self._change(replace(self.now, projects=left))

    async def drain(self, *, end: bool) -> None:
        """Begin or end a drain. Raises StorageError; nothing has changed then."""
        async with self._lock:
            await self._change(replace(self.now, draining=None if end else self.now.draining or datetime.now(UTC)))

    def close(self) -> None:
        """End the drain, because the daemon stops in an orderly way."""
        if self.now.draining is not None:
            try:
                _write(self._file, _file(replace(self.now, draining=None), self._directories))
            except OSError as exc:
                log.error("drain_not_ended file=%s error=%s", self._file, exc)

    def rename_projects(self) -> None:
        """Follow the directories of paused projects, whose names may have changed."""
        paused, self._directories = self._directories, {}
        found = {}
        for name, since in self.now.projects.items():
            directory = paused.get(name) or self._names.directory(name)
            new = name if directory is None else self._names.name(directory, name)
            found[new] = since
            if directory is not None:
                self._directories[new] = directory
        self.now = replace(self.now, projects=found)
        self._apply()

    async def _change(self, new: Queues) -> None:
        known = {name: self._directories.get(name) or self._names.directory(name) for name in new.projects}
        directories = {name: directory for name, directory in known.items() if directory is not None}
        file = _file(new, directories)
        try:
            await asyncio.get_running_loop().run_in_executor(self._files, _write, self._file, file)
        except OSError as exc:
            raise StorageError(f"{self._file}: {exc.strerror}") from exc
        self.now, self._directories = new, directories
        self._apply()
        log.info("queues_changed queues=%s", msgspec.json.encode(new).decode())
        self._start_jobs()

    def _apply(self) -> None:
        self._ready.pause(self.now.projects.keys())
        for listener in tuple(self._listeners):
            listener()

    def _read(self) -> Queues:
        """Read the file. While it is invalid the whole queue is paused, as it may have been before."""
        try:
            file = msgspec.json.decode(read_regular(str(self._file), MAX_FILE_BYTES), type=_QueueFile)
        except FileNotFoundError:
            return Queues()
        except (OSError, msgspec.DecodeError) as exc:
            log.error("queues_not_read file=%s error=%s", self._file, exc)
            self.notices.append(
                f"{self._file} cannot be read, so the queue is paused: resume it with `luzia resume --all`"
            )
            return Queues(everything=datetime.now(UTC))
        self._directories = file.directories
        return Queues(file.everything, file.projects, file.draining)


class Exemptions:
    """Queued sub-jobs that start although the queue or their project is paused or drained.

    A job above them has lent its slots and waits for some of them, so that it could not end without them. A job that
    is paused itself exempts none.
    """

    def __init__(self, table: JobTable, ready: ReadyQueue, queues: QueueControl) -> None:
        self._table = table
        self._ready = ready
        self._queues = queues

    def reason(self, record: JobRecord) -> str | None:
        """The pause or drain that keeps the job from starting, as text; None when it is exempt or there is none."""
        reason = self._queues.reason(record)
        return None if reason is None or any(map(self._waits, record.ancestors)) else reason

    def jobs(self) -> list[JobRecord]:
        """The exempt jobs that wait for nothing but a slot, the deepest first, then the oldest."""
        if not self._ready.lent or not self._queues.is_active:
            return []
        below = self._table.family.descendants(filter(self._waits, self._ready.lent))
        queued = (self._table.get(job) for job in below if job in self._ready.waiting)
        found = [each for each in queued if each is not None and self._queues.reason(each) is not None]
        return sorted(found, key=lambda each: (-len(each.ancestors), each.n))

    def _waits(self, job: str) -> bool:
        """Whether the job is running and waits for sub-jobs."""
        record = self._table.get(job) if job in self._ready.lent else None
        return record is not None and record.status.state is not JobState.PAUSED


def _clock(moment: datetime) -> str:
    return format_time(moment.timestamp())


def _file(queues: Queues, directories: dict[str, str]) -> _QueueFile:
    return _QueueFile(queues.everything, queues.projects, queues.draining, directories)


def _write(file: Path, queues: _QueueFile) -> None:
    """Replace the file and sync it to disk. Raises OSError."""
    new = file.with_name(f".{file.name}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as writing:
        writing.write(msgspec.json.encode(queues) + b"\n")
        writing.flush()
        os.fsync(descriptor)
    os.rename(new, file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
