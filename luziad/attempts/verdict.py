"""Reads the output of attempts through their agents' readers, while they run, and gives them their verdicts."""

from __future__ import annotations

import logging

import msgspec

from luzia_protocol.activity import Activity
from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Outcome

from luziad.agents.base import Adapter, judge_exit_code
from luziad.attempts.launch import Launcher
from luziad.attempts.readers import LiveReaders, Patience
from luziad.attempts.reading import Reading
from luziad.executor.base import Executor
from luziad.jobs.attempt import AttemptRef, ExitRecord, Verdict
from luziad.jobs.record import JobRecord

log = logging.getLogger("luziad.judging")


class OutputJudge:
    """Judges attempts by their adapter, which reads their output, if it is one that does."""

    def __init__(self, launcher: Launcher, executor: Executor, readers: LiveReaders) -> None:
        self._launcher = launcher
        self._executor = executor
        self._readers = readers

    def begin(self, record: JobRecord) -> None:
        """The record's newest attempt runs: understand its output as it grows, when its adapter reads it."""
        ref = _ref(record)
        adapter = self._adapter(record)
        if adapter is None or not adapter.reads_output or ref in self._readers:
            return
        assert record.attempt is not None
        known, pid = record.attempt.activity, record.attempt.pid
        reading = Reading(self._executor.output_path(ref, "stdout"), adapter.reader(), known)
        self._readers.begin(ref, reading, known, Patience(pid, self._launcher.config.daemon.linger_s))

    def is_reading(self, ref: AttemptRef) -> bool:
        """True when the attempt's output is being read."""
        return ref in self._readers

    def has_finished(self, ref: AttemptRef) -> bool:
        """True when the attempt's agent has told its final result, and is about to end."""
        return self._readers.has_finished(ref)

    def give_up(self, ref: AttemptRef) -> None:
        """There will be no verdict on the attempt: read it no longer."""
        self._readers.drop(ref)

    async def verdict(self, record: JobRecord, end: ExitRecord) -> Verdict:
        """How the record's newest attempt ended. Never raises: what cannot be read is judged as a failure."""
        ref = _ref(record)
        reading = await self._readers.end(ref)
        if reading is None:
            adapter = self._adapter(record)
            if adapter is None:
                return judge_exit_code(end)
            if not adapter.reads_output:
                return adapter.reader().verdict(end, b"")
            reading = Reading(self._executor.output_path(ref, "stdout"), adapter.reader())
        assert record.attempt is not None
        if record.attempt.activity is not None and record.attempt.activity.lingered:
            end = msgspec.structs.replace(end, exit_code=0, signal=None)  # we ended it, after it had done its work
        try:
            return await self._judged(ref, reading, end)
        except OSError as exc:
            return Verdict(Outcome.FAILED, f"its output cannot be read: {exc}")
        except Exception as exc:
            log.exception("judging_failed job=%s agent=%s", record.id, record.spec.agent)
            return Verdict(Outcome.FAILED, f"its output was not understood: {exc!r}")

    async def _judged(self, ref: AttemptRef, reading: Reading, end: ExitRecord) -> Verdict:
        in_thread = self._readers.in_thread
        while await in_thread(reading.read_on):
            pass  # a piece at a time, so that others' output is read in between
        verdict = await in_thread(reading.verdict, end, self._executor.output_path(ref, "stderr"))
        activity, progress = await in_thread(reading.understood)
        if activity != Activity():
            self._readers.told(ref, activity, progress)
        return verdict

    def _adapter(self, record: JobRecord) -> Adapter | None:
        try:
            return self._launcher.adapter(record)
        except Refused:
            return None


def _ref(record: JobRecord) -> AttemptRef:
    assert record.attempt is not None
    return AttemptRef(record.id, record.attempt.number)
