"""The schema of config.toml: one field for each setting, with the rule for its value.

docs/configuration.md has a row for every field.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec

from luzia_protocol.jobs import Outcome

from luziad.config import rules

T = TypeVar("T")


def default_max_running() -> int:
    """The number of CPUs, at least 4."""
    return max(4, os.cpu_count() or 1)


def default_retry_on() -> list[Outcome]:
    """The outcomes that another attempt may change."""
    return [Outcome.FAILED, Outcome.STALLED, Outcome.LOST]


def machine_cpus() -> float:
    """The number of CPUs that this process may use."""
    return float(len(os.sched_getaffinity(0)))


def machine_memory_bytes() -> int:
    """The size of the machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


class DaemonConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[daemon]. Seconds are floats; a limit of 0 is refused.

    autostart: a command starts the daemon if it is not running.
    default_agent: the agent of jobs that specify none; None takes the first that is installed.
    max_running: attempts that run at once. max_queued: jobs that are queued at once.
    max_queued_bytes: the size of the tasks, commands, messages, variables and dependencies (160 bytes each) of all jobs
    that have not ended.
    max_sub_jobs: jobs that one job may dispatch, at all levels. max_sub_job_depth: the number of levels.
    max_connections: clients at once. max_connections_per_uid: those of one user.
    max_jobs: finished jobs that are kept (LUZIA_MAX_JOBS overrides it).
    max_log_bytes: how much of an attempt's output is kept.
    max_search_bytes: the size of the index of the full-text search.
    nice: the nice value of agents. grace_s: seconds between TERM and KILL.
    linger_s: seconds that an agent may run after its final result.
    timeout_s: seconds that an attempt may run; None is no limit. stall_timeout_s: seconds without activity, likewise.
    cpus, memory_bytes: the total that jobs may reserve.
    max_load, min_free_memory_bytes, max_cpu_pressure, max_memory_pressure, max_io_pressure: nothing starts while the
    machine is busier; a pressure is the percentage of the last 10 s in which a process waited.
    starvation_after_s: seconds that a job is passed over before slots and resources are reserved for it.
    discard_grace_s: seconds that discarded work is kept.
    snapshot_interval_s: seconds between snapshots of the store. log_level: debug, info, warning or error.
    retries: attempts that may be added to a job; None adds attempts after an overload only.
    retry_on: the outcomes after which an attempt is added.
    backoff_s: the maximum delay before the first retry, and before any retry, in seconds.
    auto_resume: jobs wait for the end of a usage limit and then resume.
    max_cost_usd_per_day: the cost limit of all projects for a local day; None is no limit.
    count_computed_costs: costs that are computed from tokens count for the budgets of a day.
    """

    autostart: Annotated[bool, rules.BOOLEAN] = True
    default_agent: Annotated[str | None, rules.STRING] = None
    max_running: Annotated[int, rules.COUNT] = msgspec.field(default_factory=default_max_running)
    max_queued: Annotated[int, rules.COUNT] = 1_000_000
    max_queued_bytes: Annotated[int, rules.BYTES] = 512 << 20
    max_sub_jobs: Annotated[int, rules.COUNT] = 1000
    max_sub_job_depth: Annotated[int, rules.COUNT] = 5
    max_connections: Annotated[int, rules.COUNT] = 512
    max_connections_per_uid: Annotated[int, rules.COUNT] = 256
    max_jobs: Annotated[int, rules.COUNT] = 1000
    max_log_bytes: Annotated[int, rules.BYTES] = 1 << 30
    max_search_bytes: Annotated[int, rules.BYTES] = 2 << 30
    nice: Annotated[int, rules.NICE] = 5
    grace_s: Annotated[float, rules.SECONDS] = 10.0
    linger_s: Annotated[float, rules.SECONDS] = 10.0
    timeout_s: Annotated[float | None, rules.SECONDS] = None
    stall_timeout_s: Annotated[float | None, rules.SECONDS] = None
    cpus: Annotated[float, rules.CPUS] = msgspec.field(default_factory=machine_cpus)
    memory_bytes: Annotated[int, rules.BYTES] = msgspec.field(default_factory=machine_memory_bytes)
    max_load: Annotated[float | None, rules.LOAD] = None
    min_free_memory_bytes: Annotated[int | None, rules.BYTES] = None
    max_cpu_pressure: Annotated[float | None, rules.PERCENT] = None
    max_memory_pressure: Annotated[float | None, rules.PERCENT] = None
    max_io_pressure: Annotated[float | None, rules.PERCENT] = None
    starvation_after_s: Annotated[float, rules.SECONDS] = 600.0
    discard_grace_s: Annotated[float, rules.SECONDS] = 14 * 86400.0
    snapshot_interval_s: Annotated[float, rules.SECONDS] = 300.0
    log_level: Annotated[str, rules.LOG_LEVEL] = "info"
    retries: Annotated[int | None, rules.RETRIES] = None
    retry_on: Annotated[list[Outcome], rules.RETRY_ON] = msgspec.field(default_factory=default_retry_on)
    backoff_s: Annotated[list[float], rules.BACKOFF] = msgspec.field(default_factory=lambda: [2.0, 300.0])
    auto_resume: Annotated[bool, rules.BOOLEAN] = True
    max_cost_usd_per_day: Annotated[float | None, rules.DOLLARS] = None
    count_computed_costs: Annotated[bool, rules.BOOLEAN] = False


class PriceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[prices.MODEL]: what a million tokens of a model cost, in US dollars.

    input: tokens that it reads. cached: those of them that come from its cache; None is unknown.
    output: tokens that it writes. date: when the price was valid. source: where it was published.
    """

    input: Annotated[float, rules.PRICE]
    output: Annotated[float, rules.PRICE]
    cached: Annotated[float | None, rules.PRICE] = None
    date: Annotated[str | None, rules.DATE] = None
    source: Annotated[str, rules.STRING] = ""


class WorktreeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[projects.NAME.worktree]: what the worktrees of a project's jobs are made from and get.

    enabled: each job runs in a git worktree; otherwise only those that are dispatched with `--worktree`.
    base: the branch, tag or commit at which they begin; None is the one that is checked out in the project.
    copy, link: files and directories of the project that git does not have, and that are copied into each new worktree,
    or linked there. setup: a shell command that is run once in each new worktree, before the agent.
    auto_remove: a worktree without any change is removed when its job ends.
    """

    enabled: Annotated[bool, rules.BOOLEAN] = True
    base: Annotated[str | None, rules.REF] = None
    copy: Annotated[list[str], rules.RELATIVE_PATHS] = []
    link: Annotated[list[str], rules.RELATIVE_PATHS] = []
    setup: Annotated[str | None, rules.WORD] = None
    auto_remove: Annotated[bool, rules.BOOLEAN] = False


WITHOUT_WORKTREES = WorktreeConfig(enabled=False)
"""`worktree = false`."""


class CliConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[cli]: what the command line shows on a terminal.

    confirm: what a dispatch prints: a `block` that says how to continue, or one `line`; None is a block for the first
    jobs and then a line. pager: lists open a pager.
    """

    confirm: Annotated[Literal["block", "line"] | None, rules.CONFIRM] = None
    pager: Annotated[bool, rules.BOOLEAN] = False


class ProjectConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[projects.NAME]. None takes the value of [daemon].

    path: the project's directory, absolute. agent: the agent of its jobs. env: variables for its jobs.
    max_running: attempts that run at once. timeout_s, stall_timeout_s, grace_s, max_log_bytes: as in [daemon].
    retries, retry_on, backoff_s, auto_resume: as in [daemon].
    max_cost_usd, max_turns: the default budget of a job. max_cost_usd_per_day: the limit for all jobs of a day.
    max_memory_bytes, max_processes, max_cpus: limits for all processes of a job together.
    keep_children: processes that an agent leaves behind when it exits keep running.
    priority: the default priority of a job. weight: the project's share of the slots, relative to other projects.
    worktree: whether each job runs in a git worktree, or a table with what these get.
    verify: a shell command that must succeed on the merged files before a job is merged.
    executor: the cluster from [executors] that runs its jobs; None is this machine.
    pull_request: the program that opens pull requests; None selects it by the address of the remote repository.
    ask: agents may ask questions and wait for the answers.
    allow: what agents may use without asking, in the agent's own notation.
    model, permission_mode, args: of its agent, as in [agents.NAME]; not for another agent that a dispatch names.
    mcp: its agents have luzia's tools, if they can. mcp_merge: agents that have them may merge jobs into the project.
    """

    path: Annotated[str, rules.DIRECTORY]
    agent: Annotated[str | None, rules.STRING] = None
    env: Annotated[dict[str, str], rules.VARIABLES] = {}
    max_running: Annotated[int | None, rules.COUNT] = None
    timeout_s: Annotated[float | None, rules.SECONDS] = None
    stall_timeout_s: Annotated[float | None, rules.SECONDS] = None
    grace_s: Annotated[float | None, rules.SECONDS] = None
    max_log_bytes: Annotated[int | None, rules.BYTES] = None
    max_memory_bytes: Annotated[int | None, rules.BYTES] = None
    max_processes: Annotated[int | None, rules.COUNT] = None
    max_cpus: Annotated[float | None, rules.CPUS] = None
    keep_children: Annotated[bool, rules.BOOLEAN] = False
    retries: Annotated[int | None, rules.RETRIES] = None
    retry_on: Annotated[list[Outcome] | None, rules.RETRY_ON] = None
    backoff_s: Annotated[list[float] | None, rules.BACKOFF] = None
    worktree: Annotated[bool | WorktreeConfig, rules.WORKTREE] = False
    priority: Annotated[int | None, rules.PRIORITY] = None
    weight: Annotated[float | None, rules.WEIGHT] = None
    auto_resume: Annotated[bool | None, rules.BOOLEAN] = None
    max_cost_usd: Annotated[float | None, rules.DOLLARS] = None
    max_turns: Annotated[int | None, rules.COUNT] = None
    max_cost_usd_per_day: Annotated[float | None, rules.DOLLARS] = None
    ask: Annotated[bool, rules.BOOLEAN] = False
    allow: Annotated[list[str], rules.WORDS] = []
    model: Annotated[str | None, rules.WORD] = None
    permission_mode: Annotated[str | None, rules.WORD] = None
    args: Annotated[list[str], rules.WORDS] = []
    mcp: Annotated[bool | None, rules.BOOLEAN] = None
    mcp_merge: Annotated[bool, rules.BOOLEAN] = False
    verify: Annotated[str | None, rules.WORD] = None
    pull_request: Annotated[Literal["gh", "glab"] | None, rules.PULL_REQUEST] = None
    executor: Annotated[str | None, rules.STRING] = None

    @property
    def worktrees(self) -> WorktreeConfig:
        """What applies to the worktrees of its jobs."""
        if isinstance(self.worktree, WorktreeConfig):
            return self.worktree
        return WorktreeConfig() if self.worktree else WITHOUT_WORKTREES


class ExecutorConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[executors.NAME]: a cluster that runs attempts.

    kind: what it is. address: of its head, HOST:PORT. namespace: in which the names of luzia's actors are unique;
    daemons that share a cluster need different ones. shared_filesystem: the nodes have the same files at the same paths
    as this machine. lease_s: how long an attempt continues on a node that the head does not reach, in seconds.
    """

    kind: Annotated[Literal["ray"], rules.EXECUTOR_KIND]
    address: Annotated[str, rules.ADDRESS]
    namespace: Annotated[str, rules.NAMESPACE] = "luzia"
    shared_filesystem: Annotated[bool, rules.BOOLEAN] = False
    lease_s: Annotated[float, rules.SECONDS] = 30.0


class ElsewhereConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[projects.NAME] of a project on another host, where its settings are. host: the name of that host."""

    host: Annotated[str, rules.WORD]


class JsonlConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[agents.NAME.jsonl]: what the JSON lines mean that the program prints, see agents/jsonl.py.

    type: of a line. session, model, version: their names. turn: in a line that begins a turn of the model.
    turn_id: its id, by which repeated lines are recognised. text: messages of the model.
    tool: called tools, as names or as objects with name, id, input and file.
    result: of tools, as objects with id, failed, refused and output. file: paths of written files.
    plan: the whole list of tasks. plan_text, plan_state: the names in an entry of it.
    tokens_in, tokens_out, tokens_cached, cost: usage, the cost in US dollars.
    totals: usage is a running total, of the run (true or "run") or of the session.
    error: the message of a final error. status, cause, resets_at: its HTTP status, its cause, and the reset time of a
    usage limit. retry: in the line after which an error is not final.
    success: in the line that proves that the work was done.
    """

    type: Annotated[str, rules.TYPE] = "type"
    session: Annotated[str | list[str] | None, rules.FIELD] = None
    model: Annotated[str | list[str] | None, rules.FIELD] = None
    version: Annotated[str | list[str] | None, rules.FIELD] = None
    turn: Annotated[str | list[str] | None, rules.FIELD] = None
    turn_id: Annotated[str | list[str] | None, rules.FIELD] = None
    text: Annotated[str | list[str] | None, rules.FIELD] = None
    tool: Annotated[str | list[str] | None, rules.FIELD] = None
    result: Annotated[str | list[str] | None, rules.FIELD] = None
    file: Annotated[str | list[str] | None, rules.FIELD] = None
    plan: Annotated[str | list[str] | None, rules.FIELD] = None
    plan_text: Annotated[str, rules.STRING] = "text"
    plan_state: Annotated[str, rules.STRING] = "status"
    tokens_in: Annotated[str | list[str] | None, rules.FIELD] = None
    tokens_out: Annotated[str | list[str] | None, rules.FIELD] = None
    tokens_cached: Annotated[str | list[str] | None, rules.FIELD] = None
    cost: Annotated[str | list[str] | None, rules.FIELD] = None
    totals: Annotated[bool | str, rules.TOTALS] = False
    error: Annotated[str | list[str] | None, rules.FIELD] = None
    status: Annotated[str | list[str] | None, rules.FIELD] = None
    cause: Annotated[str | list[str] | None, rules.FIELD] = None
    resets_at: Annotated[str | list[str] | None, rules.FIELD] = None
    retry: Annotated[str | list[str] | None, rules.FIELD] = None
    success: Annotated[str | list[str] | None, rules.FIELD] = None


class AgentConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[agents.NAME]: a command template for any program, or options and limits of a built-in agent.

    command: argv; the placeholders of agents/template.py are replaced in each argument. None keeps the built-in agent.
    resume_command: the command of attempts that resume a session; None if `command` does that too.
    attach: the command that opens a session in the user's terminal; None if the program cannot do that.
    model, permission_mode, args: what its jobs use unless their project or dispatch says otherwise; `args` add up.
    prompt: how the task reaches the program: `argument` (a placeholder in command), `stdin` or `none`.
    env: variables for the program. merge_stderr: its stderr goes into its stdout.
    reader: the agent that luzia knows whose output format the program prints, `jsonl` for a mapping, or `none`;
    None takes the one with the agent's name. jsonl: the mapping for the reader `jsonl`.
    version_option: with `--version` the program prints its version and exits. install_hint: how to install it.
    max_running: attempts of this agent that run at once. mcp: its jobs have luzia's tools, unless their project says
    otherwise.
    """

    command: Annotated[Sequence[str | list[str]] | None, rules.COMMAND] = None
    resume_command: Annotated[Sequence[str | list[str]] | None, rules.COMMAND] = None
    attach: Annotated[Sequence[str | list[str]] | None, rules.COMMAND] = None
    prompt: Annotated[str, rules.PROMPT] = "argument"
    env: Annotated[dict[str, str], rules.VARIABLES] = {}
    merge_stderr: Annotated[bool, rules.BOOLEAN] = False
    reader: Annotated[str | None, rules.STRING] = None
    jsonl: Annotated[JsonlConfig | None, rules.JSONL] = None
    version_option: Annotated[bool, rules.BOOLEAN] = False
    install_hint: Annotated[str, rules.STRING] = ""
    model: Annotated[str | None, rules.WORD] = None
    permission_mode: Annotated[str | None, rules.WORD] = None
    args: Annotated[list[str], rules.WORDS] = []
    max_running: Annotated[int | None, rules.COUNT] = None
    mcp: Annotated[bool, rules.BOOLEAN] = False


NO_PROJECT = ProjectConfig("")
"""What applies to a job whose project is not configured."""


def first_set(dispatch: T | None, project: T | None, daemon: T) -> T:
    """The value that applies to a job: that of its dispatch, else of its project, else of the daemon."""
    return dispatch if dispatch is not None else project if project is not None else daemon


class Config(msgspec.Struct, frozen=True):
    """The whole configuration, with defaults; paths are absolute."""

    daemon: DaemonConfig
    projects: dict[str, ProjectConfig]
    agents: dict[str, AgentConfig]
    resources: dict[str, int]
    runtime_dir: str
    socket: str
    state_dir: str
    jobs_dir: str
    trees_dir: str
    config_file: str
    cli: CliConfig = CliConfig()
    prices: dict[str, PriceConfig] = {}
    executors: dict[str, ExecutorConfig] = {}

    @property
    def default_jobs_dir(self) -> str:
        """Where jobs are unless LUZIA_JOBS_DIR names another directory."""
        return os.path.join(self.state_dir, "jobs")

    def project(self, name: str) -> ProjectConfig:
        """The settings of a project, which need not be configured."""
        return self.projects.get(name, NO_PROJECT)
