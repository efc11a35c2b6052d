"""Creates the events of jobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from luzia_protocol import events, times
from luzia_protocol.activity import Activity, Question, Spending
from luzia_protocol.jobs import Collision, Outcome, Progress, Review

from luziad.jobs.activity import job_activity, shorten
from luziad.jobs.attempt import Verdict
from luziad.jobs.queue_time import waited_s
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.view import to_datetime

E = TypeVar("E", bound=events.Base)
_NOTHING = Spending()


class EventFactory:
    """One method for each kind of event. Each takes the next seq from the journal and sets it in the job's status."""

    def __init__(self, next_seq: Callable[[], int]) -> None:
        self._next_seq = next_seq

    def dispatched(self, record: JobRecord, task: str) -> events.Dispatched:
        return events.Dispatched(
            seq=self._seq(record),
            at=times.to_datetime(record.spec.created_at),
            job=record.id,
            project=record.project,
            state=record.status.state,
            task=task,
            agent=record.spec.agent,
            node=record.spec.origin.node or None if record.spec.origin else None,
        )

    def starting(self, record: JobRecord, attempt: int) -> events.Starting:
        return self._event(events.Starting, record, attempt=attempt)

    def worktree(self, record: JobRecord) -> events.WorktreeChanged:
        return self._event(events.WorktreeChanged, record, worktree=record.status.worktree)

    def started(self, record: JobRecord, attempt: int, pid: int, attached: str | None = None) -> events.Started:
        return self._event(events.Started, record, attempt=attempt, pid=pid, attached=attached)

    def progressed(self, record: JobRecord, attempt: int, progress: Progress) -> events.Progressed:
        activity = shorten(job_activity(record.status.attempts, waits=False))
        return self._event(events.Progressed, record, attempt=attempt, progress=progress, activity=activity)

    def of_attempt(self, kind: type[E], record: JobRecord, attempt: int) -> E:
        """An event whose only field is its attempt."""
        return self._event(kind, record, attempt=attempt)

    def asked(self, record: JobRecord, attempt: int, question: Question) -> events.QuestionAsked:
        return self._event(events.QuestionAsked, record, attempt=attempt, question=question)

    def answered(self, record: JobRecord, attempt: int, question: str) -> events.QuestionAnswered:
        return self._event(events.QuestionAnswered, record, attempt=attempt, question=question)

    def stopping(self, record: JobRecord, attempt: int, reason: str) -> events.Stopping:
        return self._event(events.Stopping, record, attempt=attempt, reason=reason)

    def ended(self, record: JobRecord, verdict: Verdict, ending: AttemptRecord | None) -> events.Ended:
        """ending: the attempt that ends with the job; None when none was running."""
        attempt = record.attempt
        run_of = record.spec.origin.run_of if record.spec.origin else None
        return self._event(
            events.Ended,
            record,
            **_end_of_attempt(record, ending),
            attempt=attempt.number if attempt else 0,
            outcome=Outcome(verdict.outcome),
            reason=verdict.reason,
            exit_code=attempt.exit_code if attempt else None,
            signal=attempt.signal if attempt else None,
            schedule=run_of.schedule if run_of else None,
            review=record.review if record.waits_for_review else None,
        )

    def requeued(self, record: JobRecord, reason: str, ending: AttemptRecord | None) -> events.Requeued:
        """ending: the attempt after which the job is queued again; None when it had ended before, or never started."""
        return self._event(
            events.Requeued,
            record,
            **_end_of_attempt(record, ending),
            attempt=record.attempt.number if record.attempt else 0,
            reason=reason,
            outcome=record.attempt.outcome if record.attempt else None,
            not_before=to_datetime(record.not_before or None),
        )

    def sent(self, record: JobRecord, attempt: int, message: str) -> events.Sent:
        return self._event(events.Sent, record, attempt=attempt, message=message)

    def edited(self, record: JobRecord) -> events.Edited:
        return self._event(events.Edited, record)

    def of_job(self, kind: type[E], record: JobRecord) -> E:
        """An event without fields of its own."""
        return self._event(kind, record)

    def reviewed(self, record: JobRecord, review: Review) -> events.Reviewed:
        return self._event(events.Reviewed, record, review=review)

    def collided(self, record: JobRecord, collision: Collision, *, again: bool) -> events.Collided:
        return self._event(events.Collided, record, collision=collision, again=again)

    def removed(self, record: JobRecord) -> events.Removed:
        return self._event(events.Removed, record)

    def _event(self, kind: type[E], record: JobRecord, **fields: Any) -> E:
        return kind(
            seq=self._seq(record),
            at=times.to_datetime(time.time()),
            job=record.id,
            project=record.project,
            state=record.status.state,
            **fields,
        )

    def _seq(self, record: JobRecord) -> int:
        record.status.seq = seq = self._next_seq()
        return seq


def _end_of_attempt(record: JobRecord, ending: AttemptRecord | None) -> dict[str, Any]:
    """The fields of AttemptEndBase."""
    fields: dict[str, Any] = {"agent": record.spec.agent, "waited_s": waited_s(record, ending, time.time())}
    if ending is not None:
        fields["duration_s"] = ending.duration_s
        fields["spent"] = _spending(ending.activity)
    if record.attempt is not None:
        fields["spent_total"] = _spending(job_activity(record.status.attempts, waits=False))
    return fields


def _spending(activity: Activity | None) -> Spending | None:
    """What an activity says of tokens and cost; None when it says nothing."""
    if activity is None:
        return None
    spent = Spending(activity.tokens_in, activity.tokens_out, activity.tokens_cached, activity.cost_usd)
    return None if spent == _NOTHING else spent
