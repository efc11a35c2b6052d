"""The interface of agent adapters: each knows one agent. Pure.

The caller reads the output files and passes each line to a reader, with the last one even if its newline is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from luzia_protocol.activity import PlanItem, Question, SessionTotals
from luzia_protocol.jobs import Outcome, Progress

from luziad.jobs.attempt import Answer, ExitRecord, Verdict


class AgentOptions(msgspec.Struct, frozen=True):
    """What a user may choose of an agent.

    model: its name for the agent. permission_mode: what the agent may do without asking, a key of
    Adapter.permission_modes. args: more arguments of its command.
    """

    model: str | None = None
    permission_mode: str | None = None
    args: list[str] = []


class CommandContext(msgspec.Struct, frozen=True):
    """The input from which an adapter builds the command of an attempt.

    job, attempt: the attempt. task: the user's text. directory: the working directory, absolute.
    prompt_file: absolute path of a file with the task's text, which exists when the agent starts.
    argv: the exact command of `luzia run`; None for every other job.
    session: the agent's session to resume, with `task` as the next message; None begins a new one.
    max_cost_usd, max_turns: what remains of the job's budget.
    ask: the agent may ask the user. allow: what it may use without asking, in the agent's own notation.
    system_prompt: text to add to the agent's system prompt, for agents that accept it; empty for none.
    options: only what the agent supports.
    git_directories: those outside of a job's worktree that a commit in it writes to.
    mcp: the command of luzia's MCP server, for an agent that shall have luzia's tools; empty for none.
    """

    job: str
    attempt: int
    task: str
    directory: str
    prompt_file: str
    argv: list[str] | None = None
    session: str | None = None
    max_cost_usd: float | None = None
    max_turns: int | None = None
    ask: bool = False
    allow: list[str] = []
    system_prompt: str = ""
    options: AgentOptions = AgentOptions()
    git_directories: Sequence[str] = ()
    mcp: Sequence[str] = ()


def model_options(context: CommandContext) -> list[str]:
    """The argument that selects the model, if one is chosen."""
    return [] if context.options.model is None else [f"--model={context.options.model}"]


def budget_options(context: CommandContext, cost: str, turns: str) -> list[str]:
    """The arguments that limit an agent to its budget, if there is one; `cost` and `turns` are its options."""
    words = [] if context.max_cost_usd is None else [f"{cost}={context.max_cost_usd:.9f}".rstrip("0").rstrip(".")]
    return words if context.max_turns is None else [*words, f"{turns}={context.max_turns}"]


def resume_options(context: CommandContext, option: str) -> list[str]:
    """The arguments that resume the session, if there is one; `option` is the agent's."""
    return [] if context.session is None else [f"{option}={context.session}"]


class Command(msgspec.Struct, frozen=True):
    """How to run the agent once.

    argv: the command. env: variables to set.
    stdin_prompt: the agent reads the task on stdin (otherwise /dev/null). merge_stderr: stderr goes into stdout.
    first_line: instead of the task, stdin begins with this line and stays open for answers.
    """

    argv: list[str]
    env: dict[str, str] = {}
    stdin_prompt: bool = False
    merge_stderr: bool = False
    first_line: str | None = None


MAX_ARGUMENT_BYTES = 100 * 1024
"""A longer text is not passed as an argument: Linux limits each one to 128 KiB (MAX_ARG_STRLEN)."""

NESTING_VARIABLES = (
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SSE_PORT",
    "CODEX_SANDBOX",
    "CODEX_SANDBOX_NETWORK_DISABLED",
    "GEMINI_CLI",
    "OPENCODE",
)
"""Variables that tell a process that it runs inside an agent, which a job does not."""


STDERR_TAIL_BYTES = 8 * 1024
"""How much of the end of stderr is passed to a reader for its verdict."""


class UsageLimit(msgspec.Struct, frozen=True):
    """The account's usage limit is reached. words: the agent's message. resets_at: epoch seconds, if known."""

    words: str
    resets_at: float | None = None


class OutputSummary(msgspec.Struct, frozen=True):
    """What an attempt's output has shown so far; None is unknown.

    session, model, version: of the agent. turns: turns of the model; for codex its own turns, each of which may
    use many tools. tools: calls by name, for the first names only; tool_calls: the number of all calls.
    files: those that the agent wrote, in the order of their first change; more_files: some were not kept.
    plan_done, plan_total: without the dropped entries of `plan`, which has the first entries.
    tokens_in: all tokens that the model read, tokens_cached: those of them that came from its cache,
    tokens_out: all tokens that it wrote, with its reasoning.
    cost_usd: the agent's own estimate; None when unknown. usage_limit: the account's limit, if it stops the agent.
    totals: those of the session at the end of this output, from an agent that reports them; tokens and cost are what
    this attempt has added to them.
    last_message: the model's last message, or its beginning. events: lines with a JSON object.
    noise_lines: lines with other text. asked: open questions to the user.
    """

    session: str | None = None
    model: str | None = None
    version: str | None = None
    phase: str | None = None
    turns: int = 0
    tool_calls: int = 0
    tools: dict[str, int] = {}
    files: list[str] = []
    more_files: bool = False
    plan_done: int | None = None
    plan_total: int | None = None
    plan: list[PlanItem] = []
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    cost_usd: float | None = None
    usage_limit: UsageLimit | None = None
    last_message: str | None = None
    events: int = 0
    noise_lines: int = 0
    asked: list[Question] = []
    totals: SessionTotals | None = None


class TranscriptEntry(NamedTuple):
    """A part of a transcript.

    kind: said, thought, tool, result, failed (a tool's result), plan, note, warning, good or bad (the end), noise.
    continues: the text continues that of the previous entry.
    """

    kind: str
    text: str
    continues: bool = False


class Reader(Protocol):
    """Reads one attempt's output and judges it. Accepts any line without an exception, in bounded memory."""

    def feed(self, line: bytes) -> Progress | None:
        """Read one line of stdout without its newline; return the progress if it changed."""

    def summary(self) -> OutputSummary:
        """The summary so far; after the verdict, with what stderr adds."""

    def is_finished(self) -> bool:
        """Whether the agent has reported its final result."""

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Judge the attempt. `stderr_tail` is the last STDERR_TAIL_BYTES of stderr."""


@runtime_checkable
class StderrReader(Reader, Protocol):
    """A Reader of an agent that reports on stderr while it runs."""

    def feed_stderr(self, line: bytes) -> Progress | None:
        """Read one line of stderr without its newline; return the progress if it changed."""


@runtime_checkable
class TotalsReader(Reader, Protocol):
    """A Reader of an agent that reports tokens or costs of its whole session, with earlier attempts."""

    def resume(self, earlier: Mapping[str, SessionTotals], session: str | None) -> None:
        """Take the totals of sessions before the attempt, and the session that it resumes; called before `feed`."""


class UsageFile(NamedTuple):
    """Where an agent notes what its sessions in terminals have used.

    pattern: of the path of the file, with the wildcards of a shell, by the agent's environment and the session.
    read: the totals of a session in its content; None when it has none.
    """

    pattern: Callable[[Mapping[str, str], str], str]
    read: Callable[[bytes, str], SessionTotals | None]


class Adapter(msgspec.Struct, frozen=True):
    """One row of the table of agents.

    program: the executable that must be installed; None when the agent needs none.
    command: builds the command. reader: creates a Reader for an attempt.
    install_hint: how to install it, in one line.
    transcript: the transcript entries of a line of output; None shows the output unchanged.
    has_version_option: with `--version` the program prints its version and exits.
    interactive: builds the command that opens a session in the user's terminal; None when it has none.
    usage_file: what it notes of such a session; None when it notes nothing that luzia reads.
    can_resume: it can resume a session. accepts_system_prompt: it can add a text to its system prompt.
    accepts_model, accepts_args: a model can be chosen, arguments can be added. model_aliases: names of models that the
    agent itself documents, and that outlive the models. accepts_mcp: it can be given an MCP server for one run.
    permission_modes: the agent's own word for each permission mode; None if any word is passed on.
    respond: the line for stdin that answers a question, from the line of output with the question; None when the
    agent cannot ask. Raises ValueError for a line without a question.
    """

    name: str
    program: str | None
    command: Callable[[CommandContext], Command]
    reader: Callable[[], Reader]
    install_hint: str = ""
    transcript: Callable[[bytes], list[TranscriptEntry]] | None = None
    has_version_option: bool = False
    interactive: Callable[[CommandContext], Command] | None = None
    usage_file: UsageFile | None = None
    can_resume: bool = False
    accepts_system_prompt: bool = False
    accepts_model: bool = False
    model_aliases: tuple[str, ...] = ()
    accepts_args: bool = False
    accepts_mcp: bool = False
    permission_modes: Mapping[str, str] | None = {}
    respond: Callable[[bytes, Answer], str] | None = None

    @property
    def reads_output(self) -> bool:
        """False when the verdict needs the exit record only."""
        return self.reader is not ExitCodeReader


def describe_exit(exit_record: ExitRecord) -> str:
    """The exit as text: "exit code 2", "killed by SIGKILL", or why the agent could not be started."""
    if exit_record.error is not None:
        return exit_record.error
    if exit_record.signal is not None:
        return f"killed by {exit_record.signal}"
    return f"exit code {exit_record.exit_code}"


def judge_exit_code(exit_record: ExitRecord) -> Verdict:
    """The verdict for programs with a reliable exit code: 0 is success, everything else is failure."""
    if exit_record.error is not None:
        return Verdict(Outcome.START_FAILED, exit_record.error)
    if exit_record.exit_code == 0:
        return Verdict(Outcome.COMPLETED)
    return Verdict(Outcome.FAILED, describe_exit(exit_record))


class ExitCodeReader:
    """Judges by the exit code and ignores the output."""

    def feed(self, line: bytes) -> Progress | None:
        """Ignore the line."""
        return None

    def summary(self) -> OutputSummary:
        """An empty summary."""
        return OutputSummary()

    def is_finished(self) -> bool:
        """Never, since no output is read."""
        return False

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Judge the attempt by its exit code."""
        return judge_exit_code(exit_record)
