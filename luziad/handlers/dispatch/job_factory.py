"""Makes the records of new jobs from validated requests."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

import msgspec

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import LaunchOptions
from luzia_protocol.requests import Dispatch

from luziad.agents import registry
from luziad.agents.base import MAX_ARGUMENT_BYTES, Adapter
from luziad.clocks.clock import steady_time
from luziad.config.schema import Config, ProjectConfig
from luziad.handlers.dispatch.ancestors import validate_ancestors
from luziad.handlers.dispatch.inputs import (
    TOO_LARGE_HINT,
    validate_key,
    validate_name,
    validate_tags,
    validate_variables,
    validate_work,
)
from luziad.handlers.dispatch.launch_options import (
    validate_launch_options,
    validate_race,
    validate_repository,
    validate_session,
    validate_umask,
    validate_with_work,
)
from luziad.handlers.dispatch.limits import validate_limits
from luziad.handlers.dispatch.project import validate_directory, validate_project
from luziad.handlers.dispatch.requirements import (
    choose_executor,
    find_cluster,
    needs_worktree,
    validate_feasible,
    validate_requirements,
)
from luziad.handlers.dispatch.timing import validate_terms, validate_timeouts
from luziad.handlers.replies import require_writable
from luziad.jobs.dependencies import Dependencies
from luziad.jobs.environments import NO_VARIABLES
from luziad.jobs.family import Origin
from luziad.jobs.ids import new_id
from luziad.jobs.record import NO_USER, JobRecord, JobSpec, JobStatus
from luziad.jobs.retry_state import Continuation, RetryState
from luziad.operations.memory import AddressSpace
from luziad.operations.operations import Operations
from luziad.operations.program_size import max_program_bytes, program_bytes
from luziad.operations.programs import search_path
from luziad.operations.shutdown import Shutdown
from luziad.scheduling.scheduler import Scheduler

RESERVED_PROGRAM_BYTES = 2 * MAX_ARGUMENT_BYTES + 16 * 1024
"""What an agent's own arguments, with the task and a system prompt, and luzia's variables may take."""
_SURELY_FITS = 32 * 1024
"""Variables of a dispatch that fit with all those that the daemon, the agent and the project add."""
_TOO_MANY_BYTES = "Wait for jobs to end, cancel some, or raise `max_queued_bytes` in [daemon]."


class JobFactory:
    """Makes job records. None of them is accepted yet: that is the scheduler's part."""

    def __init__(self, scheduler: Scheduler, operations: Operations, shutdown: Shutdown, memory: AddressSpace) -> None:
        self._scheduler = scheduler
        self._table = scheduler.table
        self._journal = scheduler.journal
        self._operations = operations
        self._shutdown = shutdown
        self._memory = memory
        places = operations.config  # they stay the same when the configuration is reloaded
        self._jobs_dir = None if places.jobs_dir == places.default_jobs_dir else places.jobs_dir

    def require_room(self, jobs: int) -> None:
        """Raise Refused unless the daemon can accept this number of jobs now."""
        self._shutdown.require_running()
        require_writable(self._journal)
        queued, limit = self._table.queued + self._scheduler.joint.coming, self._config.daemon.max_queued
        if queued + jobs > limit:
            more = f", and {jobs} more were dispatched" if jobs > 1 else ""
            waiting = "1 job is queued" if queued == 1 else f"{queued} jobs are queued"
            raise Refused(ErrorCode.QUEUE_FULL, f"{waiting}{more}; the limit is {limit}")
        size, limit = self._table.queued_bytes, self._config.daemon.max_queued_bytes
        if size > limit:
            message = f"the jobs that have not ended take {size} bytes; `max_queued_bytes` is {limit}"
            raise Refused(ErrorCode.QUEUE_FULL, message, _TOO_MANY_BYTES)
        self._memory.require_room()

    def create(
        self, request: Dispatch, uid: int, after: Dependencies | None, *, node: str = "", siblings: int = 0
    ) -> JobRecord:
        """The record of a requested job. Raises Refused.

        after: its dependencies. node: its name in a graph, instead of its own. siblings: jobs of the graph that are not
        in the table yet.
        """
        config, programs = self._config, self._operations.programs
        validate_work(request)
        if request.key is not None:
            validate_key(request.key)
        name, directory = validate_project(request.project, config, self._scheduler.names, programs)
        project = config.project(name)
        agent = self._choose_agent(request, project)
        if request.cwd is not None:
            validate_directory(request.cwd, programs)
        validate_timeouts(request)
        if request.argv is not None or request.env or request.client_env:
            self._validate_program_size(request, project, agent)
        validate_umask(request.umask)
        if request.session is not None:
            validate_session(request.session, agent)
        executor, runner = choose_executor(request, project, config), self._scheduler.executor
        cluster = None if executor is None else find_cluster(executor, self._operations.clusters)
        if executor is not None and needs_worktree(request, project, executor, config):
            request = msgspec.structs.replace(request, worktree=True)
        launch_options = self._launch_options(request, project, directory, agent)
        if request.with_work:
            validate_with_work(after, self._table)
        now = time.time()
        terms = validate_terms(request, now)
        origin = self._origin(request, uid, after, node or validate_name(request.name), siblings)
        limits = validate_limits(request, project, (cluster or runner).unsupported_reason)
        parent = self._table.get(origin.ancestors[-1]) if origin is not None and origin.ancestors else None
        resources = self._scheduler.ready.limits.resources
        requirements = validate_requirements(request, name, config, executor, resources, parent)
        if requirements is not None and cluster is not None:
            validate_feasible(requirements, cluster)
        # The variables are stored last: a refused job must leave none behind.
        env_set, env_bytes = self._store_variables(request.env)
        client_set, client_bytes = self._store_variables(request.client_env)
        # Most by position: the interpreter passes more than 15 keywords in a dict, which takes six times as long.
        spec = JobSpec(
            name,
            directory,
            agent.name,
            now,
            request.task or "",
            request.argv,
            request.cwd,
            request.key,
            env_set,
            client_set,
            request.timeout_s,
            uid,
            terms=terms,
            origin=origin,
            stall_timeout_s=request.stall_timeout_s,
            bounds=limits,
            launch_options=launch_options,
            requirements=requirements,
            umask=request.umask,
            review=request.review,
            created_steady=None if terms is None or terms.expires_s is terms.start_in_s is None else steady_time(),
            jobs_dir=self._jobs_dir,
        )
        job = new_id(_hhmmss(now), _random_hex, self._table)
        status = JobStatus(dependencies=after, held_at=now if request.hold else None)
        if request.session is not None:
            status.retry_state = RetryState(continuation=Continuation(request.session, request.task))
        size = env_bytes + client_bytes
        return JobRecord(n=self._scheduler.admission.next_n(), id=job, spec=spec, status=status, size=size)

    def create_scheduled(self, request: Dispatch, after: Dependencies | None) -> JobRecord:
        """The record of a schedule's job, validated as if it were dispatched now. Raises Refused."""
        self.require_room(1)
        return self.create(request, NO_USER, after)

    def release_variables(self, records: Iterable[JobRecord]) -> None:
        """Delete the variables of jobs that were not accepted."""
        sets = [number for record in records for number in (record.spec.env_set, record.spec.client_set)]
        released = [number for number in sets if self._scheduler.environments.release(number)]
        self._journal.delete_environments(released)

    @property
    def _config(self) -> Config:
        return self._operations.config

    def _choose_agent(self, request: Dispatch, project: ProjectConfig) -> Adapter:
        if request.argv is not None:
            return registry.RUN_ADAPTER
        return registry.choose(
            request.agent,
            project.agent,
            self._config.daemon.default_agent,
            self._scheduler.launcher.adapters,
            lambda adapter: self._operations.find_program(adapter, self._environment(adapter, request, project)),
        )

    def _environment(self, adapter: Adapter, request: Dispatch, project: ProjectConfig) -> dict[str, str]:
        launcher = self._scheduler.launcher
        return launcher.agent_environment(adapter, project, request.client_env, request.env, request.argv or ())

    def _launch_options(
        self, request: Dispatch, project: ProjectConfig, directory: str, adapter: Adapter
    ) -> LaunchOptions | None:
        options = validate_launch_options(request, project, adapter)
        if options is not None and options.worktree:
            path = search_path(self._environment(adapter, request, project))
            validate_repository(request.cwd or directory, path, self._operations.programs)
        return options

    def _origin(
        self, request: Dispatch, uid: int, after: Dependencies | None, node: str, siblings: int
    ) -> Origin | None:
        """The job's origin in a graph and a family, with its tags; None for most jobs. Raises Refused."""
        if not (node or request.tags or request.parent or request.race):
            return None
        ancestors: tuple[str, ...] = ()
        if request.parent:
            budgets = self._scheduler.family_budgets
            ancestors = validate_ancestors(request.parent, uid, self._table, self._config.daemon, budgets, siblings)
        tags = request.tags if request.race is None else request.tags | validate_race(request, after)
        return Origin(node=node, tags=validate_tags(tags), ancestors=ancestors, race=request.race)

    def _validate_program_size(self, request: Dispatch, project: ProjectConfig, agent: Adapter) -> None:
        """Raise Refused for variables that no program can have, or that cannot be started with all of them."""
        size = validate_variables(request.env) + validate_variables(request.client_env)
        if size < _SURELY_FITS and request.argv is None:
            return
        environment = self._environment(agent, request, project)
        size = program_bytes(request.argv or (), environment) + RESERVED_PROGRAM_BYTES
        limit = max_program_bytes()
        if size > limit:
            message = (
                f"the job's {len(environment)} variables and its command take {size} bytes; the system starts programs"
                f" with {limit} at most"
            )
            raise Refused(ErrorCode.BAD_REQUEST, message, TOO_LARGE_HINT)

    def _store_variables(self, variables: dict[str, str]) -> tuple[int, int]:
        """Store a set of variables; its number, 0 for none, and the bytes that it takes if it is new."""
        if not variables:
            return NO_VARIABLES, 0
        number, is_new = self._scheduler.environments.add_use(variables)
        if not is_new:
            return number, 0
        size = program_bytes((), variables)
        self._journal.put_environment(number, variables, size)
        return number, size


_second = (0, "")


def _hhmmss(now: float) -> str:
    """The local time of day, formatted once per second."""
    global _second
    if _second[0] != int(now):
        _second = (int(now), time.strftime("%H%M%S", time.localtime(now)))
    return _second[1]


_random = ""
_random_used = 0


def _random_hex(digits: int) -> str:
    """Hex digits from the system's random source, fetched in bulk."""
    global _random, _random_used
    first = _random_used
    if first + digits > len(_random):
        _random, first = secrets.token_hex(2048), 0
    _random_used = first + digits
    return _random[first:_random_used]
