"""Which version of an agent is installed, and whether it starts at all: its program is asked with `--version`.

That takes some programs seconds, so it is done on threads of its own, within limits, and remembered until the
program's file changes. Nothing is asked before somebody wants to know.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

LIMIT_S = 20.0
"""How long a program may take to tell its version."""

FAILURE_REMEMBERED_S = 60.0
"""A program that did not start is asked again after this time: what it lacked may be there then."""

_OUTPUT_BYTES = 8192
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-+][0-9A-Za-z.-]+)?")


class Told(NamedTuple):
    """version: what the program says it is. problem: why it cannot start, in words; empty when it can."""

    version: str | None
    problem: str


class _Known(NamedTuple):
    """An answer. stamp: of the program's file when it was asked. at: when, on the monotonic clock."""

    stamp: tuple[int, int]
    at: float
    told: Told


class Versions:
    """Asks programs, each file once. env: the variables that they get."""

    def __init__(self, env: Mapping[str, str], limit_s: float = LIMIT_S) -> None:
        self._env = dict(env)
        self._limit_s = limit_s
        self._threads = ThreadPoolExecutor(2, "versions")
        self._known: dict[str, _Known] = {}
        self._asked: dict[str, Future[_Known]] = {}
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    async def of(self, programs: Iterable[str], wait_s: float) -> dict[str, Told]:
        """What programs say, by path; those are missing whose answer is not there within so many seconds.

        These are asked on, and the next caller gets their answer.
        """
        paths = list(programs)
        waiting = [asyncio.wrap_future(self._ask(path)) for path in paths if not self._is_known(path)]
        if waiting:
            await asyncio.wait(waiting, timeout=wait_s)
        return {path: self._known[path].told for path in paths if path in self._known}

    def close(self) -> None:
        """Ask no more, and end what is being asked."""
        self._closed = True
        for process in list(self._running):
            _end(process)
        self._threads.shutdown(cancel_futures=True)

    def _is_known(self, path: str) -> bool:
        known = self._known.get(path)
        if known is None:
            return False
        fresh = not known.told.problem or time.monotonic() - known.at < FAILURE_REMEMBERED_S
        if known.stamp == _stamp(path) and fresh:
            return True
        del self._known[path]
        return False

    def _ask(self, path: str) -> Future[_Known]:
        asked = self._asked.get(path)
        if asked is None or asked.done():
            asked = self._asked[path] = self._threads.submit(self._answer, path)
        return asked

    def _answer(self, path: str) -> _Known:
        known = self._known[path] = _Known(_stamp(path), time.monotonic(), self._run(path))
        return known

    def _run(self, path: str) -> Told:
        try:
            process = subprocess.Popen(
                [path, "--version"],
                env=self._env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as exc:
            return Told(None, f"it cannot be executed: {exc.strerror}")
        self._running.add(process)
        late = threading.Timer(0.0 if self._closed else self._limit_s, _end, [process])
        late.start()
        try:
            assert process.stdout is not None
            output = process.stdout.read(_OUTPUT_BYTES)
            process.stdout.close()
            code = process.wait()
        finally:
            late.cancel()
            _end(process)
            self._running.discard(process)
        return self._understood(output.decode(errors="replace"), code)

    def _understood(self, output: str, code: int) -> Told:
        version = _VERSION.search(output)
        if code == 0:
            return Told(version[0][:40] if version else None, "")
        if code == -signal.SIGKILL:
            return Told(None, f"it was asked for its version, and did not answer within {self._limit_s:g} s")
        ended = f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"
        words = next((" ".join(line.split()) for line in reversed(output.splitlines()) if line.strip()), "")
        return Told(None, f"{ended}: {words[:300]}" if words else ended)


def _stamp(path: str) -> tuple[int, int]:
    """What changes when the file does; nothing when it is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started; it is the leader of a group of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
