"""Manages all schedules: dispatches their jobs when runs are due, and records the result of each run.

A run's job and the decision about the run are in one commit, and the job has an idempotency key of the run: no crash
and no restored store dispatches a run twice. A timer wakes the daemon for the next run only, also after the machine has
slept or the clock was set.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from difflib import get_close_matches

import msgspec

from luzia_protocol.dispatch import Dispatch
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import RunOf
from luzia_protocol.schedules import SCHEDULE_TAG, OverlapPolicy

from luziad.clocks.timer import ClockTimer
from luziad.jobs.dependencies import Dependencies
from luziad.jobs.observer import JobObserver
from luziad.jobs.record import NO_USER, AttemptRecord, JobRecord
from luziad.jobs.schedule import RunRecord, ScheduleRecord
from luziad.journal.journal import NULL_LISTENER, CommitListener, call_first
from luziad.schedules import due
from luziad.schedules.due import overlap_at
from luziad.schedules.loaded_schedule import LoadedSchedule
from luziad.scheduling.scheduler import Scheduler

log = logging.getLogger("luziad.schedules")

_encode = msgspec.json.Encoder().encode


MakeJob = Callable[[Dispatch, Dependencies | None], JobRecord]
"""Makes the record of a new job with its dependencies, or raises Refused."""


class ScheduleManager(JobObserver):
    """The schedules by name. records: those of the store. in_turns: does work in turns; see turns.Cascade."""

    def __init__(
        self,
        records: dict[str, ScheduleRecord],
        scheduler: Scheduler,
        make_job: MakeJob,
        in_turns: Callable[[Iterator[None]], None],
    ) -> None:
        self._make_job = make_job
        self._in_turns = in_turns
        self._schedules = {name: LoadedSchedule(record) for name, record in records.items()}
        self._scheduler = scheduler
        self._timer = ClockTimer(self.check, on_clock_change=True)
        self._unfinished: set[str] = set()  # jobs of all schedules
        self._is_checking = False
        self._check_again = False
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._schedules)

    def all(self) -> list[LoadedSchedule]:
        """Every schedule, sorted by name."""
        return [self._schedules[name] for name in sorted(self._schedules)]

    def get(self, name: str) -> LoadedSchedule | None:
        """The schedule of this name."""
        return self._schedules.get(name)

    def find(self, name: str) -> LoadedSchedule:
        """The schedule of this name. Raises Refused (UNKNOWN_SCHEDULE)."""
        schedule = self._schedules.get(name)
        if schedule is None:
            near = get_close_matches(name, self._schedules, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else ""
            raise Refused(ErrorCode.UNKNOWN_SCHEDULE, f"schedule '{name}' not found", hint)
        return schedule

    def store_recovered(self) -> None:
        """Dispatch the runs that have become due while the store could not be written."""
        self.check()

    def close(self) -> None:
        """Stop dispatching."""
        self._is_closed = True
        self._timer.close()

    def job_queued(self, record: JobRecord) -> None:
        """Count a job of a schedule."""
        self._count(record)

    def attempt_recovered(self, record: JobRecord, attempt: AttemptRecord) -> None:
        """Count a job of a schedule that was in progress when the daemon ended."""
        self._count(record)

    def job_ended(self, record: JobRecord) -> None:
        """Count the job no longer."""
        self._unfinished.discard(record.id)

    def job_removed(self, record: JobRecord) -> None:
        """Count the job no longer."""
        self._unfinished.discard(record.id)

    # ------------------------------------------------------------------ requests

    def put(self, record: ScheduleRecord, acceptance: CommitListener) -> LoadedSchedule:
        """Add a schedule, or replace the one with its name. `acceptance` hears when it is on disk, or cannot be."""
        known = self._schedules.get(record.spec.name)
        schedule = self._schedules[record.spec.name] = LoadedSchedule(record)
        self._save(schedule)
        journal = self._scheduler.journal

        def committed() -> None:
            if known is not None:
                self._release_variables(known)

        def refused() -> None:
            self._release_variables(schedule)
            if known is None:
                del self._schedules[schedule.name]
                journal.delete_schedule(schedule.name)
            else:
                self._schedules[schedule.name] = known
                self._save(known)

        journal.after_commit(call_first(committed, refused, acceptance))
        self._check_one(schedule)
        return schedule

    def remove(self, schedule: LoadedSchedule) -> None:
        """Remove a schedule; its jobs stay."""
        del self._schedules[schedule.name]
        self._release_variables(schedule)
        self._scheduler.journal.delete_schedule(schedule.name)
        self._set_timer()

    def set_paused(self, schedule: LoadedSchedule, *, paused: bool) -> None:
        """Pause or resume a schedule. Runs that were due while it was paused are skipped."""
        status = schedule.record.status
        if status.paused and not paused:
            status.decided = max(due.decided_until(status, time.time()), time.time())
        status.paused = paused
        self._save(schedule)
        schedule.invalidate()
        self._check_one(schedule)

    def run(self, schedule: LoadedSchedule, acceptance: CommitListener) -> JobRecord:
        """Dispatch its job now, to start after its unfinished jobs. Raises Refused."""
        live = self.live(schedule)
        now = time.time()
        job = self._make_record(schedule, None, now, live)
        self._accept(schedule, job, now, schedule.record.status.decided, acceptance)
        self._cancel(live, schedule.record.spec.overlap)
        return job

    def live(self, schedule: LoadedSchedule) -> list[JobRecord]:
        """Its unfinished jobs."""
        found = (self._scheduler.table.get(job) for job in schedule.record.status.jobs)
        return [job for job in found if job is not None and not job.status.state.is_final]

    # ------------------------------------------------------------------ the clock

    def check(self) -> None:
        """Decide about every due run, and set the timer for the next.

        The schedules have their turns, for there may be a thousand that are due in the same second. While the store
        cannot be written nothing is decided; this is called again when it can be.
        """
        if self._is_checking:
            self._check_again = True  # the clock may have been set after the turn of some
        elif self._may_decide:
            self._is_checking = True
            self._in_turns(self._check_all())

    def _check_all(self) -> Iterator[None]:
        try:
            while self._may_decide:
                self._check_again = False
                for name in [*self._schedules]:
                    schedule = self._schedules.get(name)
                    if schedule is not None and self._may_decide:
                        self._decide(schedule, time.time())
                        yield
                if not self._check_again:
                    break
        finally:
            self._is_checking = False
            self._set_timer()

    def _check_one(self, schedule: LoadedSchedule) -> None:
        """Decide about the runs of a schedule that has changed."""
        if self._may_decide:
            self._decide(schedule, time.time())
            self._set_timer()

    @property
    def _may_decide(self) -> bool:
        return self._scheduler.journal.failure is None and not self._is_closed

    def _set_timer(self) -> None:
        if self._is_checking or not self._may_decide:
            return
        wakeups = [schedule.wakeup_at for schedule in self._schedules.values() if schedule.wakeup_at is not None]
        self._timer.set(min(wakeups, default=None))

    def _decide(self, schedule: LoadedSchedule, now: float) -> None:
        runs, skipped = schedule.due_runs(now)
        status = schedule.record.status
        for at_s in runs:
            self._dispatch(schedule, at_s, overlap_at(schedule.record.spec, at_s, now))
        if skipped is not None and not runs:
            status.last = RunRecord(skipped, note="missed: luziad could not dispatch it on time")
        if runs or skipped is not None:
            status.decided = now
            self._save(schedule)
        schedule.mark_checked(now)

    def _dispatch(self, schedule: LoadedSchedule, at_s: float, overlap: OverlapPolicy) -> None:
        """Dispatch one run, or record why it is skipped."""
        record = schedule.record
        key = due.run_key(schedule.name, at_s)
        known = self._scheduler.table.by_key((NO_USER, key))
        if known is not None:
            record.status.last = RunRecord(at_s, known.id)
            return
        live = self.live(schedule)
        if live and (overlap is OverlapPolicy.SKIP or len(live) >= due.MAX_LIVE_JOBS):
            jobs = f"job {live[-1].id}" if len(live) == 1 else f"{len(live)} jobs"
            self._skip(schedule, at_s, f"skipped: {jobs} had not finished")
            return
        if live and len(self._unfinished) >= due.MAX_ALL_LIVE_JOBS:
            self._skip(schedule, at_s, f"skipped: {due.MAX_ALL_LIVE_JOBS} jobs of all schedules had not finished")
            return
        try:
            job = self._make_record(schedule, key, at_s, live)
        except Refused as refused:
            self._skip(schedule, at_s, f"failed: {refused.message}")
            return
        self._accept(schedule, job, at_s, record.status.decided, NULL_LISTENER)
        self._cancel(live, overlap)

    def _skip(self, schedule: LoadedSchedule, at_s: float, note: str) -> None:
        last = schedule.record.status.last
        schedule.record.status.last = RunRecord(at_s, note=note)
        if last is None or last.note != note:  # once, not every second
            log.warning("schedule_run_skipped schedule=%s reason=%r", schedule.name, note)

    def _make_record(self, schedule: LoadedSchedule, key: str | None, at_s: float, live: list[JobRecord]) -> JobRecord:
        """The record of the next job, which depends on the unfinished ones. Raises Refused."""
        spec, environments = schedule.record.spec, self._scheduler.environments
        env, client_env = environments.get(spec.env_set), environments.get(spec.client_set)
        if env is None or client_env is None:
            message = "its variables were lost with the store; add the schedule again, with --replace"
            raise Refused(ErrorCode.INTERNAL, message)
        tags = {**spec.job.tags, SCHEDULE_TAG: spec.name}
        request = msgspec.structs.replace(spec.job, key=key, env=env, client_env=client_env, tags=tags)
        job = self._make_job(request, Dependencies(ended=tuple(job.id for job in live)) if live else None)
        assert job.spec.origin is not None  # it has a tag
        run_of = RunOf(spec.name, datetime.fromtimestamp(int(at_s), schedule.zone or UTC))
        origin = msgspec.structs.replace(job.spec.origin, run_of=run_of)
        job.spec = msgspec.structs.replace(job.spec, origin=origin)
        return job

    def _accept(
        self, schedule: LoadedSchedule, job: JobRecord, at_s: float, decided: float, acceptance: CommitListener
    ) -> None:
        """Accept a job and record its run, in one commit. decided: the value to restore when that commit fails."""
        status = schedule.record.status
        status.jobs, status.last = (*status.jobs[1 - due.MAX_LIVE_JOBS :], job.id), RunRecord(at_s, job.id)
        listener = call_first(_do_nothing, lambda: self._revert(schedule, job, at_s, decided), acceptance)
        self._scheduler.admission.accept(job, listener)
        self._save(schedule)
        log.info("schedule_run schedule=%s job=%s", schedule.name, job.id)

    def _revert(self, schedule: LoadedSchedule, job: JobRecord, at_s: float, decided: float) -> None:
        """The job could not be written, so its run is undecided again."""
        status = schedule.record.status
        status.jobs = tuple(each for each in status.jobs if each != job.id)
        status.decided = min(status.decided, decided)
        status.last = RunRecord(at_s, note="failed: the job store could not be written")
        schedule.invalidate()
        if self._schedules.get(schedule.name) is schedule:
            self._save(schedule)

    def _cancel(self, live: list[JobRecord], overlap: OverlapPolicy) -> None:
        if overlap is OverlapPolicy.CANCEL:
            for job in live:
                self._scheduler.cancel(job, _do_nothing)  # the new job waits for it

    def _count(self, record: JobRecord) -> None:
        if record.spec.origin is not None and record.spec.origin.run_of is not None:
            self._unfinished.add(record.id)

    def _save(self, schedule: LoadedSchedule) -> None:
        self._scheduler.journal.put_schedule(schedule.name, _encode(schedule.record))

    def _release_variables(self, schedule: LoadedSchedule) -> None:
        """Delete its variables, unless a job uses them."""
        sets = (schedule.record.spec.env_set, schedule.record.spec.client_set)
        released = [number for number in sets if self._scheduler.environments.release(number)]
        self._scheduler.journal.delete_environments(released)


def _do_nothing() -> None:
    """The job was accepted by the scheduler already."""
