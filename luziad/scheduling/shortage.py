"""What the machine lacks for another attempt, such as disk space: nothing starts while that lasts, and nothing fails.

It shows when an attempt cannot be started. Then the daemon tries now and again what a start needs, with growing delays,
and starts jobs again when that succeeds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor

from luziad.jobs.observer import JobObserver
from luziad.jobs.record import AttemptRecord, JobRecord

log = logging.getLogger("luziad.shortage")

FIRST_DELAY_S = 1.0
MAX_DELAY_S = 60.0


class Shortage(JobObserver):
    """probe: does what a start needs; raises OSError. pool: what it runs in. start_jobs: called when it succeeds.

    problem: what is missing, None when nothing is known to be.
    """

    def __init__(self, probe: Callable[[], None], pool: Executor, start_jobs: Callable[[], None]) -> None:
        self.problem: str | None = None
        self._probe = probe
        self._pool = pool
        self._start_jobs = start_jobs
        self._delay_s = FIRST_DELAY_S
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def reason(self) -> str | None:
        """Why queued jobs wait, as text; None when they need not."""
        return None if self.problem is None else f"no job can be started: {self.problem}; luziad tries again by itself"

    def report(self, problem: str) -> None:
        """An attempt could not be started because of this."""
        if self._is_closed or self.problem is not None:
            return
        log.warning("jobs_cannot_start problem=%r retry_s=%.0f", problem, self._delay_s)
        self.problem = problem
        self._set_timer()

    def attempt_started(self, record: JobRecord, attempt: AttemptRecord, ran_s: float) -> None:
        """Nothing is missing: begin with the shortest delay the next time."""
        if self.problem is None:
            self._delay_s = FIRST_DELAY_S

    def close(self) -> None:
        """Try nothing any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._delay_s, self._try)
        self._delay_s = min(self._delay_s * 2, MAX_DELAY_S)

    def _try(self) -> None:
        self._timer = None
        asyncio.get_running_loop().run_in_executor(self._pool, self._probe).add_done_callback(self._tried)

    def _tried(self, future: asyncio.Future[None]) -> None:
        error = future.exception()
        if self._is_closed:
            return
        if error is not None:
            self.problem = str(error)
            self._set_timer()
            return
        log.info("jobs_can_start")
        self.problem = None
        self._start_jobs()
