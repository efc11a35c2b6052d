"""Sub-jobs: the jobs that were dispatched from inside another one, and end with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from luzia_protocol.jobs import JobState, Outcome

from luziad.jobs.attempt import Verdict
from luziad.jobs.family import ENDS_SUB_JOBS
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import JobRecord
from luziad.jobs.table import JobTable
from luziad.scheduling.gates.ended_family import EndedFamilyGate
from luziad.scheduling.stopping import is_live

AT_ONCE = 100
"""Queued sub-jobs that are cancelled together with the job; further ones are cancelled in turns."""


class SubJobs(JobObserver):
    """Cancels the sub-jobs of a job.

    end: ends one live job, queued or not. gate: keeps queued ones from starting until they are cancelled.
    in_turns: does work in turns.
    """

    def __init__(
        self,
        table: JobTable,
        end: Callable[[JobRecord, Verdict], None],
        gate: EndedFamilyGate,
        in_turns: Callable[[Iterator[None]], None],
    ) -> None:
        self._table = table
        self._end = end
        self._gate = gate
        self._in_turns = in_turns

    def job_ended(self, record: JobRecord) -> None:
        """Cancel the sub-jobs of a job that a user or a limit has ended."""
        if record.status.outcome in ENDS_SUB_JOBS:
            self.cancel(record)

    def cancel(self, record: JobRecord) -> None:
        """Cancel all live jobs below this one; harmless when they are cancelled already."""
        if self._gate.is_ended(record.id):
            return
        found = map(self._table.get, self._table.family.descendants((record.id,)))
        below = [each for each in found if each is not None and is_live(each)]
        queued = [each for each in below if each.status.state is JobState.QUEUED]
        if len(queued) > AT_ONCE:
            self._cancel_in_turns(record.id, queued[AT_ONCE:])
        for each in below:
            if each.status.state is not JobState.QUEUED:
                self._cancel(each)
        for each in queued[:AT_ONCE]:
            self._cancel(each)

    def recover(self) -> None:
        """After a start of the daemon: cancel what there was no time to cancel before its end."""
        left: dict[str, list[JobRecord]] = {}
        for record in self._table.newest_first():
            if record.ancestors and record.status.state is JobState.QUEUED:
                for job in record.ancestors:
                    if _was_ended_after(self._table.get(job), record):
                        left.setdefault(job, []).append(record)
                        break
        for job, records in left.items():
            self._cancel_in_turns(job, records[::-1])

    def _cancel_in_turns(self, job: str, records: list[JobRecord]) -> None:
        self._gate.add(job)

        def work() -> Iterator[None]:
            for record in records:
                self._cancel(record)
                yield
            self._gate.remove(job)

        self._in_turns(work())

    def _cancel(self, record: JobRecord) -> None:
        if is_live(record):
            reason = f"cancelled with job {record.ancestors[-1]}, which dispatched it"
            self._end(record, Verdict(Outcome.CANCELLED, reason))


def _was_ended_after(ancestor: JobRecord | None, record: JobRecord) -> bool:
    """Whether a user or a limit has ended the ancestor after all that happened to the job.

    A job that was retried later has a newer event. So has an ancestor whose worktree was cleaned: it proves nothing.
    """
    return (
        ancestor is not None
        and ancestor.status.state.is_final
        and ancestor.status.outcome in ENDS_SUB_JOBS
        and ancestor.status.seq > record.status.seq
        and not (ancestor.wants_worktree and ancestor.status.worktree is None)
    )
