"""Sessions of agents that users take over in a terminal: each is an attempt of the job, which no slot is needed for.

The user's client runs the agent, as a process that the daemon only watches: it ends the attempt when it reports how the
agent has ended, or when the process is gone. The attempt is stored before the client hears of it, with what tells the
process from others, so that a daemon that has restarted finds it again.

An attempt in progress is ended first. Until it has ended, the user waits in `Takeovers`, where `Completion` finds the
user before it plans another attempt or ends the job.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from glob import glob
from typing import NamedTuple

from msgspec.structs import replace

from luzia_protocol.activity import Activity
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState, Outcome

from luziad.attempts.launch import Launcher
from luziad.errors import StorageError
from luziad.executor.attached import AttachedProcesses, identify
from luziad.jobs.attempt import Attached, AttemptRef, Verdict
from luziad.jobs.lifecycle import Trigger
from luziad.jobs.observer import Observers
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.refusals import attached_refusal, wrong_state
from luziad.jobs.retry_state import Continuation
from luziad.jobs.session_totals import NO_TOTALS, growth, totals_before
from luziad.journal.journal import Callback, CommitCallbacks, Journal
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.retry.next_attempt import RetryPlanner
from luziad.scheduling.stopping import AttemptStopper
from luziad.scheduling.takeovers import Takeover, Takeovers
from luziad.scheduling.transitions import Transitions
from luziad.supervise.regular_files import read_regular

log = logging.getLogger("luziad.attachments")

_MAX_USAGE_BYTES = 64 << 20

_TAKEN = (JobState.STARTING, JobState.RUNNING, JobState.PAUSED, JobState.WAITING)
"""An attempt in one of these states is ended for a user who takes over the session."""


class AttachedUser(NamedTuple):
    """A user with a terminal. pid: the process that will run the agent there."""

    uid: int
    name: str
    pid: int


class AgentInTerminal(NamedTuple):
    """What the user's client runs; argv, env and directory as in attempts.launch.Interactive."""

    attempt: int
    argv: list[str]
    env: dict[str, str]
    directory: str
    umask: int | None


@dataclass(kw_only=True, eq=False)
class Attachments:
    """Begins and ends the use of sessions in terminals.

    end_attempt: Completion.end_attached. files: the thread on which files of agents are read.
    """

    launcher: Launcher
    processes: AttachedProcesses
    transitions: Transitions
    journal: Journal
    gates: Gates
    stopper: AttemptStopper
    takeovers: Takeovers
    retries: RetryPlanner
    observers: Observers
    end_attempt: Callable[..., None]
    files: ThreadPoolExecutor
    _ending: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def close(self) -> None:
        """Watch nothing any more, after the ends that are being recorded."""
        self.processes.close()
        if self._ending:
            await asyncio.wait(self._ending)

    # ------------------------------------------------------------------ beginning

    def check(self, record: JobRecord, user: AttachedUser, continues: bool | None) -> AgentInTerminal:
        """What would open the session in the terminal of a user who may take it over now. Raises Refused.

        continues: whether the job continues in the background afterwards; None is not said.
        """
        session, attempt, state = self.retries.session(record), record.attempt, record.status.state
        if user.uid != os.geteuid() or record.spec.uid not in (user.uid, -1):
            owner = "another user" if user.uid == os.geteuid() else "the user of the daemon"
            message = f"job {record.id} belongs to {owner}, whose sessions {user.name} cannot open"
            raise Refused(ErrorCode.CANNOT_ATTACH, message)
        if attempt is not None and attempt.attached is not None and not attempt.ended_at:
            raise attached_refusal(record)
        if record.id in self.takeovers:
            raise Refused(ErrorCode.JOB_ATTACHED, f"a user is about to take over the session of job {record.id}")
        if record.spec.argv is not None or record.spec.agent == "shell":
            hint = f"Open its directory with `luzia open {record.id}`, or its output with `luzia logs {record.id}`."
            raise Refused(ErrorCode.CANNOT_ATTACH, f"job {record.id} runs a command, which has no session", hint)
        if session is None:
            raise self._no_session(record)
        if state is JobState.STOPPING:
            raise wrong_state(record, ErrorCode.JOB_NOT_FINAL, {})
        if state in _TAKEN and continues is None:
            hint = "Use --pause to let it continue in the background when you leave, or --end to end it."
            raise Refused(ErrorCode.JOB_NOT_FINAL, f"job {record.id} is {state}", hint)
        if record.wants_worktree and record.status.worktree is None:
            raise _no_worktree(record)
        return self._agent(record, session)

    def attach(
        self,
        record: JobRecord,
        user: AttachedUser,
        continues: bool | None,
        ready: Callable[[AgentInTerminal], None],
        refuse: Callable[[Refused], None],
    ) -> Callable[[], None]:
        """Let the user take over the session, after the end of an attempt in progress. Raises Refused.

        ready: called with what to run, when that is stored. refuse: called instead when it is no longer possible.
        Returns a function that gives up waiting.
        """
        self.check(record, user, continues)

        def take() -> None:
            try:
                self._begin(record, user, continues, ready, refuse)
            except Refused as refused:
                refuse(refused)

        state = record.status.state
        if state not in _TAKEN:
            take()
            return lambda: None
        attempt = record.attempt
        assert attempt is not None
        attempt.taken_over = bool(continues)
        takeover = Takeover(take, refuse)
        self.takeovers.add(record.id, takeover)
        self.stopper.stop(record, Verdict(Outcome.CANCELLED, f"taken over by {user.name}"))
        return lambda: self.takeovers.drop(record.id, takeover)

    def give_up(self, record: JobRecord) -> None:
        """The job is cancelled: nobody takes over its session any more."""
        takeover = self.takeovers.pop(record.id)
        if takeover is not None and record.attempt is not None:
            record.attempt.taken_over = False
            takeover.refuse(Refused(ErrorCode.JOB_FINAL, f"job {record.id} was cancelled"))

    def _begin(
        self,
        record: JobRecord,
        user: AttachedUser,
        continues: bool | None,
        ready: Callable[[AgentInTerminal], None],
        refuse: Callable[[Refused], None],
    ) -> None:
        state, session = record.status.state, self.retries.session(record)
        known = identify(user.pid)
        assert session is not None
        if known is None:
            raise Refused(ErrorCode.CANNOT_ATTACH, f"process {user.pid} has ended")
        fate = record.status
        if continues is None:
            continues = state is JobState.QUEUED
        if state is JobState.QUEUED:
            self.gates.discard(record)
        before = (fate.outcome, fate.reason) if state.is_final else (None, None)
        if state.is_final:
            self.retries.reset(record, None)
        attached = Attached(user.uid, user.name, user.pid, *known, continues, *before, fate.held_at)
        now = time.time()
        number = record.attempt.number + 1 if record.attempt else 1
        attempt = AttemptRecord(number, now, now, pid=user.pid, continuation=Continuation(session), attached=attached)
        fate.attempts = (*fate.attempts, attempt)
        fate.progress = fate.outcome = fate.ended_at = fate.reason = fate.held_at = None
        self.transitions.move(record, Trigger.ATTACH)
        log.info("attached job=%s attempt=%d user=%s pid=%d", record.id, number, user.name, user.pid)

        def committed() -> None:
            if not self._watch(record, attempt):
                return
            try:
                agent = self._agent(record, session)
            except Refused as refused:  # the configuration has just changed
                self.processes.forget(_ref(record, attempt))
                self.end(record, Verdict(Outcome.START_FAILED, refused.message))
                refuse(refused)
                return
            ready(agent)

        self.journal.record(record, self.journal.events.started(record, number, user.pid, user.name), committed)
        self.observers.job_changed(record)

    def _agent(self, record: JobRecord, session: str) -> AgentInTerminal:
        attempt = record.attempt
        assert attempt is not None
        try:
            found = self.launcher.interactive(record, session)
        except StorageError as exc:
            raise Refused(ErrorCode.STORAGE_UNAVAILABLE, f"job {record.id} cannot be read now: {exc}") from exc
        env = found.env | self.processes.variables(_ref(record, attempt))
        return AgentInTerminal(attempt.number, found.argv, env, found.directory, record.spec.umask)

    def _no_session(self, record: JobRecord) -> Refused:
        if record.attempt is None or record.status.state in _TAKEN:
            hint = f"Try again once the agent has begun working; `luzia logs {record.id}` shows its output."
            return Refused(ErrorCode.NO_SESSION, f"the agent of job {record.id} has not begun a session yet", hint)
        return Refused(ErrorCode.NO_SESSION, f"no session of job {record.id} is known")

    # ------------------------------------------------------------------ ending

    def report(
        self,
        record: JobRecord,
        pid: int,
        then: Callback,
        *,
        continues: bool | None,
        exit_code: int | None,
        signal: str | None,
        completed: bool,
    ) -> None:
        """The end of the agent, from the process that ran it; from another one, the request to end it. Raises Refused.

        then: called when that is stored. continues: replaces what the user has said before; None keeps it.
        """
        attempt = record.attempt
        if attempt is None or attempt.attached is None or attempt.ended_at is not None:
            raise Refused(ErrorCode.NOT_ATTACHED, f"job {record.id} is not attached")
        attached = attempt.attached
        if continues is not None and continues != attached.continues:
            attempt.attached = replace(attached, continues=continues)
        ref = _ref(record, attempt)
        if pid != attached.pid:
            self.stopper.stop_process(record, attempt, f"{attached.user} is asked to leave its session", then)
            return
        self.processes.forget(ref)
        attempt.exit_code, attempt.signal = exit_code, signal
        verdict = Verdict(Outcome.COMPLETED, f"{attached.user} has marked it as done") if completed else None
        self._end_soon(record, verdict, then)

    def recover(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """The daemon has restarted during the attempt: watch its process again, if that still exists."""
        if self._watch(record, attempt) and record.status.state is JobState.STOPPING:
            self.processes.stop(_ref(record, attempt), self.launcher.grace_s(record))

    def _watch(self, record: JobRecord, attempt: AttemptRecord) -> bool:
        assert attempt.attached is not None
        if self.processes.watch(_ref(record, attempt), attempt.attached, lambda: self._end_soon(record, None)):
            return True
        self._end_soon(record, None)
        return False

    def _end_soon(self, record: JobRecord, verdict: Verdict | None, then: Callback | None = None) -> None:
        task = asyncio.get_running_loop().create_task(self._end(record, verdict, then))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, record: JobRecord, verdict: Verdict | None, then: Callback | None) -> None:
        """End what is left of the attempt's processes, then the attempt."""
        attempt = record.attempt
        assert attempt is not None
        if not self.launcher.config.project(record.project).keep_children:
            await self.processes.end_tree(_ref(record, attempt))
        await self._note_usage(record, attempt)
        self.end(record, verdict)
        if then is not None:
            self.journal.after_commit(CommitCallbacks(then, lambda _: then()))

    async def _note_usage(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Enter what the agent has noted of its session: what it has used since the attempts before."""
        session = self.retries.session(record)
        try:
            file = self.launcher.adapter(record).usage_file
            if file is None or session is None:
                return
            pattern = file.pattern(self.launcher.interactive(record, session).env, session)
            content = await asyncio.get_running_loop().run_in_executor(self.files, _read_newest, pattern)
        except (Refused, StorageError, OSError) as exc:
            log.info("usage_not_read job=%s attempt=%d error=%s", record.id, attempt.number, exc)
            return
        totals = file.read(content, session)
        before = totals_before(record.status.attempts, attempt.number).get(session, NO_TOTALS)
        if totals is None or totals == before:
            return  # unknown, or noted by an earlier run
        own = growth(before, totals)
        attempt.activity = Activity(
            session=session,
            tokens_in=own.tokens_in,
            tokens_out=own.tokens_out,
            tokens_cached=own.tokens_cached,
            cost_usd=own.cost_usd or None,
            totals=totals,
        )

    def end(self, record: JobRecord, verdict: Verdict | None) -> None:
        """End the attempt. verdict: the user's; None leaves an ended job as it was before."""
        attempt = record.attempt
        assert attempt is not None
        attached = attempt.attached
        assert attached is not None
        attempt.ended_at = time.time()
        attempt.duration_s = max(0.0, attempt.ended_at - attempt.starting_at)
        attempt.reason = f"{attached.user} has left its session"
        continues = attached.continues and verdict is None and attempt.stop_outcome is None
        if attempt.stop_outcome is not None:
            verdict = Verdict(attempt.stop_outcome, attempt.stop_reason)
        elif verdict is None and attached.before is not None:
            verdict = Verdict(attached.before, attached.reason)
        self.end_attempt(record, attempt, verdict or Verdict(Outcome.CANCELLED, attempt.reason), continues=continues)


def _no_worktree(record: JobRecord) -> Refused:
    message = f"the worktree of job {record.id} was removed, and the session with it cannot be continued there"
    if record.status.discarded is not None:
        return Refused(ErrorCode.NO_WORKTREE, message, f"Restore it with `luzia restore-work {record.id}`.")
    hint = f"Send a message (`luzia send {record.id} TEXT`), for which a new worktree is made; then attach again."
    return Refused(ErrorCode.NO_WORKTREE, message, hint)


def _ref(record: JobRecord, attempt: AttemptRecord) -> AttemptRef:
    return AttemptRef(record.id, attempt.number)


def _read_newest(pattern: str) -> bytes:
    """The content of the file that was written last of those with a pattern; empty without any. Raises OSError."""
    paths = glob(pattern)
    return read_regular(max(paths, key=os.path.getmtime), _MAX_USAGE_BYTES) if paths else b""
