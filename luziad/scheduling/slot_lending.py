"""Jobs that wait for their sub-jobs lend their slots, so that these can run; the answer comes when they have them back.

A job waits as long as one of its processes does. It asks for its slots as soon as the last of its waits is over, before
anything else can start on what has become free, and the answer is kept until it has them: so no more runs than the
limits allow. When a process that waits is killed, its job runs on unasked, and has its slots back at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from luziad.jobs.record import JobRecord
from luziad.scheduling.ready import explain
from luziad.scheduling.ready.queue import ReadyQueue

_TOLD = 3

Answer = Callable[[], None]


class Wait:
    """One wait of a process of a job's. live: what it waits for and has not ended."""

    __slots__ = ("_yielding", "job", "live")

    def __init__(self, yielding: Yielding, job: str, live: Iterable[str]) -> None:
        self._yielding = yielding
        self.job = job
        self.live = dict.fromkeys(live)

    def end(self, answer: Answer) -> None:
        """It is over; `answer` is called when the job may run on."""
        self._yielding.end(self, answer)

    def drop(self) -> None:
        """Nobody waits for its answer any more."""
        self._yielding.drop(self)


class _Waiter:
    """A job that waits. waits: those that nobody has ended. answers: those that have, until the job has its slots."""

    __slots__ = ("answers", "waits")

    def __init__(self) -> None:
        self.waits: dict[Wait, None] = {}
        self.answers: dict[Wait, Answer] = {}

    @property
    def is_blocked(self) -> bool:
        """Whether it still waits for a job."""
        return any(wait.live for wait in self.waits)


class Yielding:
    """Knows which jobs wait for jobs below them. `pump` starts what can start."""

    def __init__(self, ready: ReadyQueue, pump: Callable[[], None]) -> None:
        self._ready = ready
        self._pump = pump
        self._waiters: dict[str, _Waiter] = {}
        self._awaited: dict[str, list[Wait]] = {}

    def begin(self, job: str, live: Iterable[str]) -> Wait:
        """A process of the job waits for others from now on, and at least one of them is below it."""
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
        self._pump()
        return wait

    def ended(self, record: JobRecord) -> None:
        """A job is final: those that have waited for nothing else ask for their slots."""
        for wait in self._awaited.pop(record.id, ()):
            del wait.live[record.id]
            self._ask(wait.job)

    def end(self, wait: Wait, answer: Answer) -> None:
        """A wait is over, because all that it waits for has ended, or its time has passed."""
        waiter = self._taken(wait)
        if waiter is None:
            answer()
            return
        waiter.answers[wait] = answer
        if wait.job not in self._ready.lent:
            self._answer(wait.job)
            return
        if waiter.is_blocked:
            self._answer(wait.job)  # another process of its waits on, so that it runs on without its slots
        else:
            self._ask(wait.job)

    def drop(self, wait: Wait) -> None:
        """The process that waits is gone: if it was the last one, its job runs on."""
        waiter = self._taken(wait)
        if waiter is None:
            return
        waiter.answers.pop(wait, None)
        if waiter.waits or waiter.answers:
            self._ask(wait.job)
            return
        del self._waiters[wait.job]
        if wait.job in self._ready.lent:
            self._ready.take_back(wait.job)

    def over(self, job: str) -> None:
        """The job's attempt has ended: nobody is left to wait."""
        if job in self._waiters:
            self._answer(job)
            self._waiters.pop(job, None)

    def serve(self) -> None:
        """Give their slots back to those that ask for them, as far as there are any free."""
        if self._ready.reclaiming:
            for job in self._ready.take_back_free():
                self._answer(job)

    def lends(self, record: JobRecord) -> bool:
        """Whether the job has lent its slots."""
        return record.id in self._ready.lent

    def why(self, job: str) -> str | None:
        """What a running job waits for, in words; None when it does not wait for jobs below it."""
        if job not in self._ready.lent:
            return None
        if job in self._ready.reclaiming:
            return explain.why_not_back(self._ready, job)
        live = [*dict.fromkeys(each for wait in self._waiters[job].waits for each in wait.live)]
        more = f" and {len(live) - _TOLD} more" if len(live) > _TOLD else ""
        return f"waits for {', '.join(live[:_TOLD])}{more}"

    def _ask(self, job: str) -> None:
        """Let the job have its slots again if it waits for no other one."""
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

    def _taken(self, wait: Wait) -> _Waiter | None:
        """Who waits, with the wait taken out of its waits; None when its attempt has ended since."""
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
