"""Jobs that wait for their sub-jobs lend their slots, so that these can start.

A job waits while one of its processes waits. It reclaims its slots when the last of its waits is over, before other
jobs can start on what has become free. The answer to the wait is kept until the job has its slots, so that no more
jobs are running than the limits allow. When a waiting process is killed, its job continues and gets its slots back at
once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from luziad.jobs.observer import JobObserver
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.table import JobTable
from luziad.jobs.view import task_text
from luziad.scheduling.ready import explain
from luziad.scheduling.ready.queue import ReadyQueue

_SHOWN = 3
_MAX_NAME_CHARS = 24

Answer = Callable[[], None]


class Wait:
    """One wait of a process of a job. live: the jobs that it waits for and that have not ended."""

    __slots__ = ("_lending", "job", "live")

    def __init__(self, lending: SlotLending, job: str, live: Iterable[str]) -> None:
        self._lending = lending
        self.job = job
        self.live = dict.fromkeys(live)

    def end(self, answer: Answer) -> None:
        """The wait is over; `answer` is called when the job may continue."""
        self._lending.end(self, answer)

    def drop(self) -> None:
        """The waiting process is gone."""
        self._lending.drop(self)


class _Waiter(msgspec.Struct, eq=False):
    """A waiting job. waits: the waits that are not over. answers: of those that are, until the job has its slots."""

    waits: dict[Wait, None] = {}
    answers: dict[Wait, Answer] = {}

    @property
    def is_blocked(self) -> bool:
        """Whether a job that it waits for has not ended."""
        return any(wait.live for wait in self.waits)


class SlotLending(JobObserver):
    """The jobs that wait for jobs below them. `start_jobs` is called when slots have been lent."""

    def __init__(self, ready: ReadyQueue, table: JobTable, start_jobs: Callable[[], None]) -> None:
        self._ready = ready
        self._table = table
        self._start_jobs = start_jobs
        self._waiters: dict[str, _Waiter] = {}
        self._awaited: dict[str, list[Wait]] = {}

    def begin(self, job: str, live: Iterable[str]) -> Wait:
        """A process of the job starts to wait for others, of which at least one is below it."""
        wait = Wait(self, job, live)
        waiter = self._waiters.setdefault(job, _Waiter())
        waiter.waits[wait] = None
        for each in wait.live:
            self._awaited.setdefault(each, []).append(wait)
        if job in self._ready.held and (wait.live or self._ready.exceeds(job)):
            self._ready.lend(job)
        elif job in self._ready.reclaiming and wait.live:
            self._ready.cancel_reclaim(job)
            self._answer(job)
        self._start_jobs()
        return wait

    def job_ended(self, record: JobRecord) -> None:
        """Reclaim the slots of the jobs that have waited for nothing else."""
        for wait in self._awaited.pop(record.id, ()):
            del wait.live[record.id]
            self._reclaim(wait.job)

    def end(self, wait: Wait, answer: Answer) -> None:
        """A wait is over, because all of its jobs have ended or its timeout has passed."""
        waiter = self._remove(wait)
        if waiter is None:
            answer()
            return
        waiter.answers[wait] = answer
        if wait.job not in self._ready.lent:
            self._answer(wait.job)
            return
        if waiter.is_blocked:
            self._answer(wait.job)  # another process still waits, so that the job continues without its slots
        else:
            self._reclaim(wait.job)

    def drop(self, wait: Wait) -> None:
        """The waiting process is gone: if it was the last one, its job continues."""
        waiter = self._remove(wait)
        if waiter is None:
            return
        waiter.answers.pop(wait, None)
        if waiter.waits or waiter.answers:
            self._reclaim(wait.job)
            return
        del self._waiters[wait.job]
        if wait.job in self._ready.lent:
            self._ready.take_back(wait.job)

    def attempt_ended(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Answer all waits: no process is left to wait."""
        if record.id in self._waiters:
            self._answer(record.id)
            self._waiters.pop(record.id, None)

    def serve(self) -> None:
        """Give the free slots to the jobs that reclaim theirs."""
        if self._ready.reclaiming:
            for job in self._ready.take_back_free():
                self._answer(job)

    def has_lent(self, record: JobRecord) -> bool:
        """Whether the job has lent its slots."""
        return record.id in self._ready.lent

    def reason(self, job: str) -> str | None:
        """What a running job waits for, as text; None when it does not wait for jobs below it."""
        if job not in self._ready.lent:
            return None
        if job in self._ready.reclaiming:
            return explain.why_not_back(self._ready, job)
        live = [*dict.fromkeys(each for wait in self._waiters[job].waits for each in wait.live)]
        if not live:
            return "waiting to get its slot back"  # the wait was over when it began
        more = f" and {len(live) - _SHOWN} more" if len(live) > _SHOWN else ""
        return f"waits for {', '.join(map(self._name, live[:_SHOWN]))}{more}"

    def _name(self, job: str) -> str:
        """`build (113754-a2f5)`: the job's name in its graph, or the beginning of its task, and its id."""
        record = self._table.get(job)
        if record is None:
            return job
        origin = record.spec.origin
        words = " ".join(task_text(record)[: 2 * _MAX_NAME_CHARS].split())
        short = words if len(words) <= _MAX_NAME_CHARS else words[: _MAX_NAME_CHARS - 1] + "…"
        return f"{(origin and origin.node) or short} ({job})"

    def _reclaim(self, job: str) -> None:
        """Reclaim the job's slots, unless it still waits for another job."""
        if job in self._ready.lent and job not in self._ready.reclaiming and not self._waiters[job].is_blocked:
            self._ready.reclaim(job)
            self.serve()

    def _answer(self, job: str) -> None:
        """Send all answers that are kept for the job's processes."""
        waiter = self._waiters[job]
        answers, waiter.answers = waiter.answers, {}
        for answer in answers.values():
            answer()
        if not waiter.waits:
            del self._waiters[job]

    def _remove(self, wait: Wait) -> _Waiter | None:
        """Remove the wait from its waiter; returns None when the attempt has ended since."""
        for job in wait.live:
            waits = self._awaited[job]
            waits.remove(wait)
            if not waits:
                del self._awaited[job]
        wait.live = {}
        waiter = self._waiters.get(wait.job)
        if waiter is None or (wait not in waiter.waits and wait not in waiter.answers):
            return None
        waiter.waits.pop(wait, None)
        return waiter
