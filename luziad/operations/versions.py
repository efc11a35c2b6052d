"""Reads the versions of agents by running their programs with `--version`, which also shows whether they start.

Some programs take seconds for that, so they run on separate threads, with a time limit, and only when a list of agents
needs their versions. A version is cached until the program's file or its environment changes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import NamedTuple

from luziad.operations.threads import start_pool
from luziad.supervise.process_output import await_end, read_output

log = logging.getLogger("luziad.versions")

TIMEOUT_S = 20.0
"""How long a program may take to print its version."""

FAILURE_CACHE_S = 60.0
"""A program that did not start is run again after this time: the cause may be gone."""

_OUTPUT_BYTES = 8192
_MAX_CACHED = 100
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-+][0-9A-Za-z.-]+)?")


class AgentVersion(NamedTuple):
    """version: as the program prints it. problem: why the program does not start; empty when it does."""

    version: str | None
    problem: str


UNKNOWN_VERSION = AgentVersion(None, "")


class Program(NamedTuple):
    """A program by its path, with the environment in which it is run."""

    path: str
    env: Mapping[str, str]

    @property
    def key(self) -> _Key:
        """What its version depends on."""
        return self.path, frozenset(self.env.items())


_Key = tuple[str, frozenset[tuple[str, str]]]


class _CachedVersion(NamedTuple):
    """stamp: of the program's file when it ran. at: when it ran, on the monotonic clock."""

    stamp: tuple[int, int]
    at: float
    result: AgentVersion


class VersionProbe:
    """Reads versions, each program's once."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._threads = start_pool(2, "versions")
        self._cache: dict[_Key, _CachedVersion] = {}
        self._futures: dict[_Key, Future[_CachedVersion]] = {}
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    async def get(self, programs: Mapping[str, Program], wait_s: float) -> dict[str, AgentVersion]:
        """The versions by the names of the programs, without those that are not read after `wait_s` seconds.

        Their programs keep running, and the next caller gets their versions.
        """
        waiting = [asyncio.wrap_future(self._probe(each)) for each in programs.values() if not self._is_cached(each)]
        if waiting:
            await asyncio.wait(waiting, timeout=wait_s)
        return {name: self._cache[each.key].result for name, each in programs.items() if each.key in self._cache}

    def close(self) -> None:
        """Run no more programs, and end the running ones."""
        self._closed = True
        for process in list(self._running):
            _end(process)
        self._threads.shutdown(cancel_futures=True)

    def _is_cached(self, program: Program) -> bool:
        cached = self._cache.get(program.key)
        if cached is None:
            return False
        is_fresh = not cached.result.problem or time.monotonic() - cached.at < FAILURE_CACHE_S
        if cached.stamp == _stamp(program.path) and is_fresh:
            return True
        del self._cache[program.key]
        return False

    def _probe(self, program: Program) -> Future[_CachedVersion]:
        future = self._futures.get(program.key)
        if future is None:
            future = self._futures[program.key] = self._threads.submit(self._run, program)
            asyncio.wrap_future(future).add_done_callback(lambda done: self._keep(program.key, done))
        return future

    def _keep(self, key: _Key, done: asyncio.Future[_CachedVersion]) -> None:
        del self._futures[key]
        if done.cancelled():
            return
        while len(self._cache) >= _MAX_CACHED:
            del self._cache[next(iter(self._cache))]
        self._cache[key] = done.result()

    def _run(self, program: Program) -> _CachedVersion:
        return _CachedVersion(_stamp(program.path), time.monotonic(), self._execute(program))

    def _execute(self, program: Program) -> AgentVersion:
        try:
            process = subprocess.Popen(
                [program.path, "--version"],
                env=program.env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as exc:
            return AgentVersion(None, f"cannot execute it: {exc.strerror}")
        self._running.add(process)
        deadline_s = time.monotonic() + (0.0 if self._closed else self._timeout_s)
        output = b""
        with process:
            assert process.stdout is not None
            try:
                output = read_output(process, _OUTPUT_BYTES, deadline_s)
                process.stdout.close()
                await_end(process, deadline_s)
            except TimeoutError:
                log.info("version_not_read program=%s", program.path)
            except OSError as exc:
                return AgentVersion(None, f"its version cannot be read: {exc.strerror}")
            finally:
                _end(process)
                self._running.discard(process)
        return self._parse(output.decode(errors="replace"), process.returncode)

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
