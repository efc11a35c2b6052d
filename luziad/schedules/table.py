"""All schedules: dispatches their jobs when it is time, and knows what became of each run.

A run's job, and that the run has been decided about, are in one commit, and the job has a key that is the run's own:
whatever crashes or is restored, no run is dispatched twice. A timer wakes the daemon for the next run and for nothing
else, also when the machine has slept or somebody has set the clock.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from difflib import get_close_matches

import msgspec

from luzia_protocol.dispatch import Dispatch
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import RunOf
from luzia_protocol.schedules import SCHEDULE_TAG, OverlapPolicy

from luziad.clocks.timer import ClockTimer
from luziad.errors import StorageError
from luziad.jobs.dependencies import Dependencies
from luziad.jobs.record import JobRecord
from luziad.jobs.schedule import RunRecord, ScheduleRecord
from luziad.journal.commit_listeners import NullListener
from luziad.journal.journal import CommitListener
from luziad.schedules import due as core
from luziad.schedules.due import overlap_at
from luziad.schedules.entry import Entry
from luziad.scheduling.scheduler import Scheduler

log = logging.getLogger("luziad.schedules")

_encode = msgspec.json.Encoder().encode


class Schedules:
    """The schedules by name. records: those of the store."""

    def __init__(self, records: dict[str, ScheduleRecord], scheduler: Scheduler) -> None:
        self.make: Callable[
            [Dispatch, Dependencies | None], JobRecord
        ]  # makes the record of a new job, or raises Refused
        self._entries = {name: Entry(record) for name, record in records.items()}
        self._scheduler = scheduler
        self._timer = ClockTimer(self.look, on_clock_change=True)

    def __len__(self) -> int:
        return len(self._entries)

    def all(self) -> list[Entry]:
        """Every schedule, by name."""
        return [self._entries[name] for name in sorted(self._entries)]

    def get(self, name: str) -> Entry | None:
        """The schedule of this name."""
        return self._entries.get(name)

    def find(self, name: str) -> Entry:
        """The schedule of this name. Raises Refused (UNKNOWN_SCHEDULE)."""
        entry = self._entries.get(name)
        if entry is None:
            near = get_close_matches(name, self._entries, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else ""
            raise Refused(ErrorCode.UNKNOWN_SCHEDULE, f"there is no schedule {name!r}", hint)
        return entry

    def close(self) -> None:
        """Dispatch nothing any more."""
        self._timer.close()

    # ------------------------------------------------------------------ what clients ask

    def put(self, record: ScheduleRecord, asked: CommitListener) -> Entry:
        """Take in a schedule, in the place of the one of its name; `asked` is told when it is on disk, or cannot be."""
        known = self._entries.get(record.spec.name)
        entry = self._entries[record.spec.name] = Entry(record)
        self._keep(entry)
        journal = self._scheduler.journal

        def committed() -> None:
            if known is not None:
                self._release(known)

        def refused() -> None:
            self._release(entry)
            if known is None:
                del self._entries[entry.name]
                journal.delete_schedule(entry.name)
            else:
                self._entries[entry.name] = known
                self._keep(known)

        journal.after_commit(_Told(asked, committed, refused))
        self.look()
        return entry

    def remove(self, entry: Entry) -> None:
        """Forget a schedule; its jobs stay."""
        del self._entries[entry.name]
        self._release(entry)
        self._scheduler.journal.delete_schedule(entry.name)
        self.look()

    def pause(self, entry: Entry, *, paused: bool) -> None:
        """Dispatch nothing of it for a while, or go on; what came meanwhile is not made up for."""
        fate = entry.record.status
        if fate.paused and not paused:
            fate.decided = max(core.decided(fate, time.time()), time.time())
        fate.paused = paused
        self._keep(entry)
        entry.changed()
        self.look()

    def run(self, entry: Entry, asked: CommitListener) -> JobRecord:
        """Dispatch its job now, behind those of it that have not ended; `asked` is told. Raises Refused."""
        live = self.live(entry)
        now = time.time()
        job = self._make(entry, None, now, live)
        self._accept(entry, job, now, entry.record.status.decided, asked)
        self._cancel(live, entry.record.spec.overlap)
        return job

    def live(self, entry: Entry) -> list[JobRecord]:
        """Its jobs that have not ended."""
        found = (self._scheduler.table.get(job) for job in entry.record.status.jobs)
        return [job for job in found if job is not None and not job.status.state.is_final]

    # ------------------------------------------------------------------ what the clock says

    def look(self) -> None:
        """Decide about every run that is due, and sleep until the next one.

        While the store cannot be written nothing is decided, and this is called again when it can be.
        """
        if self._scheduler.journal.failure is not None:
            return
        now = time.time()
        for entry in self._entries.values():
            self._decide(entry, now)
        moments = [entry.wakes_at for entry in self._entries.values() if entry.wakes_at is not None]
        self._timer.set(min(moments, default=None))

    def _decide(self, entry: Entry, now: float) -> None:
        runs, left_out = entry.due(now)
        fate = entry.record.status
        for moment in runs:
            self._dispatch(entry, moment, overlap_at(entry.record.spec, moment, now))
        if left_out is not None and not runs:
            fate.last = RunRecord(left_out, note="missed: luziad could not dispatch it then")
        if runs or left_out is not None:
            fate.decided = now
            self._keep(entry)
        entry.looked(now)

    def _dispatch(self, entry: Entry, moment: float, overlap: OverlapPolicy) -> None:
        """Dispatch one run, or note why it is left out."""
        record = entry.record
        key = core.key(entry.name, moment)
        known = self._scheduler.table.by_key(key)
        if known is not None:
            record.status.last = RunRecord(moment, known.id)
            return
        live = self.live(entry)
        if live and (overlap is OverlapPolicy.SKIP or len(live) >= core.MAX_LIVE):
            jobs = f"job {live[-1].id}" if len(live) == 1 else f"{len(live)} jobs"
            self._leave_out(entry, moment, f"skipped: {jobs} of it had not ended")
            return
        try:
            job = self._make(entry, key, moment, live)
        except Refused as refused:
            self._leave_out(entry, moment, f"failed: {refused.message}")
            return
        self._accept(entry, job, moment, record.status.decided, NullListener())
        self._cancel(live, overlap)

    def _leave_out(self, entry: Entry, moment: float, note: str) -> None:
        entry.record.status.last = RunRecord(moment, note=note)
        log.warning("schedule_run_left_out schedule=%s reason=%r", entry.name, note)

    def _make(self, entry: Entry, key: str | None, moment: float, live: list[JobRecord]) -> JobRecord:
        """The record of the next job, behind those that live. Raises Refused."""
        spec, environments = entry.record.spec, self._scheduler.environments
        env, client_env = environments.get(spec.env_set), environments.get(spec.client_set)
        if env is None or client_env is None:
            message = "its variables were lost with the store; add the schedule again, with --replace"
            raise Refused(ErrorCode.INTERNAL, message)
        tags = {**spec.job.tags, SCHEDULE_TAG: spec.name}
        request = msgspec.structs.replace(spec.job, key=key, env=env, client_env=client_env, tags=tags)
        job = self.make(request, Dependencies(ended=tuple(job.id for job in live)) if live else None)
        assert job.spec.origin is not None, "a job with a tag has a place"
        run_of = RunOf(spec.name, datetime.fromtimestamp(int(moment), entry.zone or UTC))
        place = msgspec.structs.replace(job.spec.origin, run_of=run_of)
        job.spec = msgspec.structs.replace(job.spec, origin=place)
        return job

    def _accept(self, entry: Entry, job: JobRecord, moment: float, decided: float, asked: CommitListener) -> None:
        """Take in a job and note it, in one commit. decided: what was, should that commit fail."""
        fate = entry.record.status
        fate.jobs, fate.last = (*fate.jobs[1 - core.MAX_LIVE :], job.id), RunRecord(moment, job.id)
        told = _Told(asked, _nothing, lambda: self._undo(entry, job, moment, decided))
        self._scheduler.accept(job, told)
        self._keep(entry)
        log.info("schedule_run schedule=%s job=%s", entry.name, job.id)

    def _undo(self, entry: Entry, job: JobRecord, moment: float, decided: float) -> None:
        """The job could not be written, so nobody has decided about its run."""
        fate = entry.record.status
        fate.jobs = tuple(each for each in fate.jobs if each != job.id)
        fate.decided = min(fate.decided, decided)
        fate.last = RunRecord(moment, note="failed: the job store could not be written")
        entry.changed()
        if self._entries.get(entry.name) is entry:
            self._keep(entry)

    def _cancel(self, live: list[JobRecord], overlap: OverlapPolicy) -> None:
        if overlap is OverlapPolicy.CANCEL:
            for job in live:
                self._scheduler.cancel(job, _nothing)  # the new job waits for its end

    def _keep(self, entry: Entry) -> None:
        self._scheduler.journal.put_schedule(entry.name, _encode(entry.record))

    def _release(self, entry: Entry) -> None:
        """Its variables are needed no more, unless a job uses them."""
        sets = (entry.record.spec.env_set, entry.record.spec.client_set)
        released = [number for number in sets if self._scheduler.environments.release(number)]
        self._scheduler.journal.delete_environments(released)


class _Told:
    """Between a change in memory and its commit: does what follows from the one or the other, and passes it on."""

    __slots__ = ("_asked", "_committed", "_refused")

    def __init__(self, asked: CommitListener, committed: Callable[[], None], refused: Callable[[], None]) -> None:
        self._asked = asked
        self._committed = committed
        self._refused = refused

    def committed(self) -> None:
        self._committed()
        self._asked.committed()

    def refused(self, error: StorageError) -> None:
        self._refused()
        self._asked.refused(error)


def _nothing() -> None:
    """Nothing follows."""
