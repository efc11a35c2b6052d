"""What an operator does to the daemon as a whole: its configuration, and how it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState
from luzia_protocol.version import PROTOCOL_VERSION, VERSION

from luziad.agents import registry
from luziad.config import load as configuration
from luziad.config.schema import Config
from luziad.errors import ConfigError
from luziad.operations.programs import Programs
from luziad.operations.versions import Told, Versions
from luziad.scheduling.ready.limits import configured_limits
from luziad.scheduling.scheduler import Scheduler

RESTART_ONLY = ("max_connections", "max_connections_per_uid", "snapshot_interval_s", "log_level")
"""Settings of [daemon] that a reload does not apply."""

VERSIONS_WAIT_S = 5.0
"""How long the list of agents waits for their versions; what comes later is in the next one."""


class Operations:
    """Holds the configuration in force and applies a new one; knows the daemon's figures.

    Other parts fill in `connections`, `subscribers`, `fork_server_pid` and `last_snapshot`.
    """

    def __init__(self, config: Config, scheduler: Scheduler, notices: list[str], log_file: str | None) -> None:
        self.config = config
        self.notices = notices
        self.programs = Programs()
        self.versions = Versions(scheduler.launcher.base)
        self.connections: Callable[[], int] = int
        self.subscribers = 0
        self.fork_server_pid: Callable[[], int | None] = lambda: None
        self.last_snapshot: str | None = None
        self._scheduler = scheduler
        self._log_file = log_file
        self._started = time.monotonic()
        self._started_at = datetime.now(UTC)

    def reload(self) -> replies.ReloadResult:
        """Read the configuration again and apply it. Raises Refused when it is broken; nothing changes then."""
        try:
            new = configuration.load()
        except ConfigError as exc:
            raise Refused(ErrorCode.CONFIG_INVALID, str(exc)) from exc
        old, self.config = self.config, new
        launcher = self._scheduler.launcher
        launcher.config = new
        launcher.adapters.clear()
        launcher.adapters.update(registry.build(new.agents))
        self._scheduler.max_jobs = new.daemon.max_jobs
        self._scheduler.ready.set_limits(configured_limits(new))
        self._scheduler.machine.set_bounds(new.daemon)
        self._scheduler.days.reload()
        self._scheduler.retain()
        self._scheduler.pump()
        changed = [name for name in RESTART_ONLY if getattr(old.daemon, name) != getattr(new.daemon, name)]
        return replies.ReloadResult(
            config_file=new.config_file,
            projects=len(new.projects),
            agents=len(launcher.adapters),
            restart_needed=changed,
        )

    def projects(self) -> replies.ProjectList:
        """The configured projects by name."""
        rows = []
        for name, project in sorted(self.config.projects.items()):
            counts = self._scheduler.table.counts([name])
            live = sum(count for state, count in counts.items() if not state.is_final)
            queued = counts.get(JobState.QUEUED, 0)
            rows.append(
                replies.Project(
                    name=name,
                    path=project.path,
                    exists=os.path.isdir(project.path),
                    agent=project.agent,
                    max_running=project.max_running,
                    running=live - queued,
                    queued=queued,
                    paused_at=self._scheduler.queues.now.projects.get(name),
                )
            )
        return replies.ProjectList(projects=rows, config_file=self.config.config_file)

    async def agents(self, versions: bool) -> replies.AgentList:
        """The agents, if wanted with their versions, and which of them a dispatch takes that names none."""
        adapters = self._scheduler.launcher.adapters
        try:
            default = registry.choose(None, None, self.config.daemon.default_agent, adapters, self._which).name
        except Refused:
            default = None
        own = {name for name, each in self.config.agents.items() if each.command is not None}
        paths = {name: self._which(adapter.program) for name, adapter in adapters.items() if adapter.program}
        asked = {path for name, path in paths.items() if versions and path and adapters[name].has_version_option}
        told = await self.versions.of(asked, VERSIONS_WAIT_S)
        rows = []
        for adapter in list(adapters.values()):
            path = paths.get(adapter.name)
            version, problem = told.get(path or "", Told(None, ""))
            rows.append(
                replies.Agent(
                    name=adapter.name,
                    source="config" if adapter.name in own else "built-in",
                    installed=adapter.program is None or path is not None,
                    path=path,
                    default=adapter.name == default,
                    version=version,
                    problem=problem,
                    install_hint=adapter.install_hint,
                )
            )
        return replies.AgentList(agents=rows)

    def info(self) -> replies.DaemonInfo:
        """The daemon's figures."""
        scheduler, config = self._scheduler, self.config
        failure = scheduler.journal.failure
        return replies.DaemonInfo(
            version=VERSION,
            protocol=PROTOCOL_VERSION,
            pid=os.getpid(),
            started_at=self._started_at,
            uptime_s=time.monotonic() - self._started,
            socket=config.socket,
            runtime_dir=config.runtime_dir,
            state_dir=config.state_dir,
            jobs_dir=config.jobs_dir,
            config_file=config.config_file,
            log_file=self._log_file,
            counts=scheduler.table.counts(),
            seq=scheduler.journal.committed_seq,
            slots=scheduler.ready.slots,
            slots_used=scheduler.ready.running,
            connections=self.connections(),
            subscribers=self.subscribers,
            rss_bytes=_rss_bytes(),
            max_jobs=config.daemon.max_jobs,
            storage="ok" if failure is None else str(failure),
            last_snapshot=self.last_snapshot,
            managed_by="systemd" if "INVOCATION_ID" in os.environ else "user",
            fork_server_pid=self.fork_server_pid(),
            notices=self.notices,
            queues=scheduler.queues.now,
        )

    def _which(self, program: str) -> str | None:
        return self.programs.which(program, None)


def _rss_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
