"""Reads the output of running agents as it grows: woken by writes, a bounded piece at a time, off the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Progress

from luziad.attempts.cpu_usage import BUSY, cpu_s
from luziad.attempts.reading import Reading
from luziad.jobs.activity import has_news
from luziad.jobs.attempt import AttemptRef
from luziad.output.inotify import FileWatcher

log = logging.getLogger("luziad.live")

T = TypeVar("T")

READ_GAP_S = 0.3
"""Between two looks at an attempt's output: what comes faster is read, and told, together."""

SIGN_GAP_S = 10.0
"""How much older a last sign of life may be told than it is, while nothing else changes."""

Told = Callable[[AttemptRef, Activity, Progress | None], None]
Lingering = Callable[[AttemptRef], None]


class Patience(NamedTuple):
    """How long an agent, the process `pid`, may go on after its final result without a word and without work."""

    pid: int | None
    linger_s: float


class _Live:
    """An attempt whose output is being read.

    told: what was pushed last. caught_up: all that was known before a restart is known again.
    """

    __slots__ = ("caught_up", "patience", "reading", "task", "told")

    def __init__(self, reading: Reading, known: Activity | None, patience: Patience) -> None:
        self.reading = reading
        self.patience = patience
        self.told = known
        self.caught_up = known is None
        self.task: asyncio.Task[None] | None = None


class LiveReaders:
    """The readings of all running attempts.

    thread: on which all of them are done. told: hears on the event loop what changed in the understanding.
    lingering: hears of an agent that goes on after its final result for longer than patience lasts.
    finished: hears of an agent that has told its final result, perhaps more than once.
    lingering: hears of one that goes on some time after that and the last growth of its output.
    """

    def __init__(self, watcher: FileWatcher, thread: ThreadPoolExecutor) -> None:
        self._watcher = watcher
        self._thread = thread
        self._live: dict[AttemptRef, _Live] = {}
        self.told: Told = _nobody
        self.lingering: Lingering = _nobody
        self.finished: Lingering = _nobody

    def __contains__(self, ref: object) -> bool:
        return ref in self._live

    def has_finished(self, ref: AttemptRef) -> bool:
        """True when the attempt's agent has told its final result, and is about to end."""
        live = self._live.get(ref)
        return live is not None and live.reading.finished

    def begin(self, ref: AttemptRef, reading: Reading, known: Activity | None, patience: Patience) -> None:
        """Read the attempt's output from its beginning, and then as it grows. known: what was understood before."""
        live = self._live[ref] = _Live(reading, known, patience)
        live.task = asyncio.get_running_loop().create_task(self._follow(ref, live))

    async def end(self, ref: AttemptRef) -> Reading | None:
        """Follow the attempt no longer; returns what was read of it, to be read on by the caller."""
        live = self._live.pop(ref, None)
        if live is None:
            return None
        await self._cancel(live)
        return live.reading

    def drop(self, ref: AttemptRef) -> None:
        """Follow the attempt no longer; nobody wants to know what was read of it."""
        live = self._live.pop(ref, None)
        if live is not None and live.task is not None:
            live.task.cancel()

    async def close(self) -> None:
        """Follow nothing any more."""
        while self._live:
            await self._cancel(self._live.popitem()[1])

    async def in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """Run what blocks where all readings are done, one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def _cancel(self, live: _Live) -> None:
        assert live.task is not None
        live.task.cancel()
        await asyncio.wait([live.task])

    async def _follow(self, ref: AttemptRef, live: _Live) -> None:
        """Read until cancelled. What goes wrong is told with the verdict, which reads from the beginning then."""
        grown = asyncio.Event()
        loop = asyncio.get_running_loop()
        try:
            while True:
                grown.clear()
                unwatch = self._watcher.watch(live.reading.path, grown.set)
                try:
                    read_at = loop.time()
                    await self._read(ref, live)
                    await self._wait(ref, live, grown)
                finally:
                    unwatch()  # while nobody wants to know, writes wake nobody
                await asyncio.sleep(read_at + READ_GAP_S - loop.time())
        except OSError as exc:
            log.warning("output_not_followed job=%s attempt=%d error=%s", *ref, exc)
            self._live.pop(ref, None)
        except Exception:
            log.exception("output_not_understood job=%s attempt=%d", *ref)
            self._live.pop(ref, None)

    async def _read(self, ref: AttemptRef, live: _Live) -> None:
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        while await self.in_thread(live.reading.read_on):
            if live.caught_up and loop.time() - told_at > READ_GAP_S:
                await self._tell(ref, live)
                told_at = loop.time()
        live.caught_up = True
        await self._tell(ref, live)

    async def _tell(self, ref: AttemptRef, live: _Live) -> None:
        """Push what is understood, when it is news."""
        activity, progress = await self.in_thread(live.reading.understood)
        if activity.last_sign_at is not None and has_news(activity, live.told, SIGN_GAP_S):
            live.told = activity
            self.told(ref, activity, progress)

    async def _wait(self, ref: AttemptRef, live: _Live, grown: asyncio.Event) -> None:
        """Wait for growth; an agent that has told its result is given some time to end, and more while it works."""
        pid, linger_s = live.patience
        patient = live.reading.finished
        while patient and not grown.is_set():
            before_s = await self.in_thread(cpu_s, pid)
            self.finished(ref)
            try:
                async with asyncio.timeout(linger_s):
                    await grown.wait()
            except TimeoutError:
                patient = await self.in_thread(cpu_s, pid) - before_s > BUSY * linger_s
                if not patient:
                    self.lingering(ref)
        await grown.wait()


def _nobody(*_: object) -> None:
    """Nobody wants to hear of it."""
