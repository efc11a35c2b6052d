"""Pools whose threads all run from the start: no work fails later because a limit of processes has been reached."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from luziad.errors import StartupError


def start_pool(threads: int, name: str) -> ThreadPoolExecutor:
    """A pool with this number of running threads. Raises StartupError when they cannot be started."""
    pool = ThreadPoolExecutor(threads, name)
    together = threading.Barrier(threads)
    try:
        for _ in range(threads):
            pool.submit(together.wait)
    except RuntimeError as exc:
        together.abort()
        pool.shutdown()
        message = f"threads cannot be started ({exc}): raise the limit, `ulimit -u` or TasksMax= of the service"
        raise StartupError(message) from exc
    return pool
