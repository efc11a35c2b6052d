"""Claude Code, headless: `claude -p` with stream-json output.

Observed with version 2.1: an API error ends with a `result` of subtype success with is_error true, and some
versions exit 0 after it; the message of such an error has the model "<synthetic>". A refused tool and an unknown slash
command exit 0. SIGTERM exits 143 without a `result`, SIGINT exits 0. Lines of sub-agents have parent_tool_use_id:
their tools, files and tokens count, their messages do not. A message is printed as one line for each of its blocks,
each with the usage at its start; the `result` has the correct totals.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from luzia_protocol.activity import PlanItem, SessionTotals
from luzia_protocol.jobs import Progress

from luziad.agents import claude_questions, claude_transcript
from luziad.agents.base import Adapter, Command, CommandContext, OutputSummary, UsageFile, budget_options, model_options
from luziad.agents.claude_events import (
    USAGE,
    Event,
    ToolCall,
    count_tokens,
    created_task_id,
    decode_event,
    sum_models,
)
from luziad.agents.claude_usage import read_usage, usage_files
from luziad.agents.json_values import MAX_TEXT_CHARS, as_objects, as_text, one_line, text_at, value_at
from luziad.agents.judging import describe_refusal, judge, last_stderr_line
from luziad.agents.summary_builder import (
    MAX_ID_CHARS,
    MAX_PATH_CHARS,
    MAX_PLAN_ITEMS,
    SummaryBuilder,
    make_plan_item,
    parse_amount,
    parse_count,
    put_bounded,
    tool_phase,
)
from luziad.jobs.attempt import ExitRecord, Verdict
from luziad.jobs.session_totals import restores_totals

_SESSIONS = uuid.UUID("8a0f2c1e-5d0b-5b0e-9c55-6c757a696121")
_SYNTHETIC = "<synthetic>"
_WRITERS = ("Write", "Edit", "MultiEdit", "NotebookEdit")
_TASK_TOOLS = ("TaskCreate", "TaskUpdate")

PERMISSION_MODES = {
    name: name for name in ("plan", "default", "manual", "acceptEdits", "auto", "dontAsk", "bypassPermissions")
}
"""The values of its --permission-mode; version 2.1 calls `default` also `manual`."""


def command(context: CommandContext) -> Command:
    """Run Claude Code with the task on stdin. It may edit files; other permissions are refused, or the user is asked.

    The session's id is derived from the job and the attempt, so that it is known even if the output is lost.
    """
    new = uuid.uuid5(_SESSIONS, f"{context.directory}\0{context.job}\0{context.attempt}")
    session = f"--session-id={new}" if context.session is None else f"--resume={context.session}"
    asking = ["--input-format=stream-json", "--permission-prompt-tool=stdio"] if context.ask else []
    mode = context.options.permission_mode or ("default" if context.ask and context.allow else "acceptEdits")
    system = [f"--append-system-prompt={context.system_prompt}"] if context.system_prompt else []
    allow = [*context.allow, *(["mcp__luzia"] if context.mcp else [])]
    allowed = [f"--allowedTools={','.join(allow)}"] if allow else []
    return Command(
        [
            "claude",
            "-p",
            "--verbose",
            "--output-format=stream-json",
            f"--permission-mode={PERMISSION_MODES[mode]}",
            *model_options(context),
            session,
            *budget_options(context, "--max-budget-usd", "--max-turns"),
            *asking,
            *allowed,
            *_mcp_options(context),
            *system,
            *context.options.args,
        ],
        env={"CLAUDE_CODE_ENABLE_TODO_TOOLS": "1"},  # its to-do list is the only measure of progress
        stdin_prompt=True,
        first_line=claude_questions.format_first_line(context.task) if context.ask else None,
    )


def interactive(context: CommandContext) -> Command:
    """Open the session in the terminal of the user, who is asked for permissions there."""
    mode = context.options.permission_mode
    system = [f"--append-system-prompt={context.system_prompt}"] if context.system_prompt else []
    return Command(
        [
            "claude",
            f"--resume={context.session}",
            *([] if mode is None else [f"--permission-mode={PERMISSION_MODES[mode]}"]),
            *model_options(context),
            *_mcp_options(context),
            *system,
            *context.options.args,
        ]
    )


def _mcp_options(context: CommandContext) -> list[str]:
    """Luzia's tools, beside the servers that the user has configured."""
    if not context.mcp:
        return []
    server = {"command": context.mcp[0], "args": list(context.mcp[1:])}
    return [f"--mcp-config={msgspec.json.encode({'mcpServers': {'luzia': server}}).decode()}"]


class ClaudeReader:
    """Reads the events of one headless run."""

    def __init__(self) -> None:
        self._builder = SummaryBuilder()
        self._messages: dict[str, None] = {}
        self._calls: dict[str, ToolCall] = {}
        self._tasks: dict[str, PlanItem] = {}
        self._questions = claude_questions.PendingQuestions()
        self._answered = False
        self._last_answer = "(nothing)"
        self._hint = ""
        self._finished = False
        self._success = False
        self._failure = ""
        self._status: Any = None

    def feed(self, line: bytes) -> Progress | None:
        """Read one event."""
        event = self._builder.decode(decode_event, line)
        if event is None:
            return None
        main = event.parent_tool_use_id is None
        match event.type:
            case "assistant":
                self._assistant(event, main)
            case "user":
                self._user(event, main)
            case "system" if main:
                self._system(event)
            case "tool_progress" if main:
                self._tool_progress(event)
            case "control_request":
                self._questions.add(event.request_id, event.request)
            case "control_cancel_request":
                self._questions.withdraw(event.request_id)
            case "rate_limit_event":
                self._rate_limit(event)
            case "result" if main:
                self._result(event)
        return self._builder.take_progress()

    def summary(self) -> OutputSummary:
        """The summary so far."""
        return msgspec.structs.replace(self._builder.summary(), asked=self._questions.questions())

    def resume(self, earlier: Mapping[str, SessionTotals], session: str | None) -> None:
        """Take the totals of sessions before this attempt, to which its own are added."""
        self._builder.resume(earlier, session)

    def is_finished(self) -> bool:
        """True after a result, until the model's next turn."""
        return self._finished

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Success is a result without an error or refused tools, after an answer of the model."""
        return judge(
            "claude",
            exit_record,
            success=self._success,
            failure=self._failure,
            hint=self._hint,
            missing="claude ended without a result",
            stderr_words=last_stderr_line(stderr_tail),
            status=self._status,
        )

    def _system(self, event: Event) -> None:
        match event.subtype:
            case "init":
                self._builder.set_name("session", event.session_id)
                self._builder.set_name("model", event.model)
                self._builder.set_name("version", event.claude_code_version)
                if not restores_totals(as_text(event.claude_code_version)):
                    self._builder.forget_earlier()
                self._builder.set_phase("thinking")
            case "api_retry":
                attempt, most = parse_count(event.attempt), parse_count(event.max_retries)
                self._builder.set_phase(f"retry {attempt} of {most}: {one_line(as_text(event.error), 80)}")
            case "status" if event.status == "compacting":
                self._builder.set_phase("compacting")

    def _assistant(self, event: Event, main: bool) -> None:
        message = event.message
        if not isinstance(message, dict):
            return
        if main:
            self._finished = False
        blocks, model = as_objects(message.get("content")), message.get("model")
        real = model != _SYNTHETIC
        if real:
            self._count(message, main)
        for block in blocks:
            if block.get("type") == "tool_use":
                self._tool_use(block, main)
            elif main:
                self._builder.set_phase("thinking")
        if not main:
            return
        self._answered = real and not event.error
        words = " ".join(text_at(block, "text") for block in blocks if block.get("type") == "text")
        if self._answered:
            self._hint = ""
            self._builder.usage_limit = None
            self._builder.add_message(words)
            self._last_answer = words[:MAX_TEXT_CHARS] or "(nothing)"
        else:
            self._hint = one_line(words)
            self._builder.note_limit("claude", words)

    def _count(self, message: dict[str, Any], main: bool) -> None:
        """Count a message of the model once, although each of its blocks has a line."""
        if key := as_text(message.get("id")):
            if key in self._messages:
                return
            put_bounded(self._messages, key, None)
        if main:
            self._builder.turns += 1
            self._builder.set_name("model", message.get("model"))
        if usage := message.get("usage"):
            self._builder.add_tokens(*count_tokens(usage, USAGE))

    def _tool_use(self, block: dict[str, Any], main: bool) -> None:
        name, given = as_text(block.get("name")), block.get("input")
        self._builder.add_tool_call(name)
        if main:
            self._builder.set_phase(tool_phase(name))
        if name == "TodoWrite" and main:
            self._builder.set_todos(as_objects(value_at(given, "todos")))
        elif name in _WRITERS or (name in _TASK_TOOLS and main):
            file = text_at(given, "file_path") or text_at(given, "notebook_path")
            task, status = text_at(given, "taskId"), text_at(given, "status")
            call = ToolCall(
                name,
                file[: MAX_PATH_CHARS + 1],
                task[: MAX_ID_CHARS + 1],
                text_at(given, "subject")[:1000],
                status[:20],
            )
            put_bounded(self._calls, as_text(block.get("id")), call)

    def _user(self, event: Event, main: bool) -> None:
        for block in as_objects(value_at(event.message, "content")):
            if block.get("type") != "tool_result":
                continue
            if main:
                self._builder.set_phase("thinking")
            self._questions.settle(block.get("tool_use_id"))
            call = self._calls.pop(as_text(block.get("tool_use_id")), None)
            if call is None or block.get("is_error"):
                continue
            if call.tool in _WRITERS:
                self._builder.add_file(call.file)
            else:
                self._task_changed(call, event.tool_use_result)

    def _task_changed(self, call: ToolCall, result: msgspec.Raw) -> None:
        if call.tool == "TaskCreate":
            key, status = created_task_id(result), "pending"
        else:
            key, status = call.task, call.status
        known = self._tasks.get(key)
        if not key or len(key) > MAX_ID_CHARS or (known is None and (not status or len(self._tasks) >= MAX_PLAN_ITEMS)):
            return
        item = make_plan_item(call.subject or (known.text if known else ""), status)
        self._tasks[key] = item if status or known is None else PlanItem(item.text, known.state)
        self._builder.set_plan(list(self._tasks.values()))

    def _tool_progress(self, event: Event) -> None:
        elapsed = parse_amount(event.elapsed_time_seconds)
        self._builder.set_phase(tool_phase(as_text(event.tool_name)) + (f" {elapsed:.0f} s" if elapsed else ""))

    def _rate_limit(self, event: Event) -> None:
        """Read a limit of the account; a rejection without the limit's type comes from a busy server."""
        info = event.rate_limit_info
        kind, resets_at = one_line(text_at(info, "rateLimitType"), 40), value_at(info, "resetsAt")
        if text_at(info, "status") == "rejected" and (kind or resets_at is not None):
            self._hint = f"usage limit {kind}".rstrip()
            self._builder.set_usage_limit(self._hint, resets_at)

    def _result(self, event: Event) -> None:
        """Read the end of a turn; the last of several counts."""
        self._finished = True
        self._questions.clear()
        self._failure = self._describe_failure(event)
        self._success = not self._failure
        self._status = event.api_error_status
        self._builder.set_name("session", event.session_id)
        totals = sum_models(event.model_usage)
        own = sum_models(event.own_model_usage) if isinstance(event.own_model_usage, dict) else None
        if totals == SessionTotals() and event.usage:
            self._builder.set_tokens(*count_tokens(event.usage, USAGE))  # of this run, also in versions without totals
        cost_usd = parse_amount(event.total_cost_usd)
        self._builder.set_session_totals(msgspec.structs.replace(totals, cost_usd=cost_usd), own)
        self._builder.note_limit("claude", self._failure)

    def _describe_failure(self, event: Event) -> str:
        subtype, ended = as_text(event.subtype), as_text(event.terminal_reason)
        words = as_text(event.result)[: 4 * MAX_TEXT_CHARS]
        if subtype != "success":
            errors = event.errors
            more = "; ".join(e for e in errors[:10] if isinstance(e, str)) if isinstance(errors, list) else ""
            return f"{subtype or 'a result without a subtype'}: {more or words or ended}".rstrip(": ")
        if event.is_error is not False:
            return words or self._hint or "claude reported an error without a message"
        unexplained = words.startswith("API Error") and words[: len(self._last_answer)] != self._last_answer
        if event.api_error_status is not None or unexplained:
            return words or "API error without a message"
        denials = as_objects(event.permission_denials)
        if refused := [each for each in denials if not self._questions.has_asked(each.get("tool_use_id"))]:
            return describe_refusal("claude", [text_at(denial, "tool_name") for denial in refused])
        if event.stop_reason == "tool_deferred":
            return "it waits for the answer to a tool's question"
        if ended not in ("", "completed"):
            return f"the turn ended early: {ended}"
        if not self._answered:
            return words or "the model gave no answer"
        return ""


ADAPTER = Adapter(
    name="claude",
    program="claude",
    command=command,
    interactive=interactive,
    usage_file=UsageFile(usage_files, read_usage),
    reader=ClaudeReader,
    transcript=claude_transcript.entries,
    has_version_option=True,
    can_resume=True,
    accepts_system_prompt=True,
    accepts_model=True,
    model_aliases=("opus", "sonnet", "haiku"),
    accepts_args=True,
    accepts_mcp=True,
    permission_modes=PERMISSION_MODES,
    respond=claude_questions.respond,
    install_hint="npm install -g @anthropic-ai/claude-code, then run `claude` once to log in",
)
