"""What an operator has stopped: everything, single projects, or, with a drain, all starts until the next restart.

It is kept in a small file beside the store, which is replaced and synced before anybody is told, so it survives a
crash. A drain is for the time until the daemon is stopped in an orderly way, and ends with that.
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

from luzia_protocol.operating import Queues

from luziad.clocks.format import format_time
from luziad.errors import StorageError
from luziad.jobs.record import JobRecord
from luziad.scheduling.ready.queue import ReadyQueue

log = logging.getLogger("luziad.queues")

QUEUES_NAME = "queues.json"
replace = msgspec.structs.replace


class QueueStops:
    """Knows what is stopped as `now`. `pump` starts what can start; the scheduler sets it.

    notices: what the operator should know. stopped: whether nothing starts at all.
    """

    def __init__(self, state_dir: Path, ready: ReadyQueue, files: ThreadPoolExecutor) -> None:
        self._file = state_dir / QUEUES_NAME
        self._ready = ready
        self._files = files
        self._lock = asyncio.Lock()
        self.pump: Callable[[], None] = lambda: None
        self.notices: list[str] = []
        self.now = self._read()
        self._apply()

    @property
    def stopped(self) -> bool:
        """Whether nothing starts at all."""
        return self.now.draining is not None or self.now.everything is not None

    @property
    def any(self) -> bool:
        """Whether something is stopped."""
        return self.stopped or bool(self.now.projects)

    def why(self, record: JobRecord) -> str | None:
        """Why nothing of the job's kind starts, in words; None when the queue is open for it."""
        now = self.now
        if now.draining is not None:
            return f"the daemon drains since {_clock(now.draining)}; `luzia drain --end` lets jobs start"
        if now.everything is not None:
            return f"everything is paused since {_clock(now.everything)}; `luzia resume --all`"
        since = now.projects.get(record.project)
        if since is None:
            return None
        return f"project {record.project} is paused since {_clock(since)}; `luzia resume --project {record.project}`"

    async def pause(self, project: str | None) -> None:
        """Start nothing of a project, or nothing at all. Raises StorageError; nothing has changed then."""
        async with self._lock:
            now, at = self.now, datetime.now(UTC)
            if project is None:
                await self._change(replace(now, everything=now.everything or at))
            else:
                await self._change(replace(now, projects={project: at} | now.projects))

    async def resume(self, project: str | None) -> None:
        """Start jobs of a project again, or all that are paused. Raises StorageError; nothing has changed then."""
        async with self._lock:
            if project is None:
                await self._change(Queues(draining=self.now.draining))
            else:
                left = {name: since for name, since in self.now.projects.items() if name != project}
                await self._change(replace(self.now, projects=left))

    async def drain(self, *, end: bool) -> None:
        """Start nothing until the next stop, or start jobs again. Raises StorageError; nothing has changed then."""
        async with self._lock:
            await self._change(replace(self.now, draining=None if end else self.now.draining or datetime.now(UTC)))

    def close(self) -> None:
        """The daemon is stopped in an orderly way: it comes back without a drain."""
        if self.now.draining is not None:
            try:
                _write(self._file, replace(self.now, draining=None))
            except OSError as exc:
                log.error("drain_not_ended file=%s error=%s", self._file, exc)

    async def _change(self, new: Queues) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._files, _write, self._file, new)
        except OSError as exc:
            raise StorageError(f"{self._file}: {exc.strerror}") from exc
        self.now = new
        self._apply()
        log.info("queues_changed queues=%s", msgspec.json.encode(new).decode())
        self.pump()

    def _apply(self) -> None:
        self._ready.pause(self.now.projects.keys())

    def _read(self) -> Queues:
        """What the file says. While it makes no sense, nothing starts: somebody may have had a reason."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Queues)
        except FileNotFoundError:
            return Queues()
        except (OSError, msgspec.DecodeError) as exc:
            log.error("queues_not_read file=%s error=%s", self._file, exc)
            self.notices.append(f"{self._file} cannot be read, so everything is paused: `luzia resume --all` ends that")
            return Queues(everything=datetime.now(UTC))


def _clock(moment: datetime) -> str:
    return format_time(moment.timestamp())


def _write(file: Path, queues: Queues) -> None:
    """Replace the file; when this returns it is on disk. Raises OSError."""
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
