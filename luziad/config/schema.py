"""What can be configured: one field for each setting, with the rule that its value must keep.

docs/configuration.md has a row for every field here.
"""

from __future__ import annotations

import os
from typing import Annotated

import msgspec

from luzia_protocol.jobs import Outcome

from luziad.config.rules import (
    BACKOFF,
    BOOLEAN,
    BYTES,
    COMMAND,
    COUNT,
    CPUS,
    DIRECTORY,
    DOLLARS,
    FIELD,
    FIELD_PATH,
    JSONL,
    LOAD,
    LOG_LEVEL,
    PERCENT,
    PRIORITY,
    PROMPT,
    RETRIES,
    RETRY_ON,
    SECONDS,
    STRING,
    VARIABLES,
    WEIGHT,
    WORDS,
)


def default_max_running() -> int:
    """As many attempts as the machine has CPUs, at least 4."""
    return max(4, os.cpu_count() or 1)


def default_retry_on() -> list[Outcome]:
    """What another attempt may change."""
    return [Outcome.FAILED, Outcome.STALLED, Outcome.LOST]


def machine_cpus() -> float:
    """The CPUs that this process may use."""
    return float(len(os.sched_getaffinity(0)))


def machine_memory_bytes() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


class DaemonConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[daemon]. Seconds are floats; a limit of 0 is refused.

    autostart: a command starts the daemon when none answers.
    default_agent: the agent of jobs for which nobody names one; None takes the first that is installed.
    max_running: attempts that run at once. max_queued: jobs that wait at once.
    max_sub_jobs: jobs that one may dispatch from inside it, with all that those dispatch.
    max_sub_job_depth: how many of them may be inside one another.
    max_connections: clients at once. max_connections_per_uid: those of one user.
    max_jobs: finished jobs that are kept (LUZIA_MAX_JOBS wins). max_log_bytes: what is kept of an attempt's output.
    grace_s: seconds between TERM and KILL. linger_s: seconds that an agent may go on after its final result.
    timeout_s: seconds an attempt may run; None is no limit. stall_timeout_s: seconds without a sign of life, likewise.
    cpus, memory_bytes: what jobs that ask for CPUs or memory may have together.
    max_load, min_free_memory_bytes, max_cpu_pressure, max_memory_pressure, max_io_pressure: nothing starts while the
    machine is busier than that; pressures are percents of the last 10 s in which somebody waited.
    starvation_after_s: seconds that a job is passed over before what it needs is kept for it.
    snapshot_interval_s: seconds between snapshots of the store. log_level: debug, info, warning or error.
    retries: attempts that may follow a job's first by themselves; None is none but after an overload.
    retry_on: the outcomes after which they do.
    backoff_s: seconds up to which the first retry waits, and up to which any does.
    auto_resume: jobs wait for the end of a usage limit and go on by themselves.
    max_cost_usd_per_day: what the attempts of all projects may cost on a local day; None is no limit.
    """

    autostart: Annotated[bool, BOOLEAN] = True
    default_agent: Annotated[str | None, STRING] = None
    max_running: Annotated[int, COUNT] = msgspec.field(default_factory=default_max_running)
    max_queued: Annotated[int, COUNT] = 1_000_000
    max_sub_jobs: Annotated[int, COUNT] = 1000
    max_sub_job_depth: Annotated[int, COUNT] = 5
    max_connections: Annotated[int, COUNT] = 512
    max_connections_per_uid: Annotated[int, COUNT] = 256
    max_jobs: Annotated[int, COUNT] = 1000
    max_log_bytes: Annotated[int, BYTES] = 1 << 30
    grace_s: Annotated[float, SECONDS] = 10.0
    linger_s: Annotated[float, SECONDS] = 10.0
    timeout_s: Annotated[float | None, SECONDS] = None
    stall_timeout_s: Annotated[float | None, SECONDS] = None
    cpus: Annotated[float, CPUS] = msgspec.field(default_factory=machine_cpus)
    memory_bytes: Annotated[int, BYTES] = msgspec.field(default_factory=machine_memory_bytes)
    max_load: Annotated[float | None, LOAD] = None
    min_free_memory_bytes: Annotated[int | None, BYTES] = None
    max_cpu_pressure: Annotated[float | None, PERCENT] = None
    max_memory_pressure: Annotated[float | None, PERCENT] = None
    max_io_pressure: Annotated[float | None, PERCENT] = None
    starvation_after_s: Annotated[float, SECONDS] = 600.0
    snapshot_interval_s: Annotated[float, SECONDS] = 300.0
    log_level: Annotated[str, LOG_LEVEL] = "info"
    retries: Annotated[int | None, RETRIES] = None
    retry_on: Annotated[list[Outcome], RETRY_ON] = msgspec.field(default_factory=default_retry_on)
    backoff_s: Annotated[list[float], BACKOFF] = msgspec.field(default_factory=lambda: [2.0, 300.0])
    auto_resume: Annotated[bool, BOOLEAN] = True
    max_cost_usd_per_day: Annotated[float | None, DOLLARS] = None


class ProjectConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[projects.NAME]. What is None is said by [daemon].

    path: the project's directory, absolute. agent: the agent of its jobs. env: variables for its jobs.
    max_running: attempts that run at once in it. timeout_s, stall_timeout_s, grace_s, max_log_bytes: as in [daemon].
    retries, retry_on, backoff_s, auto_resume: as in [daemon].
    max_cost_usd, max_turns: the budget of its jobs that name none. max_cost_usd_per_day: of all its attempts of a day.
    max_memory_bytes, max_processes, max_cpus: what all processes of a job may use together.
    keep_children: what an agent leaves behind when it ends by itself goes on.
    priority: of its jobs that name none. weight: its share of the slots against that of other projects.
    worktree: its jobs run in git worktrees of their own. ask: its jobs' agents may ask, and wait for an answer.
    allow: what they may use without asking, in the agent's own words.
    """

    path: Annotated[str, DIRECTORY]
    agent: Annotated[str | None, STRING] = None
    env: Annotated[dict[str, str], VARIABLES] = {}
    max_running: Annotated[int | None, COUNT] = None
    timeout_s: Annotated[float | None, SECONDS] = None
    stall_timeout_s: Annotated[float | None, SECONDS] = None
    grace_s: Annotated[float | None, SECONDS] = None
    max_log_bytes: Annotated[int | None, BYTES] = None
    max_memory_bytes: Annotated[int | None, BYTES] = None
    max_processes: Annotated[int | None, COUNT] = None
    max_cpus: Annotated[float | None, CPUS] = None
    keep_children: Annotated[bool, BOOLEAN] = False
    retries: Annotated[int | None, RETRIES] = None
    retry_on: Annotated[list[Outcome] | None, RETRY_ON] = None
    backoff_s: Annotated[list[float] | None, BACKOFF] = None
    worktree: Annotated[bool, BOOLEAN] = False
    priority: Annotated[int | None, PRIORITY] = None
    weight: Annotated[float | None, WEIGHT] = None
    auto_resume: Annotated[bool | None, BOOLEAN] = None
    max_cost_usd: Annotated[float | None, DOLLARS] = None
    max_turns: Annotated[int | None, COUNT] = None
    max_cost_usd_per_day: Annotated[float | None, DOLLARS] = None
    ask: Annotated[bool, BOOLEAN] = False
    allow: Annotated[list[str], WORDS] = []


class JsonlConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[agents.NAME.jsonl]: where things stand in the JSON lines that the program prints, see agents/jsonl.py.

    type: of a line. session, model, version: names that it tells. turn: in a line that begins a turn of the model.
    text: what the model says. tool: the name of one that is called. file: one that was written.
    plan: the whole list of what is to be done; plan_text, plan_state: in an entry of it.
    tokens_in, tokens_out, tokens_cached, cost: what was used, in US dollars; totals: each time what was used so far.
    error: the words of one that ends the work. success: in the line that proves that the work was done.
    """

    type: Annotated[str, FIELD_PATH] = "type"
    session: Annotated[str | list[str] | None, FIELD] = None
    model: Annotated[str | list[str] | None, FIELD] = None
    version: Annotated[str | list[str] | None, FIELD] = None
    turn: Annotated[str | list[str] | None, FIELD] = None
    text: Annotated[str | list[str] | None, FIELD] = None
    tool: Annotated[str | list[str] | None, FIELD] = None
    file: Annotated[str | list[str] | None, FIELD] = None
    plan: Annotated[str | list[str] | None, FIELD] = None
    plan_text: Annotated[str, STRING] = "text"
    plan_state: Annotated[str, STRING] = "status"
    tokens_in: Annotated[str | list[str] | None, FIELD] = None
    tokens_out: Annotated[str | list[str] | None, FIELD] = None
    tokens_cached: Annotated[str | list[str] | None, FIELD] = None
    cost: Annotated[str | list[str] | None, FIELD] = None
    totals: Annotated[bool, BOOLEAN] = False
    error: Annotated[str | list[str] | None, FIELD] = None
    success: Annotated[str | list[str] | None, FIELD] = None


class AgentConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[agents.NAME]: a command template for any program, or limits of a built-in agent.

    command: argv; `{task}`, `{prompt_file}` and `{directory}` are replaced inside its words. None
    leaves a built-in agent as it is.
    prompt: how the task reaches the program: `argument` (a placeholder in command), `stdin` or `none`.
    env: variables for the program. merge_stderr: its stderr goes into its stdout.
    reader: the built-in agent whose output the program prints, `jsonl` for what the table says, or `none`;
    None takes the one of its own name. jsonl: where things stand in the lines of the reader `jsonl`.
    max_running: attempts that run at once with it.
    """

    command: Annotated[list[str] | None, COMMAND] = None
    prompt: Annotated[str, PROMPT] = "argument"
    env: Annotated[dict[str, str], VARIABLES] = {}
    merge_stderr: Annotated[bool, BOOLEAN] = False
    reader: Annotated[str | None, STRING] = None
    jsonl: Annotated[JsonlConfig | None, JSONL] = None
    max_running: Annotated[int | None, COUNT] = None


class Config(msgspec.Struct, frozen=True):
    """Everything that is configured, after defaults; paths are absolute."""

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
