"""Reads the versions of agents by running their programs with `--version`, which also shows whether they start.

Some programs take seconds for that, so they run on separate threads, with a time limit, and only when a list of agents
needs their versions. A version is cached until the program's file changes.
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

TIMEOUT_S = 20.0
"""How long a program may take to print its version."""

FAILURE_CACHE_S = 60.0
"""A program that did not start is run again after this time: the cause may be gone."""

_OUTPUT_BYTES = 8192
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-+][0-9A-Za-z.-]+)?")


class AgentVersion(NamedTuple):
    """version: as the program prints it. problem: why the program does not start; empty when it does."""

    version: str | None
    problem: str


UNKNOWN_VERSION = AgentVersion(None, "")


class _CachedVersion(NamedTuple):
    """stamp: of the program's file when it ran. at: when it ran, on the monotonic clock."""

    stamp: tuple[int, int]
    at: float
    result: AgentVersion


class VersionProbe:
    """Reads versions, each file's once. env: the environment of the programs."""

    def __init__(self, env: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> None:
        self._env = dict(env)
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(2, "versions")
        self._cache: dict[str, _CachedVersion] = {}
        self._futures: dict[str, Future[_CachedVersion]] = {}
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    async def get(self, programs: Iterable[str], wait_s: float) -> dict[str, AgentVersion]:
        """The versions by path, without those that are not read after `wait_s` seconds.

        Their programs keep running, and the next caller gets their versions.
        """
        paths = list(programs)
        waiting = [asyncio.wrap_future(self._probe(path)) for path in paths if not self._is_cached(path)]
        if waiting:
            await asyncio.wait(waiting, timeout=wait_s)
        return {path: self._cache[path].result for path in paths if path in self._cache}

    def close(self) -> None:
        """Run no more programs, and end the running ones."""
        self._closed = True
        for process in list(self._running):
            _end(process)
        self._threads.shutdown(cancel_futures=True)

    def _is_cached(self, path: str) -> bool:
        cached = self._cache.get(path)
        if cached is None:
            return False
        is_fresh = not cached.result.problem or time.monotonic() - cached.at < FAILURE_CACHE_S
        if cached.stamp == _stamp(path) and is_fresh:
            return True
        del self._cache[path]
        return False

    def _probe(self, path: str) -> Future[_CachedVersion]:
        future = self._futures.get(path)
        if future is None or future.done():
            future = self._futures[path] = self._threads.submit(self._read, path)
        return future

    def _read(self, path: str) -> _CachedVersion:
        cached = self._cache[path] = _CachedVersion(_stamp(path), time.monotonic(), self._run(path))
        return cached

    def _run(self, path: str) -> AgentVersion:
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
            return AgentVersion(None, f"cannot execute it: {exc.strerror}")
        self._running.add(process)
        late = threading.Timer(0.0 if self._closed else self._timeout_s, _end, [process])
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
        return self._parse(output.decode(errors="replace"), code)

    def _parse(self, output: str, code: int) -> AgentVersion:
        version = _VERSION.search(output)
        if code == 0:
            return AgentVersion(version[0][:40] if version else None, "")
        if code == -signal.SIGKILL:
            return AgentVersion(None, f"--version did not finish within {self._timeout_s:g} s")
        ended = f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"
        line = next((" ".join(each.split()) for each in reversed(output.splitlines()) if each.strip()), "")
        return AgentVersion(None, f"{ended}: {line[:300]}" if line else ended)


def _stamp(path: str) -> tuple[int, int]:
    """A value that changes with the file; zeros when it does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program with what it started: it leads its own process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
