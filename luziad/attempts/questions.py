"""Questions of agents to the user: changes the state of the job to `waiting` and back, and delivers the answers.

An answer is recorded before it is delivered. After a restart of the daemon it is delivered again, unless the agent's
output shows that it was received; an agent ignores a repeated answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from luzia_protocol.activity import Question
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.agents.line_splitter import LineSplitter
from luziad.attempts.launch import Launcher
from luziad.executor.base import Executor
from luziad.jobs.attempt import Answer, AttemptRef
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import JobObserver, Observers
from luziad.jobs.questions import open_questions, parse_answer
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.refusals import wrong_state
from luziad.journal.journal import Journal
from luziad.output.files import read_chunk
from luziad.supervise.system_errors import describe_error

log = logging.getLogger("luziad.questions")

_BLOCK = 512 * 1024


class Transitions(Protocol):
    """Changes the state of jobs."""

    def move(self, record: JobRecord, trigger: Trigger) -> bool:
        """Change the state; False when the trigger changes nothing."""


@dataclass(kw_only=True, eq=False)
class Questions(JobObserver):
    """files: the thread on which output is searched."""

    transitions: Transitions
    executor: Executor
    launcher: Launcher
    journal: Journal
    observers: Observers
    files: ThreadPoolExecutor
    _told: dict[int, str] = field(default_factory=dict, init=False)
    """The question that each waiting job was last said to ask, by the number of the job."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def output_understood(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Change the job's state when the agent asks a question, or needs no answer any more."""
        if not attempt.answers and record.status.state is not JobState.WAITING and not _asks(attempt):
            return
        asked = {question.id for question in attempt.activity.asked} if attempt.activity is not None else set()
        if attempt.answers:
            attempt.answers = tuple(each for each in attempt.answers if each.question in asked) or None
        still_open = open_questions(attempt)
        if still_open:
            if self.transitions.move(record, Trigger.ASK) or record.status.state is JobState.WAITING:
                self._tell(record, attempt, still_open[0])
        elif record.status.state is JobState.WAITING and self._need_no_answer(record):
            self.journal.record(record, self.journal.events.answered(record, attempt.number, ""))
            self.observers.job_changed(record)

    def attempt_ended(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Forget its question."""
        self._told.pop(record.n, None)

    def attempt_recovered(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Deliver the answers again that the agent may not have received."""
        if record.status.state is JobState.WAITING and (still_open := open_questions(attempt)):
            self._told[record.n] = still_open[0].id
        if attempt.started_at is not None and attempt.answers:
            task = asyncio.get_running_loop().create_task(self._deliver_again(record, attempt, attempt.answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def answer(self, record: JobRecord, words: Sequence[str], question: str | None) -> None:
        """Deliver an answer to the agent; it has been received when this returns. Raises Refused."""
        asked, attempt = _open_question(record, question)
        answer = parse_answer(asked, words)
        line = await self._line(record, attempt, answer)
        _open_question(record, asked.id)  # another client may have been faster
        attempt.answers = (*(attempt.answers or ()), answer)
        still_open = open_questions(attempt)
        if not still_open:
            self._need_no_answer(record)
        committed = self.journal.commit(record, self.journal.events.answered(record, attempt.number, asked.id))
        self.observers.job_changed(record)
        if still_open:
            self._tell(record, attempt, still_open[0])
        await committed
        try:
            await self.executor.write_stdin(_ref(record, attempt), line)
        except OSError as exc:
            attempt.answers = tuple(each for each in attempt.answers or () if each is not answer) or None
            self.output_understood(record, attempt)
            raise Refused(
                ErrorCode.NOT_DELIVERED,
                f"the answer could not be delivered to job {record.id}: {describe_error(exc)}",
            ) from exc

    def _tell(self, record: JobRecord, attempt: AttemptRecord, question: Question) -> None:
        """Record which question the job asks now, unless that was recorded before."""
        if self._told.get(record.n) == question.id:
            return
        self._told[record.n] = question.id
        self.journal.record(record, self.journal.events.asked(record, attempt.number, question))
        self.observers.job_changed(record)
        log.info("agent_asks job=%s tool=%s", record.id, question.tool)

    def _need_no_answer(self, record: JobRecord) -> bool:
        self._told.pop(record.n, None)
        return self.transitions.move(record, Trigger.ANSWER)

    async def _deliver_again(self, record: JobRecord, attempt: AttemptRecord, answers: Sequence[Answer]) -> None:
        for answer in answers:
            try:
                await self.executor.write_stdin(_ref(record, attempt), await self._line(record, attempt, answer))
            except (OSError, Refused) as exc:
                log.warning("answer_not_delivered_again job=%s error=%s", record.id, exc)

    async def _line(self, record: JobRecord, attempt: AttemptRecord, answer: Answer) -> str:
        """The line to send to the agent. Raises Refused when its output does not contain the question."""
        respond = self.launcher.adapter(record).respond
        path = self.executor.output_path(_ref(record, attempt), "stdout")
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self.files, _find, path, answer.question.encode())
        if respond is None or found is None:
            raise Refused(ErrorCode.NOT_DELIVERED, f"the question of job {record.id} is no longer in its output")
        return respond(found, answer)


def _open_question(record: JobRecord, question: str | None) -> tuple[Question, AttemptRecord]:
    """The open question with this id, or the first one. Raises Refused."""
    attempt = record.attempt
    if attempt is not None and record.status.state is JobState.WAITING:
        for asked in open_questions(attempt):
            if question in (None, asked.id):
                return asked, attempt
        raise Refused(ErrorCode.JOB_NOT_WAITING, f"job {record.id} no longer waits for this answer")
    state = record.status.state
    if state.is_final:
        raise wrong_state(record, ErrorCode.JOB_NOT_WAITING, {})
    raise Refused(ErrorCode.JOB_NOT_WAITING, f"job {record.id} is {state} and is not waiting for an answer")


def _asks(attempt: AttemptRecord) -> bool:
    return attempt.activity is not None and bool(attempt.activity.asked)


def _ref(record: JobRecord, attempt: AttemptRecord) -> AttemptRef:
    return AttemptRef(record.id, attempt.number)


def _find(path: str, question: bytes) -> bytes | None:
    """The line of the output that asks the question; None when there is none. Raises OSError."""
    offset, splitter = 0, LineSplitter()
    while (chunk := read_chunk(path, offset, _BLOCK)).data:
        offset = chunk.offset + len(chunk.data)
        for line in splitter.feed(chunk.data):
            if question in line and b'"control_request"' in line:
                return line
    return None
