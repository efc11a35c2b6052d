"""Claude Code, headless: `claude -p` with stream-json output.

Facts that this rests on (seen with version 2.1): an API error ends as a `result` of subtype success with
is_error true, and some versions exit 0 with it; such errors are spoken by the model "<synthetic>". A refused
tool and an unknown slash command exit 0. SIGTERM exits 143 without a `result`, SIGINT exits 0. Lines of
sub-agents carry parent_tool_use_id.
"""

from __future__ import annotations

import uuid
from typing import Any

from luzia_protocol.jobs import Progress

from luziad.agents.base import NESTING_VARIABLES, Adapter, Command, Context, Verdict
from luziad.agents.reading import (
    MAX_PLAN,
    MAX_WORDS,
    ProgressTeller,
    at,
    decode,
    judge,
    last_words,
    objects,
    one_line,
    text_at,
    tool_phase,
)
from luziad.core.attempts import Exited

_SESSIONS = uuid.UUID("8a0f2c1e-5d0b-5b0e-9c55-6c757a696121")
_MAX_OPEN_TOOLS = 100


def command(context: Context) -> Command:
    """Run Claude Code with the task on stdin; it may edit files, and what it would have to ask is refused.

    The session's id follows from the job and the attempt, so that it is known whatever becomes of the output.
    """
    session = uuid.uuid5(_SESSIONS, f"{context.directory}\0{context.job}\0{context.attempt}")
    return Command(
        [
            "claude",
            "-p",
            "--verbose",
            "--output-format=stream-json",
            "--permission-mode=acceptEdits",
            f"--session-id={session}",
        ],
        env={"CLAUDE_CODE_ENABLE_TODO_TOOLS": "1"},  # its to-do list is the only honest progress
        drop_env=NESTING_VARIABLES,
        stdin_prompt=True,
    )


class ClaudeReader:
    """Reads the events of one headless run."""

    def __init__(self) -> None:
        self._teller = ProgressTeller()
        self._open_tools: dict[str, tuple[str, dict[str, Any]]] = {}
        self._tasks: dict[str, str] = {}
        self._answered = False
        self._hint = ""
        self._success = False
        self._failure = ""

    def feed(self, line: bytes) -> Progress | None:
        """Take in one event."""
        event = decode(line)
        if not event or event.get("parent_tool_use_id") is not None:
            return None
        match event.get("type"):
            case "system":
                self._system(event)
            case "assistant":
                self._assistant(event)
            case "user":
                self._user(event)
            case "tool_progress":
                self._tool_progress(event)
            case "rate_limit_event":
                self._rate_limit(event)
            case "result":
                self._result(event)
        return self._teller.changed()

    def verdict(self, exit_record: Exited, stderr_tail: bytes) -> Verdict:
        """Success is a result without error or refused tools, after an answer of the model."""
        return judge(
            exit_record,
            success=self._success,
            failure=self._failure,
            hint=self._hint,
            missing="claude ended without a result",
            stderr_words=last_words(stderr_tail),
        )

    def _system(self, event: dict[str, Any]) -> None:
        match event.get("subtype"):
            case "init":
                self._teller.phase("thinking")
            case "api_retry":
                error = one_line(text_at(event, "error"), 80)
                self._teller.phase(f"retry {event.get('attempt')} of {event.get('max_retries')}: {error}"[:160])
            case "status" if text_at(event, "status") == "compacting":
                self._teller.phase("compacting")

    def _assistant(self, event: dict[str, Any]) -> None:
        message = event.get("message")
        blocks = objects(at(message, "content"))
        self._answered = text_at(message, "model") != "<synthetic>" and not event.get("error")
        self._hint = "" if self._answered else one_line(" ".join(text_at(block, "text") for block in blocks))
        for block in blocks:
            if block.get("type") == "tool_use":
                self._tool_use(block)
            else:
                self._teller.phase("thinking")

    def _tool_use(self, block: dict[str, Any]) -> None:
        name, given = text_at(block, "name"), block.get("input")
        self._teller.phase(tool_phase(name))
        if name == "TodoWrite":
            self._teller.plan([text_at(todo, "status") for todo in objects(at(given, "todos"))])
        elif name in ("TaskCreate", "TaskUpdate") and len(self._open_tools) < _MAX_OPEN_TOOLS:
            few = {"task": text_at(given, "taskId"), "status": text_at(given, "status")}
            self._open_tools[text_at(block, "id")] = (name, few)

    def _user(self, event: dict[str, Any]) -> None:
        for block in objects(at(event, "message", "content")):
            if block.get("type") != "tool_result":
                continue
            self._teller.phase("thinking")
            name, given = self._open_tools.pop(text_at(block, "tool_use_id"), ("", {}))
            if name and not block.get("is_error"):
                self._task_changed(name, given, event)

    def _task_changed(self, name: str, given: dict[str, Any], event: dict[str, Any]) -> None:
        if name == "TaskCreate":
            key, status = text_at(event, "tool_use_result", "task", "id"), "pending"
        else:
            key, status = given["task"], given["status"]
        if key and status and (key in self._tasks or len(self._tasks) < MAX_PLAN):
            self._tasks[key] = status[:20]
            self._teller.plan(list(self._tasks.values()))

    def _tool_progress(self, event: dict[str, Any]) -> None:
        elapsed = event.get("elapsed_time_seconds")
        seconds = f" {elapsed:.0f} s" if isinstance(elapsed, int | float) else ""
        self._teller.phase(tool_phase(text_at(event, "tool_name")) + seconds)

    def _rate_limit(self, event: dict[str, Any]) -> None:
        info = event.get("rate_limit_info")
        if text_at(info, "status") == "rejected":
            self._teller.phase("usage limit")
            self._hint = f"usage limit {one_line(text_at(info, 'rateLimitType'), 40)}".rstrip()

    def _result(self, event: dict[str, Any]) -> None:
        """Judge the end of a turn; of several, the last one counts."""
        self._failure = self._what_went_wrong(event)
        self._success = not self._failure

    def _what_went_wrong(self, event: dict[str, Any]) -> str:
        subtype, ended = text_at(event, "subtype"), text_at(event, "terminal_reason")
        words = text_at(event, "result")[: 4 * MAX_WORDS]
        if subtype != "success":
            errors = event.get("errors")
            more = "; ".join(e for e in errors[:10] if isinstance(e, str)) if isinstance(errors, list) else ""
            return f"{subtype or 'a result without a subtype'}: {more or words or ended}".rstrip(": ")
        if event.get("is_error") is not False:
            return words or self._hint or "claude reports an error without words"
        if refused := objects(event.get("permission_denials")):
            names = sorted({text_at(denial, "tool_name") or "a tool" for denial in refused})
            return f"not permitted: {', '.join(names)} (a command in [agents.claude] can permit more)"
        if ended not in ("", "completed"):
            return f"the turn ended early: {ended}"
        if not self._answered:
            return words or "the model gave no answer"
        return ""


ADAPTER = Adapter(
    name="claude",
    program="claude",
    command=command,
    reader=ClaudeReader,
    reads_output=True,
    install_hint="npm install -g @anthropic-ai/claude-code, then run `claude` once to log in",
)
