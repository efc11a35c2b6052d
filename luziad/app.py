"""The composition root: builds the parts, starts them in order, and stops them in the reverse one."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Job

from luziad.agents import registry
from luziad.attempts.launch import Launcher, base_environment
from luziad.attempts.questions import Questions
from luziad.attempts.readers import LiveReaders
from luziad.attempts.stall import StallWatch
from luziad.attempts.verdict import OutputJudge
from luziad.attempts.worktrees import Worktrees
from luziad.config.schema import Config
from luziad.errors import StartupError
from luziad.executor.local import LocalExecutor
from luziad.handlers.dispatch.job_factory import JobFactory
from luziad.handlers.services import Services
from luziad.jobs.environments import Environments
from luziad.jobs.record import JobRecord
from luziad.jobs.status_file import StatusFiles
from luziad.jobs.table import JobTable
from luziad.journal.commit_listeners import RepairListener
from luziad.journal.finish_waiters import FinishWaiters
from luziad.journal.history import History
from luziad.journal.journal import Journal
from luziad.journal.loading import find_newer_jobs, load, load_schedules
from luziad.journal.snapshot_timer import SnapshotTimer
from luziad.operations import open_files
from luziad.operations.operations import Operations
from luziad.operations.shutdown import Shutdown
from luziad.output.inotify import FileWatcher
from luziad.schedules.manager import ScheduleManager
from luziad.scheduling.gates.dependencies import DependencyGate
from luziad.scheduling.gates.start_time import TimeGate
from luziad.scheduling.queue_control import QueueStops
from luziad.scheduling.ready.limits import configured_limits
from luziad.scheduling.ready.queue import ReadyQueue
from luziad.scheduling.scheduler import Scheduler
from luziad.server import systemd
from luziad.server.admission import ConnectionLimits
from luziad.server.listener import Listener
from luziad.server.runtime_dir import bind, lock, prepare_runtime_dir, unbind
from luziad.server.session import Session
from luziad.store import repair, snapshots
from luziad.store.recovery import open_store
from luziad.store.sqlite import EventReader
from luziad.worktrees.git import Git

log = logging.getLogger("luziad.app")


async def serve(config: Config, ready: Callable[[], None]) -> None:
    """Run the daemon until it is asked to stop; `ready` is called when it listens. Raises StartupError."""
    places = open_files.raise_limit(config.daemon.max_connections, config.daemon.max_running)
    prepare_runtime_dir(config.runtime_dir)
    _make_private(Path(config.state_dir))
    _make_private(Path(config.jobs_dir))
    with lock(config.runtime_dir), lock(config.state_dir):
        await App(config, places).run(ready)


class App:
    """The daemon's parts. Create it with the locks of the runtime and the state directory held.

    places: connections for which the system's limit of open files leaves room.
    """

    def __init__(self, config: Config, places: int) -> None:
        self._config = config
        state_dir = Path(config.state_dir)
        self._files = ThreadPoolExecutor(1, "files")
        self._slow = ThreadPoolExecutor(1, "slow-files")
        try:
            opened = open_store(state_dir, Path(config.jobs_dir), load)
        except OSError as exc:
            raise StartupError(f"the job store in {state_dir} cannot be opened: {exc}") from exc
        self._store = opened.store
        table, environments = opened.loaded
        self._environments = environments
        self._repaired = opened.least_seq > 0
        self._journal = Journal(self._store, opened.least_seq)
        self._executor = LocalExecutor(config.jobs_dir, self._files, self._slow)
        launcher = Launcher(config, registry.build(config.agents), environments, self._executor)
        launcher.base = base_environment(os.environ)
        self._watcher = FileWatcher()
        self._reading = ThreadPoolExecutor(1, "reading")
        self._readers = LiveReaders(self._watcher, self._reading)
        self._status_files = StatusFiles(self._executor.job_directory, self._view, self._files)
        self._scheduler = self._new_scheduler(config, table, environments, launcher)
        self._time_gate = TimeGate(self._scheduler.gates.admit)
        self._scheduler.gates.add(self._time_gate)
        dependency_gate = DependencyGate(table, self._scheduler.gates.admit, self._scheduler.skip)
        self._scheduler.gates.add(dependency_gate)
        self._scheduler.ended.append(dependency_gate.ended)
        notices = [*opened.notices, *self._scheduler.queues.notices]
        sessions: set[Session] = set()
        subscribers: set[object] = set()
        self._operations = Operations(
            config,
            self._scheduler,
            executor=self._executor,
            connections=sessions,
            subscribers=subscribers,
            notices=notices,
            log_file=_log_file(),
            last_snapshot=next(map(str, snapshots.newest_first(state_dir)), None),
        )
        self._shutdown = Shutdown()
        job_factory = JobFactory(self._scheduler, self._operations, self._shutdown)
        self._schedules = ScheduleManager(load_schedules(self._store), self._scheduler, job_factory.create_scheduled)
        self._readers.told = self._scheduler.understood
        self._readers.lingering = self._scheduler.lingers
        self._readers.finished = self._scheduler.questions.all_said
        self._reader = EventReader(state_dir)
        self._services = Services(
            scheduler=self._scheduler,
            table=table,
            journal=self._journal,
            schedules=self._schedules,
            operations=self._operations,
            job_factory=job_factory,
            shutdown=self._shutdown,
            files=self._files,
            watcher=self._watcher,
            finals=FinishWaiters(self._journal),
            history=History(self._reader, self._files),
            subscribers=subscribers,
        )
        self._snapshotting = SnapshotTimer(
            self._journal, state_dir, config.daemon.snapshot_interval_s, self._slow, self._operations.snapshot_taken
        )
        self._listener = Listener(
            self._services,
            ConnectionLimits(config.daemon.max_connections, config.daemon.max_connections_per_uid, places),
            sessions,
        )
        self._watchdog: asyncio.TimerHandle | None = None

    def _new_scheduler(
        self, config: Config, table: JobTable, environments: Environments, launcher: Launcher
    ) -> Scheduler:
        """The scheduler with the parts that nothing else needs."""
        ready = ReadyQueue(configured_limits(config))
        return Scheduler(
            table=table,
            ready=ready,
            journal=self._journal,
            executor=self._executor,
            launcher=launcher,
            environments=environments,
            judge=OutputJudge(launcher, self._executor, self._readers),
            stalls=StallWatch(launcher.stall_timeout_s, self._executor.output_paths, self._files),
            worktrees=Worktrees(Git(launcher.base), config.trees_dir, table, self._journal),
            questions=Questions(self._executor, launcher, self._journal, self._slow),
            queues=QueueStops(Path(config.state_dir), ready, self._files),
            changed=self._status_files.schedule_write,
            max_jobs=config.daemon.max_jobs,
        )

    async def run(self, ready: Callable[[], None]) -> None:
        """Start, serve until asked to stop, and stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._shutdown.request)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        self._journal.when_recovered(self._recovered)
        activated = systemd.activated_socket()
        listening = activated or bind(self._config.socket)
        self._journal.start()
        try:
            await self._executor.start(self._scheduler)
            if self._repaired:
                for record in find_newer_jobs(Path(self._config.jobs_dir), self._scheduler.table):
                    self._scheduler.adopt(record)
                self._journal.after_commit(RepairListener(self._finish_repair))
            self._journal.delete_environments(self._environments.drop_unused())
            self._scheduler.resume()
            self._schedules.check()
            gc.collect()
            gc.freeze()  # the jobs that were loaded stay; the collector need not walk them again
            self._listener.start(listening)
            ready()
            systemd.notify("READY=1")
            self._pet_watchdog()
            log.info("ready pid=%d socket=%s jobs=%d", os.getpid(), self._config.socket, len(self._scheduler.table))
            await self._shutdown.wait()
        finally:
            await self._close(listening)
            if activated is None:
                unbind(self._config.socket)

    async def _close(self, listening: socket.socket) -> None:
        log.info("stopping running=%d", self._scheduler.ready.running)
        systemd.notify("STOPPING=1")
        self._shutdown.request()
        if self._watchdog is not None:
            self._watchdog.cancel()
        await self._executor.stop()
        await self._scheduler.stop()
        self._time_gate.close()
        self._schedules.close()
        await self._readers.close()
        self._status_files.flush()
        await self._snapshotting.close()
        await self._journal.close()
        self._listener.close()
        listening.close()
        await self._watcher.close()
        self._operations.close()
        self._files.shutdown()
        self._scheduler.queues.close()
        self._reading.shutdown()
        self._slow.shutdown()
        self._reader.close()
        self._store.close()

    def _reload(self) -> None:
        try:
            self._operations.reload()
        except Refused as refused:
            log.error("reload_refused mistakes=%s", refused.message)

    def _pet_watchdog(self) -> None:
        interval_s = systemd.watchdog_interval_s()
        if interval_s is not None:
            systemd.notify("WATCHDOG=1")
            self._watchdog = asyncio.get_running_loop().call_later(interval_s, self._pet_watchdog)

    def _recovered(self) -> None:
        """The store can be written again."""
        self._scheduler.pump()
        self._schedules.check()

    def _finish_repair(self) -> None:
        self._slow.submit(repair.finish, Path(self._config.state_dir))

    def _view(self, record: JobRecord) -> Job:
        return self._services.view(record, whole=True)


def _make_private(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise StartupError(f"{path} is not writable: correct its mode, or set LUZIA_STATE_DIR")
    except OSError as exc:
        raise StartupError(f"the directory {path} cannot be used: {exc.strerror}") from exc


def _log_file() -> str | None:
    """The file that stderr goes to, if it is one."""
    try:
        target = os.readlink("/proc/self/fd/2")
    except OSError:
        return None
    return target if target.startswith("/") and os.path.isfile(target) and sys.stderr else None
