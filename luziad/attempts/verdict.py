"""Reads the output of attempts while they are running, and gives them their verdicts."""

from __future__ import annotations

import logging

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Outcome

from luziad.agents.base import Adapter, judge_exit_code
from luziad.attempts.launch import Launcher
from luziad.attempts.live_output import LiveOutput, OutputListener, Patience
from luziad.attempts.output_reader import OutputReader
from luziad.attempts.setup import failed_file, read_failure
from luziad.executor.base import Executor
from luziad.jobs.attempt import AttemptRef, ExitRecord, FailureCause, Verdict
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import AttemptRecord, JobRecord
from luziad.jobs.session_totals import session_totals_before
from luziad.jobs.table import JobTable

log = logging.getLogger("luziad.judging")

_MIB = 1 << 20
_MEMORY_KILLERS = {
    "systemd-oomd": "systemd-oomd: memory was low",
    "kernel": "the kernel: the machine or the service was out of memory",
}

INTERNAL_ERROR = "luziad could not judge its output (internal error); the daemon's log has the traceback: report it"


class OutputJudge(JobObserver):
    """Judges attempts through the adapters of their agents. listener: takes in the last report on an output."""

    def __init__(
        self, table: JobTable, launcher: Launcher, executor: Executor, output: LiveOutput, listener: OutputListener
    ) -> None:
        self._table = table
        self._launcher = launcher
        self._executor = executor
        self._output = output
        self._listener = listener

    def attempt_started(self, record: JobRecord, attempt: AttemptRecord, ran_s: float) -> None:
        """Read the attempt's output as it grows, when its adapter reads it."""
        ref = AttemptRef(record.id, attempt.number)
        adapter = self._adapter(record)
        if adapter is None or not adapter.reads_output or ref in self._output:
            return
        reader = self._new_reader(record, attempt, adapter, attempt.activity)
        pid = attempt.pid if record.executor is None else None  # not a process of this machine
        patience = Patience(pid, self._launcher.config.daemon.linger_s)
        self._output.start(ref, reader, attempt.activity, patience)

    def attempt_recovered(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Read the attempt's output, also when the agent has ended meanwhile."""
        if attempt.started_at is not None:
            self.attempt_started(record, attempt, 0.0)

    def is_reading(self, ref: AttemptRef) -> bool:
        """Whether the attempt's output is being read."""
        return ref in self._output

    def has_finished(self, ref: AttemptRef) -> bool:
        """Whether the attempt's agent has told its final result, and is about to exit."""
        return self._output.has_finished(ref)

    def drop(self, ref: AttemptRef) -> None:
        """Stop reading the output of an attempt that needs no verdict."""
        self._output.drop(ref)

    async def verdict(self, record: JobRecord, end: ExitRecord) -> Verdict:
        """The verdict on the record's newest attempt. Never raises: unreadable output is a failure."""
        verdict = name_memory(await self._verdict(record, end), end)
        return name_model(verdict, self._launcher.agent_options(record).model, record.attempt)

    async def _verdict(self, record: JobRecord, end: ExitRecord) -> Verdict:
        attempt = record.attempt
        assert attempt is not None
        ref = AttemptRef(record.id, attempt.number)
        reader = await self._output.stop(ref)
        if record.status.worktree is not None:
            failed = failed_file(self._executor.job_directory(record.id), attempt.number)
            stderr = self._executor.output_path(ref, "stderr")
            if (reason := await self._output.in_thread(read_failure, record.id, failed, stderr)) is not None:
                return Verdict(Outcome.FAILED, reason)
        if reader is None:
            adapter = self._adapter(record)
            if adapter is None:
                return judge_exit_code(end)
            if not adapter.reads_output:
                return adapter.reader().verdict(end, b"")
            reader = self._new_reader(record, attempt, adapter, None)
        if attempt.activity is not None and attempt.activity.lingered:
            end = msgspec.structs.replace(end, exit_code=0, signal=None)  # it was stopped after its work was done
        try:
            return await self._judge(ref, reader, end)
        except OSError as exc:
            return Verdict(Outcome.FAILED, f"its output cannot be read: {exc.filename}: {exc.strerror}")
        except Exception:
            log.exception("judging_failed job=%s agent=%s", record.id, record.spec.agent)
            return Verdict(Outcome.FAILED, INTERNAL_ERROR)

    async def _judge(self, ref: AttemptRef, reader: OutputReader, end: ExitRecord) -> Verdict:
        in_thread = self._output.in_thread
        while await in_thread(reader.read_on):
            pass  # a piece at a time, so that the output of other attempts is read in between
        verdict = await in_thread(reader.verdict, end, self._executor.output_path(ref, "stderr"))
        activity, progress = await in_thread(reader.understood)
        if activity != Activity():
            self._listener.output_understood(ref, activity, progress)
        return verdict

    def _new_reader(
        self, record: JobRecord, attempt: AttemptRecord, adapter: Adapter, known: Activity | None
    ) -> OutputReader:
        ref = AttemptRef(record.id, attempt.number)
        stdout, stderr = (self._executor.output_path(ref, stream) for stream in ("stdout", "stderr"))
        earlier = session_totals_before(self._table.newest_first(), record, attempt)
        session = attempt.continuation.session if attempt.continuation is not None else None
        return OutputReader(stdout, adapter.reader(), known, stderr, earlier, session)

    def _adapter(self, record: JobRecord) -> Adapter | None:
        try:
            return self._launcher.adapter(record)
        except Refused:
            return None


def name_model(verdict: Verdict, model: str | None, attempt: AttemptRecord | None) -> Verdict:
    """The verdict, with the chosen model in the reason of a failure before the first turn that it may explain.

    opencode reports an unknown model as "Unexpected server error", and vibe the key that its default model lacks.
    """
    activity = None if attempt is None else attempt.activity
    may_explain = verdict.outcome is Outcome.FAILED and verdict.cause in (None, FailureCause.CREDENTIALS)
    reason = verdict.reason or ""
    if model is None or not may_explain or (activity and activity.turns) or model in reason:
        return verdict
    return Verdict(Outcome.FAILED, f"{reason.rstrip('.')} (the chosen model is {model})", verdict.cause)


def name_memory(verdict: Verdict, end: ExitRecord) -> Verdict:
    """The verdict, with what the attempt was killed for when that was memory: its limit, or a shortage elsewhere."""
    if verdict.outcome is not Outcome.FAILED:
        return verdict
    if end.memory_limit_bytes is not None:
        return Verdict(Outcome.FAILED, f"killed by its memory limit of {end.memory_limit_bytes / _MIB:,.0f} MiB")
    if end.memory_killer is None:
        return verdict
    why = _MEMORY_KILLERS[end.memory_killer]
    if end.signal == "SIGKILL":
        return Verdict(Outcome.FAILED, f"killed by {why}")
    reason = (verdict.reason or "").rstrip(".")
    return Verdict(Outcome.FAILED, f"{reason} (a process of it was killed by {why})", verdict.cause)
