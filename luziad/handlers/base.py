"""What every handler gets: the daemon's services, and the call that it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Budget, Job, JobState
from luzia_protocol.replies import EndFrame, EventFrame, LaggedFrame, Ok, OutputFrame

from luziad.config.schema import Config
from luziad.errors import StorageError
from luziad.jobs.questions import describe_question, open_questions
from luziad.jobs.record import JobRecord
from luziad.jobs.view import describe_job, summarize_job
from luziad.journal.finish_waiters import FinishWaiters
from luziad.journal.history import History
from luziad.operations.operations import Operations
from luziad.output.inotify import FileWatcher
from luziad.schedules.table import Schedules
from luziad.scheduling.scheduler import Scheduler

StreamFrame = EventFrame | OutputFrame | EndFrame | LaggedFrame


class Call(Protocol):
    """One request on one connection, to be answered once."""

    id: int | str | None

    @property
    def uid(self) -> int:
        """The peer's user id."""

    def answer(self, ok: Ok) -> None:
        """Send the answer in its turn."""

    def refuse(self, refused: Refused) -> None:
        """Send an error in its turn."""

    def out_of_order(self) -> None:
        """This answer takes a while: the ones behind it need not wait. Raises Refused (TOO_MANY_STREAMS)."""

    def send(self, frame: StreamFrame | bytes) -> None:
        """Send a stream's frame; bytes are one that is encoded already, with its newline."""

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was sent."""

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken yet."""

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call back when the connection is gone or the stream is over."""

    def finish(self) -> None:
        """The stream is over."""


class Services:
    """The parts of the daemon that handlers use."""

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        schedules: Schedules,
        operations: Operations,
        files: ThreadPoolExecutor,
        watcher: FileWatcher,
        finals: FinishWaiters,
        history: History,
    ) -> None:
        self.scheduler = scheduler
        self.table = scheduler.table
        self.journal = scheduler.journal
        self.schedules = schedules
        self.operations = operations
        self.files = files
        self.watcher = watcher
        self.finals = finals
        self.history = history
        self.shutting_down = False
        self.request_shutdown: Callable[[], None] = lambda: None  # the app's business

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.operations.config

    def view(self, record: JobRecord, *, whole: bool) -> Job:
        """The job as a client sees it, with the computed reason why it waits."""
        reason = record.status.reason
        if record.status.state is JobState.QUEUED:
            reason = self.why_queued(record, whole=whole)
        elif record.attempt is not None and record.status.state is JobState.STOPPING:
            reason = record.attempt.stop_reason
        elif record.attempt is not None and record.status.state is JobState.WAITING:
            reason = "; ".join(describe_question(question) for question in open_questions(record.attempt)[:1]) or None
        elif record.status.state is JobState.RUNNING:
            reason = self.scheduler.yielding.why(record.id) or reason
        if not whole:
            return summarize_job(record, reason)
        return describe_job(
            record,
            reason,
            env_names=self.scheduler.environments.names(record.spec.env_set),
            directory=self.scheduler.executor.job_directory(record.id),
            children=self.table.children(record),
            budget=self._budget(record),
        )

    def _budget(self, record: JobRecord) -> Budget | None:
        cost_usd, turns = self.scheduler.launcher.budget(record)
        return None if cost_usd is None and turns is None else Budget(cost_usd, turns)

    def why_queued(self, record: JobRecord, *, whole: bool) -> str:
        """Why the job does not start now; `whole` also tells its place among those that are ready."""
        if self.journal.failure is not None:
            return "the job store cannot be written; nothing starts until it can"
        return self.scheduler.gates.why(record, whole=whole)


Handler = Callable[[Services, Any, Call], "Ok | Awaitable[None] | None"]


def storage_refusal(error: StorageError) -> Refused:
    """The error answer for a store that cannot be written."""
    return Refused(ErrorCode.STORAGE_UNAVAILABLE, f"the job store cannot be written: {error}")


class Asked:
    """Whoever asked for something new: gets the answer when it is on disk, or the refusal."""

    __slots__ = ("_call", "_ok")

    def __init__(self, call: Call, ok: Callable[[], Ok]) -> None:
        self._call = call
        self._ok = ok

    def committed(self) -> None:
        self._call.answer(self._ok())

    def refused(self, error: StorageError) -> None:
        self._call.refuse(storage_refusal(error))


class AnsweredAnyway(Asked):
    """Whoever asked for a change that is in force whether it can be written now or not."""

    __slots__ = ()

    def refused(self, error: StorageError) -> None:
        """It is written as soon as there is room."""
        self.committed()


def committed_answer(services: Services, call: Call, ok: Callable[[], Ok]) -> Callable[[], None]:
    """What to do when a change is committed: answer. While the store fails the answer goes out at once.

    The change is in force in memory then, and it is written as soon as there is room.
    """
    answered = False

    def answer() -> None:
        nonlocal answered
        if not answered:
            answered = True
            call.answer(ok())

    if services.journal.failure is not None:
        asyncio.get_running_loop().call_soon(answer)
    return answer
