"""Makes spans of the journal's events: one for each attempt that has ended. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from luzia_protocol import events
from luzia_protocol.jobs import Attempt, Job
from luzia_protocol.tracing import span_id, trace_id

from luzia_client.metrics import semconv

KINDS: tuple[events.EventKind, ...] = ("started", "progress", "asked", "answered", "ended", "requeued")
"""The kinds of events that spans are made of."""

MAX_NOTES = 200
"""Events of one span; of further ones only the number is told."""

TOOL = "tool "
"""What the phase of an attempt that runs a tool begins with."""

Value = str | int | float | bool


class Note(msgspec.Struct, frozen=True):
    """An event of a span: a tool that was called, a question, or its answer."""

    name: str
    at: datetime
    attributes: dict[str, Value] = {}


class Span(msgspec.Struct, frozen=True):
    """An attempt as a span. trace, span, parent: hexadecimal ids. error: why it failed; None if it did not."""

    name: str
    trace: str
    span: str
    parent: str | None
    start: datetime
    end: datetime
    attributes: dict[str, Value]
    notes: list[Note]
    dropped_notes: int
    error: str | None


class OpenAttempt(msgspec.Struct):
    """What is known of an attempt that runs. phase_at: when the newest tool was called that is noted."""

    attempt: int
    started_at: datetime | None = None
    notes: list[Note] = []
    dropped: int = 0
    phase_at: datetime | None = None

    def add(self, note: Note) -> None:
        """Add an event, or count it if there are too many."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(note)
        else:
            self.dropped += 1


class SpanTotals(msgspec.Struct):
    """What follows of the events up to one, for the daemon on a socket. seq: that event. open: by job.

    dropped: spans that the collector has refused for good.
    """

    socket: str
    seq: int = 0
    open: dict[str, OpenAttempt] = {}
    dropped: int = 0

    def add(self, event: events.Event) -> events.Ended | events.Requeued | None:
        """Take an event in, once; returns it if it has ended an attempt: then `end` makes its span."""
        if event.seq <= self.seq:
            return None
        self.seq = event.seq
        match event:
            case events.Started():
                self._attempt(event).started_at = event.at
            case events.Progressed():
                self._note_tool(event)
            case events.QuestionAsked():
                asked: dict[str, Value] = {
                    semconv.QUESTION: event.question.id,
                    semconv.QUESTION_TYPE: event.question.type,
                    semconv.TOOL_NAME: event.question.tool,
                }
                self._attempt(event).add(Note(semconv.QUESTION_ASKED, event.at, asked))
            case events.QuestionAnswered():
                self._attempt(event).add(Note(semconv.QUESTION_ANSWERED, event.at, {semconv.QUESTION: event.question}))
            case events.Ended() | events.Requeued():
                if event.duration_s is not None:
                    return event
                self.open.pop(event.job, None)
        return None

    def end(self, event: events.Ended | events.Requeued, job: Job | None, parent: Job | None) -> Span:
        """The span of an attempt that has ended. job, parent: the job and its parent; None if they were removed."""
        known = self._attempt(event)
        self.open.pop(event.job, None)
        ancestors = job.ancestors if job is not None else []
        start = known.started_at or event.at - timedelta(seconds=event.duration_s or 0.0)
        attempt = (
            next((each for each in job.attempts if each.number == event.attempt), None) if job is not None else None
        )
        failed = event.outcome is not None and event.outcome not in semconv.NO_ERRORS
        reason = (attempt.reason if attempt is not None else None) or event.reason
        return Span(
            name=f"{semconv.INVOKE_AGENT} {event.agent}",
            trace=trace_id(event.job, ancestors),
            span=span_id(event.job, event.attempt),
            parent=_parent(ancestors, job, parent),
            start=min(start, event.at),
            end=event.at,
            attributes=_attributes(event, job, attempt),
            notes=known.notes,
            dropped_notes=known.dropped,
            error=(reason or str(event.outcome)) if failed else None,
        )

    def restart(self, seq: int) -> None:
        """Continue after another event: the store is a new one, or has forgotten what follows the last."""
        self.seq = seq
        self.open.clear()

    def _attempt(self, event: events.AttemptBase) -> OpenAttempt:
        found = self.open.get(event.job)
        if found is None or found.attempt != event.attempt:
            found = self.open[event.job] = OpenAttempt(event.attempt)
        return found

    def _note_tool(self, event: events.Progressed) -> None:
        activity = event.activity
        if activity is None or activity.phase is None or not activity.phase.startswith(TOOL):
            return
        attempt, at = self._attempt(event), activity.phase_at or event.at
        name = activity.phase.removeprefix(TOOL).partition(" ")[0]
        if attempt.phase_at is None or at > attempt.phase_at:
            attempt.phase_at = at
            attempt.add(Note(semconv.EXECUTE_TOOL, at, {semconv.TOOL_NAME: name}))


def _parent(ancestors: list[str], job: Job | None, parent: Job | None) -> str | None:
    """The span of the attempt from inside which the job was dispatched."""
    if not ancestors or job is None:
        return None
    number = 1
    for attempt in parent.attempts if parent is not None else []:
        if attempt.started_at is not None and attempt.started_at <= job.created_at:
            number = attempt.number
    return span_id(ancestors[-1], number)


def _attributes(event: events.Ended | events.Requeued, job: Job | None, attempt: Attempt | None) -> dict[str, Value]:
    spent = event.spent
    activity = attempt.activity if attempt is not None else None
    found: dict[str, Value | None] = {
        semconv.OPERATION: semconv.INVOKE_AGENT,
        semconv.AGENT_NAME: event.agent,
        semconv.AGENT_VERSION: activity.version if activity is not None else None,
        semconv.CONVERSATION: activity.session if activity is not None else None,
        semconv.RESPONSE_MODEL: activity.model if activity is not None else None,
        semconv.INPUT_TOKENS: spent.tokens_in if spent is not None else None,
        semconv.CACHED_TOKENS: spent.tokens_cached if spent is not None else None,
        semconv.OUTPUT_TOKENS: spent.tokens_out if spent is not None else None,
        semconv.COST: spent.cost_usd if spent is not None else None,
        semconv.JOB: event.job,
        semconv.PROJECT: event.project,
        semconv.ATTEMPT: event.attempt,
        semconv.OUTCOME: str(event.outcome) if event.outcome is not None else None,
        semconv.WAITED: event.waited_s,
        semconv.SCHEDULE: job.run_of.schedule if job is not None and job.run_of is not None else None,
    }
    if event.outcome is not None and event.outcome not in semconv.NO_ERRORS:
        found[semconv.ERROR_TYPE] = str(event.outcome)
    return {name: value for name, value in found.items() if value is not None}
