"""Reads the output of running agents as it grows: on writes, a bounded piece at a time, off the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple, Protocol, TypeVar

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Progress

from luziad.attempts.cpu_usage import BUSY, cpu_s
from luziad.attempts.output_reader import OutputReader
from luziad.jobs.activity import has_news
from luziad.jobs.attempt import AttemptRef
from luziad.output.inotify import FileWatcher

log = logging.getLogger("luziad.live")

T = TypeVar("T")

READ_GAP_S = 0.3
"""The time between two reads of an attempt's output: faster writes are read and reported together."""

ACTIVITY_GAP_S = 10.0
"""By how much the reported time of the last activity may be late while nothing else changes."""


class OutputListener(Protocol):
    """Takes in what the output tells, on the event loop; OutputReports."""

    def output_understood(self, ref: AttemptRef, activity: Activity, progress: Progress | None) -> None:
        """The output tells something new."""

    def agent_finished(self, ref: AttemptRef) -> None:
        """The agent has told its final result; called repeatedly while it does not exit."""

    def agent_lingers(self, ref: AttemptRef) -> None:
        """The agent has not exited for longer than its patience lasts after its final result."""


class Patience(NamedTuple):
    """How long an agent, the process `pid`, may idle after its final result."""

    pid: int | None
    linger_s: float


class _Live:
    """An attempt whose output is being read.

    reported: the last report. caught_up: whether everything is known again that was known before a restart.
    """

    __slots__ = ("caught_up", "patience", "reader", "reported", "task")

    def __init__(self, reader: OutputReader, known: Activity | None, patience: Patience) -> None:
        self.reader = reader
        self.patience = patience
        self.reported = known
        self.caught_up = known is None
        self.task: asyncio.Task[None] | None = None


class LiveOutput:
    """The readers of all running attempts. thread: the thread on which they read."""

    def __init__(self, watcher: FileWatcher, thread: ThreadPoolExecutor, listener: OutputListener) -> None:
        self._watcher = watcher
        self._thread = thread
        self._listener = listener
        self._live: dict[AttemptRef, _Live] = {}

    def __contains__(self, ref: object) -> bool:
        return ref in self._live

    def has_finished(self, ref: AttemptRef) -> bool:
        """Whether the attempt's agent has told its final result, and is about to exit."""
        live = self._live.get(ref)
        return live is not None and live.reader.finished

    def start(self, ref: AttemptRef, reader: OutputReader, known: Activity | None, patience: Patience) -> None:
        """Read the attempt's output from its beginning, and then as it grows. known: from before a restart."""
        live = self._live[ref] = _Live(reader, known, patience)
        live.task = asyncio.get_running_loop().create_task(self._follow(ref, live))

    async def stop(self, ref: AttemptRef) -> OutputReader | None:
        """Stop reading the attempt's output; returns its reader, to be read to the end by the caller."""
        live = self._live.pop(ref, None)
        if live is None:
            return None
        await self._cancel(live)
        return live.reader

    def drop(self, ref: AttemptRef) -> None:
        """Stop reading the attempt's output, and drop its reader."""
        live = self._live.pop(ref, None)
        if live is not None and live.task is not None:
            live.task.cancel()

    async def close(self) -> None:
        """Stop reading."""
        while self._live:
            await self._cancel(self._live.popitem()[1])

    async def in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a blocking function on the thread of all readers, one at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def _cancel(self, live: _Live) -> None:
        assert live.task is not None
        live.task.cancel()
        await asyncio.wait([live.task])

    async def _follow(self, ref: AttemptRef, live: _Live) -> None:
        """Read until cancelled. After an error the verdict reads from the beginning, and reports it."""
        grown = asyncio.Event()
        loop = asyncio.get_running_loop()
        try:
            while True:
                grown.clear()
                with ExitStack() as watches:  # between two reads, writes do not wake the daemon
                    for path in live.reader.paths:
                        watches.callback(self._watcher.watch(path, grown.set))
                    read_at = loop.time()
                    await self._read(ref, live)
                    await self._wait(ref, live, grown)
                await asyncio.sleep(read_at + READ_GAP_S - loop.time())
        except OSError as exc:
            log.warning("output_not_followed job=%s attempt=%d error=%s", *ref, exc)
            self._live.pop(ref, None)
        except Exception:
            log.exception("output_not_understood job=%s attempt=%d", *ref)
            self._live.pop(ref, None)

    async def _read(self, ref: AttemptRef, live: _Live) -> None:
        loop = asyncio.get_running_loop()
        reported_at = loop.time()
        while await self.in_thread(live.reader.read_on):
            if live.caught_up and loop.time() - reported_at > READ_GAP_S:
                await self._report(ref, live)
                reported_at = loop.time()
        live.caught_up = True
        await self._report(ref, live)

    async def _report(self, ref: AttemptRef, live: _Live) -> None:
        """Report what is understood, when it is new."""
        activity, progress = await self.in_thread(live.reader.understood)
        if activity.last_sign_at is not None and has_news(activity, live.reported, ACTIVITY_GAP_S):
            live.reported = activity
            self._listener.output_understood(ref, activity, progress)

    async def _wait(self, ref: AttemptRef, live: _Live, grown: asyncio.Event) -> None:
        """Wait for growth; an agent that has told its result has some time to exit, and more while it is busy."""
        pid, linger_s = live.patience
        patient = live.reader.finished
        while patient and not grown.is_set():
            before_s = await self.in_thread(cpu_s, pid)
            self._listener.agent_finished(ref)
            try:
                async with asyncio.timeout(linger_s):
                    await grown.wait()
            except TimeoutError:
                patient = await self.in_thread(cpu_s, pid) - before_s > BUSY * linger_s
                if not patient:
                    self._listener.agent_lingers(ref)
        await grown.wait()
