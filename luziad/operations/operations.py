"""The configuration in force, and the status of the daemon as a whole."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol

from luzia_protocol import replies
from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Bounds, JobState
from luzia_protocol.times import to_datetime
from luzia_protocol.version import PROTOCOL_VERSION, VERSION

from luziad.agents import registry
from luziad.agents.base import Adapter
from luziad.config import load as configuration
from luziad.config.schema import Config, ProjectConfig
from luziad.config.shipped_agents import is_shipped
from luziad.errors import ConfigError
from luziad.jobs.requirements import Requirements
from luziad.operations.programs import Programs, search_path
from luziad.operations.versions import UNKNOWN_VERSION, Program, VersionProbe
from luziad.scheduling.scheduler import Scheduler

RESTART_ONLY = ("max_connections", "max_connections_per_uid", "snapshot_interval_s", "log_level", "max_search_bytes")
"""Settings of [daemon] that a reload does not apply."""

VERSIONS_WAIT_S = 5.0
"""How long a list of agents waits for their versions; later ones are in the next list."""

MAX_RECENT_JOBS = 1000
"""The newest jobs whose models are offered again."""


class HasForkServer(Protocol):
    """The executor, as far as the daemon's status shows it."""

    @property
    def fork_server_pid(self) -> int | None:
        """The fork server's process, None while it is not running."""

    @property
    def limits_problem(self) -> str | None:
        """Which limits of a job cannot be enforced, and why; None when all can."""


class Cluster(Protocol):
    """An executor of a cluster."""

    @property
    def cluster_problem(self) -> str | None:
        """Why it cannot be used, as far as it is known; None when it can."""

    @property
    def is_refused(self) -> bool:
        """Whether the problem does not end by itself."""

    def infeasible_reason(self, requirements: Requirements) -> str | None:
        """Why a job could never run there, as far as it is known; None when it could."""

    def unsupported_reason(self, bounds: Bounds) -> str | None:
        """Why limits cannot be enforced there; None when they can."""


class HasProblem(Protocol):
    """What may work in a worse way for a time."""

    problem: str | None


class HasReason(Protocol):
    """What may keep jobs from starting for a time."""

    @property
    def reason(self) -> str | None: ...


@dataclass(kw_only=True, eq=False)
class Operations:
    """Holds the configuration in force, applies a new one, and reports the daemon's status.

    start_notices: what the operator should know of the start. clusters: the executors of clusters by name.
    watcher: that of the output. shortage: what further attempts lack. log_file: None when stderr is not a file.
    connections, subscribers: those that are open. last_snapshot: the newest file at the start.
    """

    config: Config
    scheduler: Scheduler
    executor: HasForkServer
    clusters: Mapping[str, Cluster]
    connections: Sized
    subscribers: Sized
    start_notices: list[str]
    watcher: HasProblem
    shortage: HasReason
    log_file: str | None
    last_snapshot: str | None
    programs: Programs = field(default_factory=Programs, init=False)
    _started: float = field(default_factory=time.monotonic, init=False)

    def __post_init__(self) -> None:
        self._versions = VersionProbe()
        self._started_at = datetime.now(UTC)

    @property
    def notices(self) -> list[str]:
        """What the operator should know."""
        clusters = [
            f"executor {name}: {each.cluster_problem}" for name, each in self.clusters.items() if each.cluster_problem
        ]
        return [*self.start_notices, *filter(None, (self.watcher.problem, self.shortage.reason)), *clusters]

    def close(self) -> None:
        """Stop the programs whose versions are being read."""
        self._versions.close()

    def snapshot_taken(self, file: str) -> None:
        """Report this snapshot as the newest."""
        self.last_snapshot = file

    def reload(self) -> replies.ReloadResult:
        """Read the configuration again and apply it. Raises Refused when it is invalid, and changes nothing then."""
        try:
            new = configuration.load()
        except ConfigError as exc:
            raise Refused(ErrorCode.CONFIG_INVALID, str(exc)) from exc
        old, self.config = self.config, new
        self.scheduler.set_config(new)
        changed = [name for name in RESTART_ONLY if getattr(old.daemon, name) != getattr(new.daemon, name)]
        if old.executors != new.executors:
            changed.append("executors")
        return replies.ReloadResult(
            config_file=new.config_file,
            projects=len(new.projects),
            agents=len(self.scheduler.launcher.adapters),
            restart_needed=changed,
        )

    def projects(self) -> replies.ProjectList:
        """The configured projects by name."""
        rows = []
        for name, project in sorted(self.config.projects.items()):
            counts = self.scheduler.table.counts([name])
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
                    paused_at=self.scheduler.queues.now.projects.get(name),
                    mcp_merge=project.mcp_merge,
                    verify=project.verify,
                    pull_request=project.pull_request,
                )
            )
        return replies.ProjectList(projects=rows, config_file=self.config.config_file)

    async def agents(self, versions: bool, caller: dict[str, str], project: ProjectConfig) -> replies.AgentList:
        """The agents that a job of this project would find, and which of them is the default.

        versions: read their versions, too. caller: the variables of the caller.
        """
        launcher = self.scheduler.launcher
        adapters = launcher.adapters
        environments = {
            name: launcher.agent_environment(adapter, project, caller, {}) for name, adapter in adapters.items()
        }
        paths = {name: self.find_program(adapter, environments[name]) for name, adapter in adapters.items()}
        try:
            default = registry.choose(
                None, None, self.config.daemon.default_agent, adapters, lambda adapter: paths[adapter.name]
            ).name
        except Refused:
            default = None
        own = {
            name
            for name, each in self.config.agents.items()
            if each.command is not None and not is_shipped(name, each.command)
        }
        programs = {
            name: Program(path, environments[name])
            for name, path in paths.items()
            if versions and path and adapters[name].has_version_option
        }
        found = await self._versions.get(programs, VERSIONS_WAIT_S)
        rows = []
        for adapter in adapters.values():
            path = paths[adapter.name]
            version, problem = found.get(adapter.name, UNKNOWN_VERSION)
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
                    models=self._models(adapter),
                    permission_modes=[*(adapter.permission_modes or ())],
                    has_transcript=adapter.transcript is not None,
                )
            )
        common = launcher.agent_environment(None, project, caller, {})
        return replies.AgentList(agents=rows, search_path=search_path(common))

    def _models(self, adapter: Adapter) -> list[str]:
        """The models that are known for an agent: configured, used by recent jobs, and its aliases."""
        name, config = adapter.name, self.config
        projects = [each for each in config.projects.values() if (each.agent or config.daemon.default_agent) == name]
        own = config.agents.get(name)
        configured = [None if own is None else own.model, *(project.model for project in projects)]
        recent = [
            record.spec.launch_options.model
            for record in islice(self.scheduler.table.newest_first(), MAX_RECENT_JOBS)
            if record.spec.agent == name and record.spec.launch_options is not None
        ]
        return [*dict.fromkeys(filter(None, [*configured, *recent, *adapter.model_aliases]))]

    def find_program(self, adapter: Adapter, environment: Mapping[str, str]) -> str | None:
        """The file of an agent's program in this environment; None if there is none, or the agent has no program."""
        return None if adapter.program is None else self.programs.which(adapter.program, search_path(environment))

    def storage(self) -> str:
        """`ok`, or why the job store cannot be written."""
        failure = self.scheduler.journal.failure
        return "ok" if failure is None else str(failure)

    def info(self) -> replies.DaemonInfo:
        """The daemon's status."""
        scheduler, config = self.scheduler, self.config
        budgets = {name: replies.DayBudget(*amounts) for name, amounts in scheduler.daily_budget.amounts().items()}
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
            log_file=self.log_file,
            counts=scheduler.table.counts(),
            held=scheduler.table.held(),
            seq=scheduler.journal.committed_seq,
            slots=scheduler.ready.slots,
            slots_used=scheduler.ready.running,
            connections=len(self.connections),
            subscribers=len(self.subscribers),
            rss_bytes=_rss_bytes(),
            max_jobs=config.daemon.max_jobs,
            storage=self.storage(),
            last_snapshot=self.last_snapshot,
            managed_by="systemd" if "INVOCATION_ID" in os.environ else "user",
            fork_server_pid=self.executor.fork_server_pid,
            notices=self.notices,
            queues=scheduler.queues.now,
            usage_limits={agent: to_datetime(until) for agent, until in scheduler.usage_limits.resets().items()},
            daily_budget=budgets.pop(None, None),
            daily_budgets={name: budget for name, budget in budgets.items() if name is not None},
            commits=replies.Commits(scheduler.journal.commits, scheduler.journal.commits_s),
            limits_problem=self.executor.limits_problem,
            host=socket.gethostname(),
            held_agents={agent: to_datetime(since) for agent, since in scheduler.breaker.held_since().items()},
        )


def _rss_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
