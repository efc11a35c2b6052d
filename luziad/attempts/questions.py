"""What agents ask a person: brings jobs into `waiting` and out of it, and answers to the agents.

An answer is recorded first and given to the agent then; it is given again after a restart of the daemon while the
agent's output does not show that it has been taken in. An agent ignores an answer that comes twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from luzia_protocol.activity import Question
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.agents.line_splitter import LineSplitter
from luziad.attempts.launch import Launcher
from luziad.executor.base import Executor
from luziad.jobs.attempt import Answer, AttemptRef
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.questions import open_questions, parse_answer
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.journal.events import EventFactory
from luziad.journal.journal import Journal
from luziad.output.files import read_chunk

log = logging.getLogger("luziad.questions")

_BLOCK = 512 * 1024
Move = Callable[[JobRecord, Trigger], bool]


class Questions:
    """files: the thread on which output is searched. move: changes a job's state, and tells whether it did."""

    def __init__(self, executor: Executor, launcher: Launcher, journal: Journal, files: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._launcher = launcher
        self._journal = journal
        self._files = files
        self._facts = EventFactory(journal)
        self._tasks: set[asyncio.Task[None]] = set()
        self.move: Move
        self.changed: Callable[[JobRecord], None]

    def heard(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """The attempt's activity is news: what it asks may be, too."""
        if not attempt.answers and record.status.state is not JobState.WAITING and not _asks(attempt):
            return
        asked = {question.id for question in attempt.activity.asked} if attempt.activity is not None else set()
        if attempt.answers:
            attempt.answers = tuple(each for each in attempt.answers if each.question in asked) or None
        still_open = open_questions(attempt)
        if still_open and self.move(record, Trigger.ASK):
            self._journal.record(record, self._facts.asked(record, attempt.number, still_open[0]))
            self.changed(record)
            log.info("agent_asks job=%s tool=%s", record.id, still_open[0].tool)
        elif not still_open and record.status.state is JobState.WAITING and self.move(record, Trigger.ANSWER):
            self._journal.record(record, self._facts.answered(record, attempt.number, ""))
            self.changed(record)

    def resume(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """After a start of the daemon: give the agent what it may not have been given."""
        if attempt.answers:
            task = asyncio.get_running_loop().create_task(self._again(record, attempt, attempt.answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def all_said(self, ref: AttemptRef) -> None:
        """The agent has told its final result: end its stdin, so that it ends."""
        self._executor.hang_up(ref)

    async def answer(self, record: JobRecord, words: Sequence[str], question: str | None) -> None:
        """Give the agent the answer that the words are; it has it when this returns. Raises Refused."""
        asked, attempt = _wanted(record, question)
        answer = parse_answer(asked, words)
        line = await self._line(record, attempt, answer)
        _wanted(record, asked.id)  # somebody else may have been faster
        attempt.answers = (*(attempt.answers or ()), answer)
        if not open_questions(attempt):
            self.move(record, Trigger.ANSWER)
        await self._recorded(record, attempt, asked.id)
        try:
            await self._executor.say(_ref(record, attempt), line)
        except OSError as exc:
            attempt.answers = tuple(each for each in attempt.answers or () if each is not answer) or None
            self.heard(record, attempt)
            raise Refused(ErrorCode.NOT_DELIVERED, f"the agent of job {record.id} takes no answer: {exc}") from exc

    async def _recorded(self, record: JobRecord, attempt: AttemptRecord, question: str) -> None:
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_disk() -> None:
            if not committed.done():
                committed.set_result(None)

        self._journal.record(record, self._facts.answered(record, attempt.number, question), on_disk)
        self.changed(record)
        await committed

    async def _again(self, record: JobRecord, attempt: AttemptRecord, answers: Sequence[Answer]) -> None:
        for answer in answers:
            try:
                await self._executor.say(_ref(record, attempt), await self._line(record, attempt, answer))
            except (OSError, Refused) as exc:
                log.warning("answer_not_given_again job=%s error=%s", record.id, exc)

    async def _line(self, record: JobRecord, attempt: AttemptRecord, answer: Answer) -> str:
        """What to say to the agent. Raises Refused when its output does not hold the question."""
        respond = self._launcher.adapter(record).respond
        path = self._executor.output_path(_ref(record, attempt), "stdout")
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._files, _find, path, answer.question.encode())
        if respond is None or found is None:
            raise Refused(ErrorCode.NOT_DELIVERED, f"the question of job {record.id} is not in its output any more")
        return respond(found, answer)


def _wanted(record: JobRecord, question: str | None) -> tuple[Question, AttemptRecord]:
    """The open question that is meant. Raises Refused."""
    attempt = record.attempt
    if attempt is not None and record.status.state is JobState.WAITING:
        for asked in open_questions(attempt):
            if question in (None, asked.id):
                return asked, attempt
        raise Refused(ErrorCode.JOB_NOT_WAITING, f"job {record.id} does not ask this any more")
    raise Refused(ErrorCode.JOB_NOT_WAITING, f"job {record.id} is {record.status.state}, and asks nothing")


def _asks(attempt: AttemptRecord) -> bool:
    return attempt.activity is not None and bool(attempt.activity.asked)


def _ref(record: JobRecord, attempt: AttemptRecord) -> AttemptRef:
    return AttemptRef(record.id, attempt.number)


def _find(path: str, question: bytes) -> bytes | None:
    """The line of the output that asks the question; None when it is not there. Raises OSError."""
    offset, splitter = 0, LineSplitter()
    while data := read_chunk(path, offset, _BLOCK).data:
        offset += len(data)
        for line in splitter.feed(data):
            if question in line and b'"control_request"' in line:
                return line
    return None
