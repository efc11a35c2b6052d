"""Runs git, but not forever: a job can put a FIFO in place of a file of its repository, and git would wait for it.

Nor without a limit of its memory: a small commit can have more files than any machine has memory for.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from luzia_client.trees import WorktreeError

STALL_S = 20.0
"""Git is terminated when it and its filters have used no CPU time, and read and written nothing, for this time."""
MAX_DATA_BYTES = 4 * 1024**3
"""The memory of git, without the files that it maps."""


def run_command(
    argv: Sequence[str],
    directory: str,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    *,
    waits: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """The exit code and all output of a command of git. Raises WorktreeError when it stalls, and OSError.

    waits: it waits for another machine, such as a push, and may do so for as long as that takes.
    """
    pipe = subprocess.PIPE
    with start(argv, directory, env, stdin=pipe, stderr=pipe, waits=waits) as process:
        out, err = process.communicate(stdin)
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


@contextlib.contextmanager
def start(
    argv: Sequence[str],
    directory: str,
    env: Mapping[str, str] | None,
    *,
    stdin: int,
    stderr: int,
    waits: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """A command of git whose output can be read in the block, which ends it if it stalls, unless it `waits`.

    Raises WorktreeError at the end of the block if it has stalled, and OSError when it cannot be run.
    """
    with subprocess.Popen(argv, cwd=directory, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr) as process:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            _, hard = resource.prlimit(process.pid, resource.RLIMIT_DATA)
            soft = MAX_DATA_BYTES if hard == resource.RLIM_INFINITY else min(hard, MAX_DATA_BYTES)
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (soft, hard))
        watch = _Watch(process.pid)
        if not waits:
            watch.start()
        try:
            yield process
            process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            watch.ended.set()
    if watch.has_stalled:
        raise WorktreeError(
            f"git made no progress for {STALL_S:g} s in {directory}",
            "The repository contains a path that is not a regular file, such as a FIFO, or a filter hangs.",
        )


class _Watch(threading.Thread):
    """Ends a process and those below it when they do nothing."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.ended = threading.Event()
        self.has_stalled = False

    def run(self) -> None:
        seen: dict[int, str] = {}
        while not self.ended.wait(STALL_S):
            before, seen = seen, _look(self._pid)
            if seen and seen == before:
                self.has_stalled = True
                for pid in seen:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return


def _look(pid: int) -> dict[int, str]:
    """What a process and those below it have done so far: their CPU time, and what they have read and written."""
    try:
        waits = time.monotonic() if _read(pid, "stat").rpartition(")")[2].split()[0] == "D" else 0  # for a disk
        done = f"{waits} {_read(pid, 'schedstat')} {_read(pid, 'io')}"
        below = [
            child for task in os.listdir(f"/proc/{pid}/task") for child in _read(pid, f"task/{task}/children").split()
        ]
    except OSError:  # it has ended
        return {}
    found = {pid: done}
    for child in below:
        found |= _look(int(child))
    return found


def _read(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
        return file.read()
