"""The interface of agent adapters: pure functions that know one agent, and do no I/O.

An adapter is given lines of output by whoever reads the files, and says what they mean. The last line counts
also when its newline is missing. What readers share (decoding, counting, words) is in reading.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from luzia_protocol.activity import Question
from luzia_protocol.jobs import Outcome, Progress

from luziad.jobs.attempt import Answer, ExitRecord, Verdict


class CommandContext(msgspec.Struct, frozen=True):
    """What an adapter may use to build the command of an attempt.

    job, attempt: whose command. task: the user's text. directory: where the agent works, absolute.
    prompt_file: absolute path of a file with the task's text, there when the agent starts.
    argv: the exact command of `luzia run`; None for every other job.
    session: the agent's session to go on with, in which `task` is what is said next; None begins one.
    max_cost_usd, max_turns: what is left of the job's budget.
    ask: a person may be asked. allow: what the agent may use without asking, in its own words.
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


def budget_options(context: CommandContext, cost: str, turns: str) -> list[str]:
    """The words that keep an agent within its budget, if there is one; `cost` and `turns` are its options."""
    words = [] if context.max_cost_usd is None else [f"{cost}={context.max_cost_usd:.2f}"]
    return words if context.max_turns is None else [*words, f"{turns}={context.max_turns}"]


def resume_options(context: CommandContext, option: str) -> list[str]:
    """The words that make an agent go on with its session, if it is to; `option` is the agent's."""
    return [] if context.session is None else [f"{option}={context.session}"]


class Command(msgspec.Struct, frozen=True):
    """How to run the agent once.

    argv: the command. env: variables to set. drop_env: variables to take out of the inherited environment.
    stdin_prompt: the agent reads the task on stdin (otherwise /dev/null). merge_stderr: stderr into stdout.
    first_line: instead, its stdin begins with this line and stays open for answers.
    """

    argv: list[str]
    env: dict[str, str] = {}
    drop_env: tuple[str, ...] = ()
    stdin_prompt: bool = False
    merge_stderr: bool = False
    first_line: str | None = None


MAX_ARGUMENT_BYTES = 100 * 1024
"""A longer text does not go into an argument: Linux allows 128 KiB for each (MAX_ARG_STRLEN)."""

NESTING_VARIABLES = (
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SSE_PORT",
    "CODEX_SANDBOX",
    "CODEX_SANDBOX_NETWORK_DISABLED",
    "GEMINI_CLI",
    "OPENCODE",
)
"""How agents tell their children that they run inside an agent; a job of its own does not."""


STDERR_TAIL_BYTES = 8 * 1024
"""How much of the end of stderr a reader gets for its verdict."""


class PlanItem(msgspec.Struct, frozen=True):
    """One entry of an agent's to-do list. state: pending, in_progress, completed or dropped."""

    text: str
    state: str


class UsageLimit(msgspec.Struct, frozen=True):
    """The account's allowance is used up. words: the agent's. resets_at: epoch seconds, where its events have them."""

    words: str
    resets_at: float | None = None


class OutputSummary(msgspec.Struct, frozen=True):
    """What a reader has understood of an attempt's output so far; None is what it cannot know.

    session, model, version: of the agent's. turns: how often the model's turn came; for codex its own turns, of
    which each may use many tools. tools: calls by name, of the first names only; tool_calls: all of them.
    files: what the agent wrote, in the order of their first change; more_files: some were not kept.
    plan_done, plan_total: without the dropped entries of `plan`, which has the first entries.
    tokens_in: all that the model read, tokens_cached: those of them that came from its cache,
    tokens_out: all that it wrote, thoughts included. codex counts over the whole thread, earlier attempts included.
    cost_usd: the agent's own estimate; None is unpriced. usage_limit: what stops it, when that is the account's limit.
    last_message: what the model said last, or its beginning. events: lines that held an object.
    noise_lines: lines with text that held none. asked: what the agent asks a person, and waits for.
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


class TranscriptEntry(NamedTuple):
    """A part of a transcript.

    kind: said, thought, tool, result, failed (of a tool), plan, note, warning, good or bad (how it ended), noise.
    continues: the text is a piece that goes on with the pieces before it.
    """

    kind: str
    text: str
    continues: bool = False


class Reader(Protocol):
    """Reads one attempt's output and judges it. Never raises on any line, and keeps little of them."""

    def feed(self, line: bytes) -> Progress | None:
        """Take in one line of stdout without its newline; return progress when it changed."""

    def summary(self) -> OutputSummary:
        """What has been understood so far; after the verdict also what stderr adds."""

    def is_finished(self) -> bool:
        """True when the agent has told its final result, so that nothing but its end is to come."""

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Judge the attempt. `stderr_tail` is the last STDERR_TAIL_BYTES of stderr."""


class Adapter(msgspec.Struct, frozen=True):
    """One row of the table of agents.

    program: the executable that must be installed; None when the agent needs none.
    command: builds the command. reader: makes a Reader for an attempt.
    reads_output: False when the verdict needs the exit record only, so that nobody reads the output.
    install_hint: how to get it, in one line.
    transcript: what a line of its output means to a person; None shows the output as it is.
    has_version_option: the program prints its version when it gets `--version`, and does nothing else.
    can_resume: it can go on with a session.
    respond: makes the line for stdin that answers a question, from the line of output that asked it; None when the
    agent cannot ask. Raises ValueError for a line that asks nothing.
    """

    name: str
    program: str | None
    command: Callable[[CommandContext], Command]
    reader: Callable[[], Reader]
    reads_output: bool
    install_hint: str = ""
    transcript: Callable[[bytes], list[TranscriptEntry]] | None = None
    has_version_option: bool = False
    can_resume: bool = False
    respond: Callable[[bytes, Answer], str] | None = None


def describe_exit(exit_record: ExitRecord) -> str:
    """The exit in words: "exit code 2", "killed by SIGKILL", or why the agent could not be started."""
    if exit_record.error is not None:
        return exit_record.error
    if exit_record.signal is not None:
        return f"killed by {exit_record.signal}"
    return f"exit code {exit_record.exit_code}"


def judge_exit_code(exit_record: ExitRecord) -> Verdict:
    """The verdict for programs whose exit code can be trusted: 0 is success, all else is not."""
    if exit_record.error is not None:
        return Verdict(Outcome.START_FAILED, exit_record.error)
    if exit_record.exit_code == 0:
        return Verdict(Outcome.COMPLETED)
    return Verdict(Outcome.FAILED, describe_exit(exit_record))


class ExitCodeReader:
    """Reads nothing, and trusts the exit code."""

    def feed(self, line: bytes) -> Progress | None:
        """Take in a line that means nothing here."""
        return None

    def summary(self) -> OutputSummary:
        """Nothing is understood of output that nobody reads."""
        return OutputSummary()

    def is_finished(self) -> bool:
        """No output tells it."""
        return False

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Judge the attempt by its exit code."""
        return judge_exit_code(exit_record)
