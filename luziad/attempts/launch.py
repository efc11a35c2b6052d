"""Makes from a job's record what the executor needs: command, environment, directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import NO_TERMS
from luzia_protocol.tracing import traceparent

from luziad.agents import registry
from luziad.agents.base import MAX_ARGUMENT_BYTES, Adapter, AgentOptions, Command, CommandContext
from luziad.agents.options import NONE, combine, find_unsupported, keep_supported
from luziad.agents.transcript import Entries
from luziad.attempts.environment import Variables, compose_environment
from luziad.attempts.setup import Setup, failed_file, with_setup
from luziad.config.schema import Config, ProjectConfig, first_set
from luziad.executor.base import Executor, Launch, Remote
from luziad.jobs.attempt import AttemptRef
from luziad.jobs.environments import Environments
from luziad.jobs.job_budget import Budget, remaining_budget
from luziad.jobs.record import JobRecord, JobSpec
from luziad.jobs.view import spec_text

RESUME_PROMPT = "Your work was interrupted. Continue where you stopped, and finish the task."
"""The prompt for an agent that resumes its session without a follow-up."""


class PreparedWorktree(NamedTuple):
    """A worktree in which an attempt can start.

    git_directories: see CommandContext. setup: what has to run in it first, or None. copied: the files and directories
    of the project that were copied into it, as paths in it.
    """

    git_directories: Sequence[str]
    setup: Setup | None
    copied: Sequence[str] = ()


NO_WORKTREE = PreparedWorktree((), None)


class Interactive(NamedTuple):
    """How to run an agent in a user's terminal: its command, its whole environment, its working directory."""

    argv: list[str]
    env: dict[str, str]
    directory: str


class Launcher:
    """Builds launches by the configuration in force.

    base: what base_environment returned. whole_spec: the spec of a job with its whole texts, see jobs/abridging.py.
    """

    def __init__(
        self,
        config: Config,
        base: dict[str, str],
        environments: Environments,
        executor: Executor,
        whole_spec: Callable[[JobRecord], JobSpec],
    ) -> None:
        self.config = config
        self.adapters: dict[str, Adapter] = registry.build(config.agents)
        self.base = base
        self._environments = environments
        self._executors = frozenset(config.executors)  # a reload does not change them
        self._executor = executor
        self.whole_spec = whole_spec

    def set_config(self, config: Config) -> None:
        """Apply another configuration."""
        self.config = config
        self.adapters = registry.build(config.agents)

    def launch(
        self, record: JobRecord, left_usd: float | None = None, worktree: PreparedWorktree = NO_WORKTREE
    ) -> Launch:
        """Everything that the executor needs for the record's newest attempt.

        left_usd: the rest of the day's budget for the job. worktree: that of the job. Raises Refused when the agent is
        no longer configured, or the job's variables are lost; StorageError when the store cannot be read.
        """
        project = self.config.project(record.project)
        context, command = self._command(record, left_usd, worktree.git_directories)
        argv = command.argv
        if worktree.setup is not None:
            failed = failed_file(self._executor.job_directory(record.id), context.attempt)
            argv = with_setup(worktree.setup, failed, argv)
        return Launch(
            ref=AttemptRef(record.id, context.attempt),
            argv=argv,
            env=self._environment(record, command),
            umask=record.spec.umask,
            cwd=context.directory,
            prompt=context.task,
            stdin_prompt=command.stdin_prompt,
            merge_stderr=command.merge_stderr,
            grace_s=self.grace_s(record),
            keep_children=project.keep_children,
            bounds=record.spec.bounds,
            max_log_bytes=first_set(None, project.max_log_bytes, self.config.daemon.max_log_bytes),
            first_line=command.first_line,
            nice=self.config.daemon.nice,
            remote=self._remote(record, worktree),
        )

    def _remote(self, record: JobRecord, worktree: PreparedWorktree) -> Remote | None:
        """Where the job runs besides this machine. Raises Refused when that is no longer configured."""
        name, requirements = record.executor, record.spec.requirements
        if name is None or requirements is None:
            return None
        if name not in self._executors:
            raise Refused(ErrorCode.UNKNOWN_EXECUTOR, f"executor {name} is no longer configured")
        return Remote(name, requirements, record.status.worktree, worktree.git_directories, worktree.copied)

    def interactive(self, record: JobRecord, session: str) -> Interactive:
        """The command that opens the session of the job's agent in a user's terminal.

        Its environment is that of the newest attempt. Raises Refused when the agent has no such command or is no longer
        configured, or the job's variables are lost; StorageError when the store cannot be read.
        """
        adapter, attempt = self.adapter(record), record.attempt
        assert attempt is not None
        if adapter.interactive is None:
            raise Refused(
                ErrorCode.CANNOT_ATTACH,
                f"agent {record.spec.agent} has no command that opens a session in a terminal",
                f"Set `attach` in [agents.{record.spec.agent}] of config.toml, or use `luzia send {record.id} TEXT`.",
            )
        directory = self._work_directory(record, self.whole_spec(record))
        context = CommandContext(
            job=record.id,
            attempt=attempt.number,
            task="",
            directory=directory,
            prompt_file="",
            session=session,
            options=self.agent_options(record),
            mcp=mcp_command() if adapter.accepts_mcp and self._has_tools(record) else (),
        )
        command = adapter.interactive(context)
        return Interactive(command.argv, self._environment(record, command), directory)

    def environment(self, record: JobRecord) -> dict[str, str]:
        """The environment of all that is done for the record's newest attempt. Raises Refused, as `launch` does."""
        return self._environment(record, self._command(record, None, ())[1])

    def agent_environment(
        self,
        adapter: Adapter | None,
        project: ProjectConfig,
        caller: Variables,
        own: Variables,
        argv: Sequence[str] = (),
    ) -> dict[str, str]:
        """The environment that an agent would have in a job of this project; None leaves out what an agent sets.

        caller, own: the variables of the dispatch. argv: the command of `luzia run`.
        """
        context = CommandContext(job="", attempt=1, task="", directory="/", prompt_file="/dev/null", argv=list(argv))
        agent = {} if adapter is None else adapter.command(context).env
        return compose_environment(self.base, caller, agent, project.env, own)

    def _command(
        self, record: JobRecord, left_usd: float | None, git_directories: Sequence[str]
    ) -> tuple[CommandContext, Command]:
        """The command of the newest attempt, and what it is made from; the `task` there is the agent's input."""
        spec, attempt = self.whole_spec(record), record.attempt
        assert attempt is not None
        job_directory = self._executor.job_directory(record.id)
        given, budget = attempt.continuation, remaining_budget(record, self.budget(record), left_usd)
        prompt = spec_text(spec) if given is None else given.message or RESUME_PROMPT
        adapter = self.adapter(record)
        for words in find_unsupported(spec.launch_options or NONE, adapter).values():
            raise Refused(ErrorCode.UNSUPPORTED_OPTION, words)  # the configuration has changed since the dispatch
        system_prompt = "" if spec.launch_options is None else spec.launch_options.system_prompt
        accepts = adapter.accepts_system_prompt and len(system_prompt.encode()) <= MAX_ARGUMENT_BYTES
        if system_prompt and not accepts and given is None:
            prompt = f"{system_prompt.rstrip()}\n\n{prompt}"
        context = CommandContext(
            job=record.id,
            attempt=attempt.number,
            task=prompt,
            argv=spec.argv,
            directory=self._work_directory(record, spec),
            prompt_file=f"{job_directory}/{attempt.number}/prompt",
            session=given.session if given else None,
            max_cost_usd=budget.cost_usd,
            max_turns=budget.turns,
            ask=spec.launch_options is not None and spec.launch_options.ask and adapter.respond is not None,
            allow=self.config.project(record.project).allow,
            system_prompt=system_prompt if accepts else "",
            options=self.agent_options(record),
            git_directories=git_directories,
            mcp=mcp_command() if adapter.accepts_mcp and self._has_tools(record) else (),
        )
        return context, adapter.command(context)

    @staticmethod
    def _work_directory(record: JobRecord, spec: JobSpec) -> str:
        """Where the job's agent works."""
        tree = record.status.worktree
        return tree.directory if tree is not None else spec.cwd or spec.directory

    def grace_s(self, record: JobRecord) -> float:
        """The time in seconds that an agent of this job gets to end after TERM."""
        return first_set(None, self.config.project(record.project).grace_s, self.config.daemon.grace_s)

    def timeout_s(self, record: JobRecord) -> float | None:
        """The timeout of an attempt of this job in seconds, None without limit."""
        project = self.config.project(record.project)
        return first_set(record.spec.timeout_s, project.timeout_s, self.config.daemon.timeout_s)

    def stall_timeout_s(self, record: JobRecord) -> float | None:
        """The stall timeout of this job in seconds, None without limit."""
        project = self.config.project(record.project)
        return first_set(record.spec.stall_timeout_s, project.stall_timeout_s, self.config.daemon.stall_timeout_s)

    def budget(self, record: JobRecord) -> Budget:
        """The budget of all attempts of this job."""
        terms, project = record.spec.terms or NO_TERMS, self.config.project(record.project)
        cost_usd = first_set(terms.max_cost_usd, project.max_cost_usd, None)
        return Budget(cost_usd, first_set(terms.max_turns, project.max_turns, None))

    def agent_options(self, record: JobRecord) -> AgentOptions:
        """What the job's agent is started with: the dispatch comes before the project, and that before the agent.

        The project's options are those of its own agent, and do not go with another one that the dispatch names.
        """
        agent, project = record.spec.agent, self.config.project(record.project)
        own = project.agent or self.config.daemon.default_agent
        adapter = registry.find(agent, self.adapters)
        choices = [self.config.agents.get(agent, NONE), *([project] if own in (None, agent) else [])]
        configured = [keep_supported(choice, adapter) for choice in choices] if adapter is not None else []
        return combine(*configured, record.spec.launch_options or NONE)

    def _has_tools(self, record: JobRecord) -> bool:
        """Whether the job's agent shall have luzia's tools."""
        agent = self.config.agents.get(record.spec.agent)
        return first_set(None, self.config.project(record.project).mcp, agent is not None and agent.mcp)

    def adapter(self, record: JobRecord) -> Adapter:
        """The adapter of the job's agent. Raises Refused when it is no longer configured."""
        adapter = registry.find(record.spec.agent, self.adapters)
        if adapter is None:
            raise Refused(ErrorCode.UNKNOWN_AGENT, f"agent {record.spec.agent} is no longer configured")
        return adapter

    def transcript(self, record: JobRecord) -> Entries | None:
        """What makes the transcript of the job's output; None where its agent has none, or is no longer configured."""
        adapter = registry.find(record.spec.agent, self.adapters)
        return None if adapter is None else adapter.transcript

    def _environment(self, record: JobRecord, command: Command) -> dict[str, str]:
        """The job's environment with luzia's own variables."""
        spec = record.spec
        passed = self._environments.get(spec.client_set)
        own = self._environments.get(spec.env_set)
        if passed is None or own is None:
            raise Refused(
                ErrorCode.STORAGE_UNAVAILABLE,
                "the job's environment variables were lost with the store; dispatch the job again",
            )
        assert record.attempt is not None
        ancestors = spec.origin.ancestors if spec.origin is not None else ()
        return (
            compose_environment(self.base, passed, command.env, self.config.project(record.project).env, own)
            | {
                "LUZIA_JOB_ID": record.id,
                "LUZIA_SOCKET": self.config.socket,
                "LUZIA_PROJECT": record.project,
                "LUZIA_ATTEMPT": str(record.attempt.number),
                "TRACEPARENT": traceparent(record.id, ancestors, record.attempt.number),
            }
            | self._parents(record)
            | _run(record)
        )

    def _parents(self, record: JobRecord) -> dict[str, str]:
        """Variables that tell a job where its parents have left their output."""
        if record.status.dependencies is None:
            return {}
        parents = record.status.dependencies.parents
        directories = [self._executor.job_directory(parent) for parent in parents]
        return {"LUZIA_PARENTS": " ".join(parents), "LUZIA_PARENT_DIRS": ":".join(directories)}


def mcp_command() -> list[str]:
    """The command of luzia's MCP server: the program beside the daemon's interpreter, otherwise that of the PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), "luzia")
    return [beside if os.access(beside, os.X_OK) else "luzia", "mcp"]


def _run(record: JobRecord) -> dict[str, str]:
    """Variables that tell a job which run of which schedule it is."""
    run = record.spec.origin.run_of if record.spec.origin is not None else None
    return {} if run is None else {"LUZIA_SCHEDULE": run.schedule, "LUZIA_RUN_AT": run.at.isoformat()}
