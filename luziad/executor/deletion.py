"""Deletes the directories of removed jobs, also those that resist, and tries again later what cannot be deleted.

A directory is renamed first: what is left of it when the daemon ends is found by its name at the next start.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import stat
import subprocess
from collections.abc import Iterable
from concurrent.futures import Executor
from contextlib import suppress

log = logging.getLogger(__name__)

PREFIX = ".removed-"
FIRST_RETRY_S = 60.0
MAX_RETRY_S = 3600.0


class Deletions:
    """pool: where directories are deleted, one after the other; None takes the loop's."""

    def __init__(self, pool: Executor | None) -> None:
        self._pool = pool
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._is_closed = False

    def sweep(self, jobs_dirs: Iterable[str]) -> None:
        """Delete what an earlier daemon has left in the directories of jobs."""
        for jobs_dir in jobs_dirs:
            with suppress(FileNotFoundError):
                for name in os.listdir(jobs_dir):
                    if name.startswith(PREFIX):
                        self.delete(os.path.join(jobs_dir, name.removeprefix(PREFIX)))

    def delete(self, directory: str, retry_s: float = FIRST_RETRY_S) -> asyncio.Future[str | None]:
        """Delete a job's directory; the result is why it could not be deleted yet, None when it is gone.

        retry_s: after how long it is tried again.
        """
        loop = asyncio.get_running_loop()
        result: asyncio.Future[str | None] = loop.create_future()

        def done(deletion: asyncio.Future[None]) -> None:
            error = deletion.exception()
            if error is not None:
                log.error("directory_not_deleted directory=%s retry_s=%.0f error=%s", directory, retry_s, error)
                self._retry(directory, retry_s)
            if not result.done():
                result.set_result(None if error is None else str(error))

        loop.run_in_executor(self._pool, delete_directory, directory).add_done_callback(done)
        return result

    def close(self) -> None:
        """Try nothing again; the next start of the daemon does."""
        self._is_closed = True
        for timer in self._timers.values():
            timer.cancel()

    def _retry(self, directory: str, delay_s: float) -> None:
        if not self._is_closed:
            self._timers[directory] = asyncio.get_running_loop().call_later(delay_s, self._again, directory, delay_s)

    def _again(self, directory: str, delay_s: float) -> None:
        del self._timers[directory]
        self.delete(directory, min(delay_s * 2, MAX_RETRY_S))


def delete_directory(directory: str) -> None:
    """Delete a directory with everything in it, or what a job has put in its place. This blocks. Raises OSError."""
    renamed = os.path.join(os.path.dirname(directory), PREFIX + os.path.basename(directory))
    _delete(renamed)  # what an earlier try has left
    with suppress(FileNotFoundError):
        os.rename(directory, renamed)
        _delete(renamed)


def _delete(path: str) -> None:
    try:
        is_directory = stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if not is_directory:
        os.unlink(path)
        return
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError) as exc:
        log.debug("directory_resists directory=%s error=%s", path, exc)
        _run("chmod", "-R", "u+rwX", path)  # directories without permissions
        if (problem := _run("rm", "-rf", "--", path)) is not None:  # of any depth
            raise OSError(problem) from exc


def _run(*words: str) -> str | None:
    """Run a program; returns the first line of its errors if it fails."""
    null = subprocess.DEVNULL
    done = subprocess.run(words, stdin=null, stdout=null, stderr=subprocess.PIPE, check=False)
    if done.returncode == 0:
        return None
    return done.stderr.decode(errors="replace").partition("\n")[0] or "it cannot be deleted"
