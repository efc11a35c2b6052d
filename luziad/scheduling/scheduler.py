"""The scheduler as clients and the daemon use it: requests about jobs, and the parts that carry out the others.

The parts of the scheduler are the only ones that change the state of jobs. All of them run on the event loop and none
of them waits: a job is changed in memory first and recorded in the same step; the executor hears of an attempt, and a
client gets its answer, when the journal has committed. The parts are constructed in luziad/app.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from luzia_protocol.errors import ErrorCode
from luzia_protocol.jobs import LIST_TASK_CHARS, JobState, Outcome, Progress

from luziad.attempts.launch import Launcher
from luziad.attempts.progress import ProgressRecorder
from luziad.attempts.questions import Questions
from luziad.attempts.worktrees import Worktrees
from luziad.config.project_names import ProjectNames
from luziad.config.schema import Config
from luziad.executor.base import Executor
from luziad.jobs.abridging import abridge, text_size
from luziad.jobs.attempt import AttemptRef, Verdict
from luziad.jobs.dependencies import Dependencies
from luziad.jobs.environments import Environments
from luziad.jobs.family_budgets import FamilyBudgets
from luziad.jobs.observer import Observers
from luziad.jobs.record import JobRecord, JobSpec
from luziad.jobs.refusals import PROGRESS, RETRY, wrong_state
from luziad.jobs.table import JobTable
from luziad.journal.journal import Callback, CommitCallbacks, Journal
from luziad.scheduling.admission import Admission
from luziad.scheduling.attachments import Attachments
from luziad.scheduling.completion import Completion
from luziad.scheduling.discarded_work import DiscardedWork
from luziad.scheduling.gates.circuit_breaker import CircuitBreakerGate
from luziad.scheduling.gates.daily_budget import DailyBudgetGate
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.gates.hold import HoldControl
from luziad.scheduling.gates.usage_limit import UsageLimitGate
from luziad.scheduling.joint_admission import JointAdmission
from luziad.scheduling.machine_load import MachineLoad
from luziad.scheduling.pause import PauseControl
from luziad.scheduling.queue_control import QueueControl
from luziad.scheduling.races import Races
from luziad.scheduling.ready.limits import configured_limits
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.scheduling.retention import Retention
from luziad.scheduling.retry.next_attempt import RetryPlanner
from luziad.scheduling.reviews import Reviews
from luziad.scheduling.revival import Revival
from luziad.scheduling.slot_lending import SlotLending
from luziad.scheduling.sub_jobs import SubJobs
from luziad.scheduling.transitions import Transitions


@dataclass(kw_only=True, eq=False)
class Scheduler:
    """Carries out requests about existing jobs.

    Its public attributes are the names of projects, and the parts that carry out requests of their own: admission of
    new jobs and of graphs, retention of ended ones, pauses, holds, queues, questions, worktrees, discarded work,
    reviews, lending of slots, and sessions in terminals.
    """

    table: JobTable
    names: ProjectNames
    journal: Journal
    environments: Environments
    executor: Executor
    launcher: Launcher
    ready: ReadyQueue
    gates: Gates
    queues: QueueControl
    machine: MachineLoad
    daily_budget: DailyBudgetGate
    family_budgets: FamilyBudgets
    usage_limits: UsageLimitGate
    breaker: CircuitBreakerGate
    transitions: Transitions
    completion: Completion
    retries: RetryPlanner
    revival: Revival
    sub_jobs: SubJobs
    races: Races
    progress: ProgressRecorder
    admission: Admission
    joint: JointAdmission
    retention: Retention
    lending: SlotLending
    pauses: PauseControl
    holds: HoldControl
    attachments: Attachments
    questions: Questions
    worktrees: Worktrees
    discarded: DiscardedWork
    reviews: Reviews
    observers: Observers
    moves: int = 0
    """How often the dependencies of a job were changed."""

    # ------------------------------------------------------------------ what clients ask for

    def cancel(self, record: JobRecord, then: Callback) -> None:
        """End the job, and its sub-jobs with it. Raises Refused when it has ended already."""
        state = record.status.state
        if state.is_final:
            raise wrong_state(record, ErrorCode.JOB_FINAL, {})
        reason = "cancelled before it started" if state is JobState.QUEUED else "cancelled"
        self.attachments.give_up(record)
        self.completion.end(record, Verdict(Outcome.CANCELLED, reason), then)
        self.sub_jobs.cancel(record)

    def retry(self, record: JobRecord, then: Callback, *, fresh: bool = False) -> list[str]:
        """Queue an ended job again, or start one at once that waits for its start time. Raises Refused for others.

        fresh: run the task from the start; otherwise an agent resumes its session, unless the job had completed.
        Returns the ids of the jobs that were skipped because of it, and wait for it again.
        """
        if self.retries.start_now(record):
            self.transitions.record_requeued(record, "at once", then)
            self.gates.reconsider(record)
            return []
        if self.revival.is_revived(record):
            self.journal.after_commit(CommitCallbacks(then, lambda _: then()))
            return []
        if not record.status.state.is_final:
            raise wrong_state(record, ErrorCode.JOB_NOT_FINAL, RETRY)
        self.revival.require_possible(record)
        fresh = fresh or record.status.state is JobState.COMPLETED
        return self.revival.run_again(record, None if fresh else self.retries.continuation(record), "retry", then)

    def send(self, record: JobRecord, message: str, then: Callback) -> None:
        """Add a follow-up, for after the attempt or at once. Raises Refused when the agent has no session."""
        if record.status.state.is_final:
            self.revival.require_possible(record)
        given = self.retries.add_follow_up(record, message)
        self.table.resize(record, record.size + text_size(message))
        attempt = record.attempt.number if record.attempt else 0
        self.journal.record(record, self.journal.events.sent(record, attempt, message[:LIST_TASK_CHARS]), then)
        if given is not None:
            self.revival.run_again(record, given, "follow-up", None)

    def edit(self, record: JobRecord, spec: JobSpec, after: Dependencies | None, growth: int, then: Callback) -> None:
        """Change the task, the priority or the dependencies of a queued job. growth: by how many bytes it grows."""
        was_moved = after != record.status.dependencies
        self.moves += was_moved
        record.spec, record.task_bytes = spec, None
        record.status.dependencies = after
        self.table.resize(record, record.size + growth)

        def committed() -> None:
            if record.spec is spec:
                abridge(record)
            then()

        self.journal.rewrite_spec(record, self.journal.events.edited(record), committed)
        if was_moved:
            self.gates.reconsider(record)
        elif record.id in self.ready.waiting:
            self.ready.reprioritise(record.id, record.wants.priority)
        self.observers.job_changed(record)

    def resume_agent(self, agent: str) -> list[str]:
        """Start jobs of an agent again that wait because of its account; returns those that have waited."""
        return self.usage_limits.resume(agent) + self.breaker.resume(agent)

    def report_progress(self, record: JobRecord, progress: Progress, then: Callback) -> None:
        """Record the progress of the attempt in progress. Raises Refused when there is none."""
        attempt = record.attempt
        if attempt is None or record.status.state.is_final or record.status.state is JobState.QUEUED:
            raise wrong_state(record, ErrorCode.JOB_NOT_RUNNING, PROGRESS)
        self.observers.progress_reported(record, attempt)
        self.progress.reported(record, attempt, progress, then)

    # ------------------------------------------------------------------ what the daemon asks for

    def set_config(self, config: Config) -> None:
        """Apply another configuration to new attempts, limits, budgets and finished jobs."""
        self.launcher.set_config(config)
        renamed = self.names.configure(config.projects)
        if renamed:
            self._rename_projects()
        self.ready.set_limits(configured_limits(config))
        self.machine.set_limits(config.daemon)
        self.daily_budget.reload(renamed=renamed)
        self.retention.set_max_jobs(config.daemon.max_jobs)
        self.discarded.set_grace(config.daemon.discard_grace_s)
        self.observers.start_possible()

    def recover(self) -> None:
        """After a start of the daemon: queue what waits, and find out what became of what was running."""
        self._rename_projects()
        self.daily_budget.reload()
        self.breaker.recover()
        self.discarded.recover()
        for record in reversed(list(self.table.newest_first())):
            if record.status.state is JobState.QUEUED:
                self.transitions.enqueue(record)
        self.sub_jobs.recover()
        self.races.recover()
        for record in self.table.active():
            attempt = record.attempt
            assert attempt is not None
            if attempt.attached is not None:
                self.attachments.recover(record, attempt)
                continue
            self.ready.occupy(record.id, record.wants)
            ref = AttemptRef(record.id, attempt.number)
            self.executor.attach(ref, self.launcher.grace_s(record))
            self.observers.attempt_recovered(record, attempt)
            if attempt.stop_outcome is not None:
                self.executor.cancel(ref)
        self.retention.remove_oldest()
        self.observers.start_possible()

    def _rename_projects(self) -> None:
        """Give every job the name of the project that its directory is now."""
        names: dict[tuple[str, str], str] = {}
        for record in reversed(list(self.table.newest_first())):
            spec = record.spec
            place = (spec.directory, spec.project)
            name = names.get(place)
            if name is None:
                name = names[place] = self.names.name(*place)
            if name != record.project:
                self.table.rename_project(record, name)
                self.ready.move(record.id, name)
        self.queues.rename_projects()
