"""Builds the parts of the daemon, starts them in order, and stops them."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Job

from luziad.attempts.budget import BudgetWatch
from luziad.attempts.collision_watch import CollisionWatch
from luziad.attempts.environment import base_environment
from luziad.attempts.launch import Launcher
from luziad.attempts.live_output import LiveOutput
from luziad.attempts.progress import ProgressRecorder
from luziad.attempts.questions import Questions
from luziad.attempts.stall import StallWatch
from luziad.attempts.verdict import OutputJudge
from luziad.attempts.worktrees import Worktrees
from luziad.config.project_names import ProjectNames
from luziad.config.schema import Config
from luziad.errors import StartupError, StorageError
from luziad.executor.attached import AttachedProcesses
from luziad.executor.base import Executor
from luziad.executor.executors import Executors
from luziad.executor.local import LocalExecutor
from luziad.executor.start_probe import probe_start
from luziad.fulltext.feeder import FullText
from luziad.fulltext.index import NAME as SEARCH_NAME
from luziad.fulltext.index import Index
from luziad.handlers.dispatch.job_factory import JobFactory
from luziad.handlers.graph_parts import GraphParts
from luziad.handlers.services import Services
from luziad.jobs.collisions import Collisions
from luziad.jobs.directories import JobDirectories
from luziad.jobs.family_budgets import FamilyBudgets
from luziad.jobs.observer import JobObserver, Observers
from luziad.jobs.past_races import PastRaces
from luziad.jobs.record import JobRecord
from luziad.jobs.search import JobSearch
from luziad.jobs.status_file import StatusFiles
from luziad.journal.finish_waiters import FinishWaiters
from luziad.journal.history import History
from luziad.journal.journal import CommitCallbacks, Journal
from luziad.journal.loading import find_newer_jobs, load, load_schedules
from luziad.journal.snapshot_timer import SnapshotTimer
from luziad.operations import open_files, process_state
from luziad.operations.memory import AddressSpace
from luziad.operations.operations import Operations
from luziad.operations.shutdown import Shutdown
from luziad.operations.threads import start_pool
from luziad.output.inotify import FileWatcher
from luziad.schedules.manager import ScheduleManager
from luziad.scheduling.admission import Admission
from luziad.scheduling.attachments import Attachments
from luziad.scheduling.attempt_reports import ExecutorReports, OutputReports
from luziad.scheduling.completion import Completion
from luziad.scheduling.day_totals import DayTotals
from luziad.scheduling.deadlines.deadlines import Deadlines
from luziad.scheduling.deadlines.timeouts import Timeouts
from luziad.scheduling.discarded_work import DiscardedWork
from luziad.scheduling.gates.circuit_breaker import CircuitBreakerGate
from luziad.scheduling.gates.daily_budget import DailyBudgetGate
from luziad.scheduling.gates.dependencies import DependencyGate
from luziad.scheduling.gates.ended_family import EndedFamilyGate
from luziad.scheduling.gates.gates import Gates
from luziad.scheduling.gates.hold import HoldControl, HoldGate
from luziad.scheduling.gates.start_time import StartTimeGate
from luziad.scheduling.gates.usage_limit import UsageLimitGate
from luziad.scheduling.joint_admission import JointAdmission
from luziad.scheduling.machine_load import MachineLoad
from luziad.scheduling.pause import PauseControl
from luziad.scheduling.queue_control import Exemptions, QueueControl
from luziad.scheduling.races import Races
from luziad.scheduling.ready.limits import configured_limits
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.scheduling.retention import Retention
from luziad.scheduling.retry.next_attempt import RetryPlanner
from luziad.scheduling.retry.policies import RetryPolicies
from luziad.scheduling.reviews import Reviews
from luziad.scheduling.revival import Revival
from luziad.scheduling.scheduler import Scheduler
from luziad.scheduling.shortage import Shortage
from luziad.scheduling.slot_lending import SlotLending
from luziad.scheduling.starter import Starter
from luziad.scheduling.stopping import AttemptStopper
from luziad.scheduling.sub_jobs import SubJobs
from luziad.scheduling.takeovers import Takeovers
from luziad.scheduling.transitions import Transitions
from luziad.server import systemd
from luziad.server.connection_limits import ConnectionLimits
from luziad.server.listener import Listener
from luziad.server.presence import Presence
from luziad.server.runtime_dir import DirectoryLock, prepare_directory, prepare_runtime_dir
from luziad.server.service_status import ServiceStatus
from luziad.server.session import Session
from luziad.server.spare_memory import SpareMemory
from luziad.store import repair, snapshots
from luziad.store.recovery import open_store
from luziad.store.single_values import SingleValues
from luziad.store.sqlite import EventReader
from luziad.supervise.system_errors import describe_error
from luziad.turns.turns import Cascade, Turns

if TYPE_CHECKING:
    from luziad.executor.ray.executor import RayExecutor

log = logging.getLogger("luziad.app")

GIT_THREADS = 4
LARGE_READS = 2
RELOAD_DELAY_S = 0.1


async def serve(config: Config, ready: Callable[[], None], *, reset_inherited: bool = False) -> None:
    """Run the daemon until it is asked to stop; `ready` is called when it listens. Raises StartupError.

    reset_inherited: a shell has started it, whose umask, limits and the like must not reach the jobs of others.
    """
    notices = process_state.reset_process_state() if reset_inherited else []
    places = open_files.raise_limit(config.daemon.max_connections, config.daemon.max_running)
    prepare_runtime_dir(config.runtime_dir)
    prepare_directory(config.state_dir, "LUZIA_STATE_DIR")
    prepare_directory(config.jobs_dir, "LUZIA_JOBS_DIR")
    with (
        DirectoryLock(config.runtime_dir, config.socket) as runtime_lock,
        DirectoryLock(config.state_dir, config.socket) as state_lock,
    ):
        await App(config, places, notices, runtime_lock, state_lock).run(ready)


class App:
    """The daemon's parts.

    places: connections for which the system's limit of open files leaves room. notices: what the operator should know.
    runtime_lock, state_lock: held.

    The parts are constructed below in the order in which they need one another. Two lists are worth knowing: the gates
    in `_build_scheduler`, and the observers in `_observers_in_order`.
    """

    def __init__(
        self,
        config: Config,
        places: int,
        notices: Sequence[str],
        runtime_lock: DirectoryLock,
        state_lock: DirectoryLock,
    ) -> None:
        self._config = config
        self._notices = [*notices]
        self._state_dir = Path(config.state_dir)
        self._memory = AddressSpace()  # before the first thread
        self._files = start_pool(1, "files")
        self._slow = start_pool(1, "slow-files")
        self._reading = start_pool(1, "reading")
        self._searching = start_pool(1, "searching")
        self._git_threads = start_pool(GIT_THREADS, "git")
        self._watchdog: asyncio.TimerHandle | None = None
        self._reloading: asyncio.TimerHandle | None = None
        self._turns = Turns()
        self._cascade = Cascade(self._turns)
        self._observers = Observers()
        self._build_base()
        self._build_queue()
        self._build_attempts()
        self._build_scheduler()
        self._build_services(places)
        self._presence = Presence(config.socket, runtime_lock, state_lock, self._listener)
        self._observers.add(*self._observers_in_order())

    def _build_base(self) -> None:
        """The store, what it holds, and what runs attempts."""
        config = self._config
        try:
            opened = open_store(self._state_dir, Path(config.jobs_dir), load)
        except OSError as exc:
            raise StartupError(f"the job store in {self._state_dir} cannot be opened: {describe_error(exc)}") from exc
        self._store = opened.store
        self._notices += opened.notices
        self._was_repaired = opened.least_seq > 0
        self._table, self._environments = opened.loaded
        self._journal = Journal(self._store, opened.least_seq)
        self._journal.when_recovered(self._observers.store_recovered)
        self._watcher = FileWatcher()
        self._directories = JobDirectories(config.jobs_dir, config.default_jobs_dir, self._table.newest_first())
        self._local = LocalExecutor(config.jobs_dir, self._directories, self._watcher, self._files, self._slow)
        self._clusters: Mapping[str, RayExecutor] = {}
        if config.executors:
            from luziad.executor.ray.executor import make_clusters

            directory = self._local.attempt_directory
            self._clusters = make_clusters(config.executors, config.state_dir, directory, self._files)
        self._executor: Executor = self._local
        if self._clusters or any(record.executor is not None for record in self._table.active()):
            self._executor = Executors(self._local, self._clusters, self._cluster_of)
        whole_spec = SingleValues(self._state_dir).spec
        self._launcher = Launcher(
            config,
            base_environment(os.environ, process_state.user_variables()),
            self._environments,
            self._executor,
            whole_spec,
        )
        self._family_budgets = FamilyBudgets(self._table, self._launcher.budget)

    def _cluster_of(self, job: str) -> str | None:
        record = self._table.get(job)
        return None if record is None else record.executor

    def _build_queue(self) -> None:
        """What queued jobs wait in, and what changes their states."""
        config, start_jobs = self._config, self._observers.start_possible
        self._ready = ReadyQueue(configured_limits(config))
        self._names = ProjectNames(config.projects)
        self._queues = QueueControl(self._state_dir, self._ready, self._names, self._files, start_jobs)
        self._exemptions = Exemptions(self._table, self._ready, self._queues)
        self._machine = MachineLoad(config.daemon, start_jobs)
        self._shortage = Shortage(functools.partial(probe_start, config.jobs_dir), self._slow, start_jobs)
        self._lending = SlotLending(self._ready, self._table, start_jobs)
        self._gates = Gates(self._ready, start_jobs, self._exemptions, self._machine, self._shortage, self._cascade.add)
        self._transitions = Transitions(self._table, self._journal, self._observers, self._gates)
        self._attached = AttachedProcesses(self._executor.output_path, self._slow)
        self._takeovers = Takeovers()
        self._stopper = AttemptStopper(
            self._transitions,
            self._journal,
            self._executor,
            self._attached,
            self._launcher.grace_s,
            self._observers,
        )

    def _build_attempts(self) -> None:
        """What prepares, watches and judges attempts."""
        launcher, executor, stop = self._launcher, self._executor, self._stopper.stop
        self._worktrees = Worktrees(launcher, self._config.trees_dir, self._table, self._journal, self._git_threads)
        self._collisions = Collisions(self._table)
        self._collision_watch = CollisionWatch(
            self._table, self._collisions, self._worktrees, self._journal, self._observers
        )
        self._reviews = Reviews(table=self._table, journal=self._journal, observers=self._observers)
        grace_s = self._config.daemon.discard_grace_s
        self._discarded = DiscardedWork(self._worktrees, self._table, self._reviews, grace_s)
        self._progress = ProgressRecorder(self._journal, self._observers)
        reports = OutputReports(self._transitions, self._progress, self._stopper, executor, self._observers)
        self._output = LiveOutput(self._watcher, self._reading, reports)
        self._judge = OutputJudge(self._table, launcher, executor, self._output, reports)
        self._timeouts = Timeouts(launcher.timeout_s, stop)
        self._stalls = StallWatch(
            timeout_s=launcher.stall_timeout_s,
            streams=executor.output_paths,
            files=self._files,
            stop=stop,
            is_excused=self._lending.has_lent,
        )
        self._budgets = BudgetWatch(stop, self._family_budgets, self._judge.has_finished)
        self._pauses = PauseControl(self._transitions, self._journal, executor, self._timeouts, self._observers)
        self._questions = Questions(
            transitions=self._transitions,
            executor=executor,
            launcher=launcher,
            journal=self._journal,
            observers=self._observers,
            files=self._slow,
        )

    def _build_scheduler(self) -> None:
        """What admits, starts, ends and removes jobs, and the gates."""
        table, journal, observers, gates = self._table, self._journal, self._observers, self._gates
        self._usage_limits = UsageLimitGate(gates.admit)
        self._breaker = CircuitBreakerGate(table, gates.admit)
        retries = RetryPlanner(RetryPolicies(self._launcher), (self._usage_limits, self._breaker))
        self._completion = Completion(
            transitions=self._transitions,
            journal=journal,
            gates=gates,
            ready=self._ready,
            retries=retries,
            judge=self._judge,
            stopper=self._stopper,
            shortage=self._shortage,
            takeovers=self._takeovers,
            timeout_s=self._launcher.timeout_s,
            observers=observers,
        )
        self._daily_budget = DailyBudgetGate(
            table, self._launcher, gates.admit, self._stopper.stop, self._judge.has_finished
        )
        ended_families = EndedFamilyGate(gates.admit)
        gates.add(
            ended_families,
            HoldGate(),
            self._usage_limits,
            self._breaker,
            self._daily_budget,
            StartTimeGate(gates.admit),
            DependencyGate(table, gates.admit, self._completion.skip, self._cascade.add),
        )
        self._deadlines = Deadlines(self._completion.end)
        self._races = Races(table, self._worktrees, self._discarded, self._completion.end)
        self._sub_jobs = SubJobs(table, self._completion.end, ended_families, self._cascade.add)
        self._retention = Retention(
            table=table,
            journal=journal,
            environments=self._environments,
            executor=self._executor,
            observers=observers,
            max_jobs=self._config.daemon.max_jobs,
        )
        self._attachments = Attachments(
            launcher=self._launcher,
            processes=self._attached,
            transitions=self._transitions,
            journal=journal,
            gates=gates,
            stopper=self._stopper,
            takeovers=self._takeovers,
            retries=retries,
            observers=observers,
            end_attempt=self._completion.end_attached,
            files=self._slow,
        )
        self._starter = self._new_starter(retries)
        self._scheduler = self._new_scheduler(retries)

    def _new_starter(self, retries: RetryPlanner) -> Starter:
        return Starter(
            table=self._table,
            journal=self._journal,
            ready=self._ready,
            gates=self._gates,
            queues=self._queues,
            exemptions=self._exemptions,
            machine=self._machine,
            shortage=self._shortage,
            lending=self._lending,
            transitions=self._transitions,
            completion=self._completion,
            retries=retries,
            launcher=self._launcher,
            daily_budget=self._daily_budget,
            family_budgets=self._family_budgets,
            executor=self._executor,
            worktrees=self._worktrees,
            observers=self._observers,
        )

    def _new_scheduler(self, retries: RetryPlanner) -> Scheduler:
        admission = Admission(
            table=self._table,
            journal=self._journal,
            environments=self._environments,
            transitions=self._transitions,
            gates=self._gates,
            ready=self._ready,
            observers=self._observers,
        )
        self._joint = JointAdmission(admission)
        return Scheduler(
            table=self._table,
            names=self._names,
            journal=self._journal,
            environments=self._environments,
            executor=self._executor,
            launcher=self._launcher,
            ready=self._ready,
            gates=self._gates,
            queues=self._queues,
            machine=self._machine,
            daily_budget=self._daily_budget,
            family_budgets=self._family_budgets,
            usage_limits=self._usage_limits,
            breaker=self._breaker,
            transitions=self._transitions,
            completion=self._completion,
            retries=retries,
            revival=Revival(
                table=self._table,
                journal=self._journal,
                transitions=self._transitions,
                retries=retries,
                observers=self._observers,
                in_turns=self._cascade.add,
            ),
            sub_jobs=self._sub_jobs,
            races=self._races,
            progress=self._progress,
            admission=admission,
            joint=self._joint,
            retention=self._retention,
            lending=self._lending,
            pauses=self._pauses,
            holds=HoldControl(self._table, self._gates, self._journal),
            attachments=self._attachments,
            questions=self._questions,
            worktrees=self._worktrees,
            discarded=self._discarded,
            reviews=self._reviews,
            observers=self._observers,
        )

    def _build_services(self, places: int) -> None:
        """What answers clients, and what else the daemon does."""
        daemon = self._config.daemon
        notices = [*self._notices, *self._queues.notices]
        sessions: set[Session] = set()
        subscribers: set[object] = set()
        self._operations = Operations(
            config=self._config,
            scheduler=self._scheduler,
            executor=self._local,
            clusters=self._clusters,
            connections=sessions,
            subscribers=subscribers,
            start_notices=notices,
            watcher=self._watcher,
            shortage=self._shortage,
            log_file=_log_file(),
            last_snapshot=next(map(str, snapshots.newest_first(self._state_dir)), None),
        )
        self._shutdown = Shutdown()
        job_factory = JobFactory(self._scheduler, self._operations, self._shutdown, self._memory)
        self._schedules = ScheduleManager(
            load_schedules(self._store), self._scheduler, job_factory.create_scheduled, Cascade(self._turns).add
        )
        self._status_files = StatusFiles(self._executor.job_directory, self._view, self._files)
        self._service_status = ServiceStatus(self._table)
        self._day_totals = DayTotals(self._table)
        self._past_races = PastRaces(self._state_dir, self._files)
        self._reader = EventReader(self._state_dir)
        in_background = Cascade(self._turns).add  # its own: what else the daemon does in steps must not wait for it
        self._search = JobSearch(self._table, self._journal.subscribe, self._launcher.whole_spec, in_background)
        self._fulltext = FullText(
            self._table,
            self._executor,
            Index(self._state_dir / SEARCH_NAME, daemon.max_search_bytes),
            self._launcher.whole_spec,
            self._launcher.transcript,
            self._journal.subscribe,
            self._searching,
        )
        self._services = Services(
            scheduler=self._scheduler,
            table=self._table,
            day_totals=self._day_totals,
            journal=self._journal,
            schedules=self._schedules,
            operations=self._operations,
            job_factory=job_factory,
            shutdown=self._shutdown,
            files=self._files,
            large_reads=asyncio.Semaphore(LARGE_READS),
            watcher=self._watcher,
            finals=FinishWaiters(self._journal),
            history=History(self._reader, self._files),
            search=self._search,
            fulltext=self._fulltext,
            collisions=self._collisions,
            past_races=self._past_races,
            graph_parts=GraphParts(),
            subscribers=subscribers,
        )
        self._snapshotting = SnapshotTimer(
            self._journal, self._state_dir, daemon.snapshot_interval_s, self._slow, self._operations.snapshot_taken
        )
        limits = ConnectionLimits(daemon.max_connections, daemon.max_connections_per_uid, places)
        self._spare_memory = SpareMemory(self._slow, lambda: self._ready.running)
        self._listener = Listener(self._services, self._turns, limits, sessions, self._spare_memory)

    def _observers_in_order(self) -> tuple[JobObserver, ...]:
        """The observers, in the order in which each hook calls them."""
        return (
            self._pauses,  # before the timeouts: the timer of an attempt that starts paused must not run
            self._timeouts,
            self._deadlines,
            self._stalls,
            self._judge,
            self._budgets,  # before the daily budget: when both are used up, the job's own is the reason
            self._questions,
            self._sub_jobs,  # before the gates: sub-jobs are cancelled, and not admitted to be cancelled then
            self._lending,  # before the gates: jobs that reclaim their slots get them before others start
            *self._gates,
            self._worktrees,
            self._collision_watch,
            self._races,  # after the worktrees: it removes those that they have unlocked
            self._retention,  # after all that handles the end of a job: it may remove the job
            self._shortage,
            self._starter,
            self._schedules,  # after the starter: what has waited for the store starts before new runs
            self._status_files,
            self._service_status,
            self._day_totals,
            self._past_races,
            self._discarded,
            self._spare_memory,
        )

    async def run(self, ready: Callable[[], None]) -> None:
        """Start, serve until asked to stop, and stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._shutdown.request)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)
        self._presence.listen(systemd.activated_socket())
        self._journal.start()
        try:
            reports = ExecutorReports(
                self._transitions, self._journal, self._observers, self._completion, self._shortage
            )
            await self._executor.start(reports)
            if self._was_repaired:
                for record in find_newer_jobs(self._directories.all, self._table):
                    self._directories.add(record)
                    self._scheduler.admission.adopt(record)
                self._journal.after_commit(CommitCallbacks(self._finish_repair, _report_unfinished_repair))
            self._journal.delete_environments(self._environments.drop_unused())
            self._collisions.recover()
            self._scheduler.recover()
            self._schedules.check()
            gc.collect()
            gc.freeze()  # the jobs that were loaded stay; the collector need not walk them again
            self._presence.start()
            ready()
            systemd.notify("READY=1")
            self._service_status.send()
            self._pet_watchdog()
            log.info("ready pid=%d socket=%s jobs=%d", os.getpid(), self._config.socket, len(self._table))
            await self._shutdown.wait()
        finally:
            await self._close()

    async def _close(self) -> None:
        log.info("stopping running=%d", self._ready.running)
        systemd.notify("STOPPING=1")
        self._shutdown.request()
        for timer in (self._watchdog, self._reloading):
            if timer is not None:
                timer.cancel()
        self._service_status.close()
        await self._executor.stop()
        self._starter.close()
        self._joint.close()
        self._timeouts.close()
        self._deadlines.close()
        for gate in self._gates:
            gate.close()
        self._stalls.close()
        self._machine.close()
        self._shortage.close()
        self._discarded.close()
        await self._attachments.close()
        self._collision_watch.close()
        await self._worktrees.close()
        await self._races.close()
        await self._completion.close()
        self._schedules.close()
        await self._output.close()
        self._status_files.flush()
        await self._snapshotting.close()
        await self._journal.close()
        await self._fulltext.close()
        self._searching.shutdown()
        self._presence.close()
        await self._watcher.close()
        self._operations.close()
        self._files.shutdown()
        self._queues.close()
        self._reading.shutdown()
        self._slow.shutdown()
        self._reader.close()
        self._store.close()

    def _reload_soon(self) -> None:
        """Reload once for all signals that come in a short time: any process of the user can send many."""
        if self._reloading is None:
            self._reloading = asyncio.get_running_loop().call_later(RELOAD_DELAY_S, self._reload)

    def _reload(self) -> None:
        self._reloading = None
        try:
            self._operations.reload()
        except Refused as refused:
            log.error("reload_refused mistakes=%s", refused.message)

    def _pet_watchdog(self) -> None:
        interval_s = systemd.watchdog_interval_s()
        if interval_s is not None:
            systemd.notify("WATCHDOG=1")
            self._watchdog = asyncio.get_running_loop().call_later(interval_s, self._pet_watchdog)

    def _finish_repair(self) -> None:
        self._slow.submit(repair.finish, self._state_dir)

    def _view(self, record: JobRecord) -> Job:
        return self._services.view(record, whole=True)


def _log_file() -> str | None:
    """The file that stderr goes to, if it is one."""
    try:
        target = os.readlink("/proc/self/fd/2")
    except OSError:
        return None
    return target if target.startswith("/") and os.path.isfile(target) and sys.stderr else None


def _report_unfinished_repair(error: StorageError) -> None:
    log.error("repair_not_finished error=%s", error)  # the next start continues it
