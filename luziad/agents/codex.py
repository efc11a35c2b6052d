"""Codex, headless: `codex exec --json`.

Observed with version 0.169: `error` events such as "Reconnecting... 2/5" are not final, `turn.failed` is. `usage` is
the total of the thread. SIGINT exits 1 without a final event, SIGTERM kills it. It waits until stdin is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from luzia_protocol.activity import SessionTotals
from luzia_protocol.jobs import Progress

from luziad.agents import codex_transcript
from luziad.agents.base import Adapter, Command, CommandContext, OutputSummary, UsageFile, model_options
from luziad.agents.codex_usage import read_usage, usage_files
from luziad.agents.json_values import MAX_TEXT_CHARS, as_objects, as_text, decode_json, one_line, text_at
from luziad.agents.judging import judge, last_stderr_line
from luziad.agents.summary_builder import SummaryBuilder, make_plan_item, parse_count, put_bounded, tool_phase
from luziad.jobs.attempt import ExitRecord, Verdict

_TOOLS = {"command_execution": "shell", "file_change": "edit", "web_search": "web search", "mcp_tool_call": "mcp"}
"""Types of items that are tools, with their names for items without one."""
_STATES = ("pending", "completed")

PERMISSION_MODES = {
    "plan": "read-only",
    "read-only": "read-only",
    "acceptEdits": "workspace-write",
    "workspace-write": "workspace-write",
    "bypassPermissions": "danger-full-access",
    "danger-full-access": "danger-full-access",
}
"""The scopes of its sandbox, by their own names and by those of Claude Code."""


def command(context: CommandContext) -> Command:
    """Run Codex with the task on stdin. Its sandbox allows writes in the project only, unless another one is chosen.

    It keeps the git directory of a worktree from being written, unless that is named as a directory itself.
    """
    sandbox = PERMISSION_MODES[context.options.permission_mode or "workspace-write"]
    return Command(
        [
            "codex",
            "exec",
            "--json",
            "--skip-git-repo-check",
            "-C",
            context.directory,
            "-s",
            sandbox,
            "-c",
            "tools.update_plan.enabled=true",  # its plan is the only measure of progress
            *(f"--add-dir={each}" for each in context.git_directories if sandbox == "workspace-write"),
            *_mcp_options(context),
            *model_options(context),
            *context.options.args,  # before `resume`, which knows only some of the options
            *([] if context.session is None else ["resume", context.session]),
            "-",
        ],
        stdin_prompt=True,
    )


def interactive(context: CommandContext) -> Command:
    """Open the session in the user's terminal, in the sandbox that was chosen, else in Codex's own."""
    mode = context.options.permission_mode
    return Command(
        [
            "codex",
            "resume",
            "-C",
            context.directory,
            *([] if mode is None else ["-s", PERMISSION_MODES[mode]]),
            *_mcp_options(context),
            *model_options(context),
            *context.options.args,
            str(context.session),
        ]
    )


def _mcp_options(context: CommandContext) -> list[str]:
    """Luzia's tools. Nobody could approve their use, so that it is approved at once."""
    if not context.mcp:
        return []
    command, *arguments = context.mcp
    values = {"command": command, "args": arguments, "default_tools_approval_mode": "approve"}
    pairs = [f"mcp_servers.luzia.{name}={msgspec.json.encode(value).decode()}" for name, value in values.items()]
    return [word for pair in pairs for word in ("-c", pair)]


_NOTHING = msgspec.Raw(b"null")
_MAX_KEPT_LIST = 64 * 1024


class _Item(msgspec.Struct, gc=False):
    type: str = ""
    id: Any = None
    text: Any = None
    items: msgspec.Raw = _NOTHING
    tool: Any = None
    changes: msgspec.Raw = _NOTHING
    status: Any = None


class _Event(msgspec.Struct, gc=False):
    """The fields that are read."""

    type: str = ""
    item: _Item | None = None
    thread_id: Any = None
    usage: Any = None
    error: Any = None
    message: Any = None


_event = msgspec.json.Decoder(_Event).decode


class CodexReader:
    """Reads the events of one `codex exec`."""

    def __init__(self) -> None:
        self._builder = SummaryBuilder()
        self._open_items: dict[str, None] = {}
        self._last_list = b""
        self._completed = False
        self._failure = ""
        self._hint = ""

    def feed(self, line: bytes) -> Progress | None:
        """Read one event."""
        event = self._builder.decode(_event, line)
        if event is None:
            return None
        if event.item is not None:
            self._item(event.item, event.type)
            return self._builder.take_progress()
        match event.type:
            case "thread.started":
                self._builder.set_name("session", event.thread_id)
            case "turn.started":
                self._completed, self._failure = False, ""
                self._builder.turns += 1
                self._builder.set_phase("thinking")
            case "turn.completed":
                self._completed, self._failure = True, ""
                self._builder.usage_limit = None
                self._usage(event.usage)
            case "turn.failed":
                self._completed = False
                self._failure = text_at(event.error, "message")[: 4 * MAX_TEXT_CHARS] or self._hint or "turn failed"
                self._builder.note_limit("codex", self._failure)
            case "error":
                self._error(as_text(event.message))
        return self._builder.take_progress()

    def summary(self) -> OutputSummary:
        """The summary so far."""
        return self._builder.summary()

    def resume(self, earlier: Mapping[str, SessionTotals], session: str | None) -> None:
        """Take the totals of threads before this attempt, to which its own are added."""
        self._builder.resume(earlier, session)

    def is_finished(self) -> bool:
        """True after the end of a turn, until the next one begins."""
        return self._completed or bool(self._failure)

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Success is a completed turn that no other turn follows."""
        return judge(
            "codex",
            exit_record,
            success=self._completed,
            failure=self._failure,
            hint=self._hint,
            missing="codex ended before its turn did",
            stderr_words=last_stderr_line(stderr_tail),
        )

    def _error(self, message: str) -> None:
        self._hint = one_line(message)
        if message.startswith("Reconnecting"):
            self._builder.set_phase(one_line(message.partition("(")[0], 80).lower())
        self._builder.note_limit("codex", message)

    def _usage(self, usage: Any) -> None:
        if isinstance(usage, dict):
            names = ("input_tokens", "output_tokens", "cached_input_tokens")
            self._builder.set_session_totals(SessionTotals(*(parse_count(usage.get(name)) for name in names)))

    def _item(self, item: _Item, kind: str) -> None:
        notes, over = self._builder, kind == "item.completed"
        if item.type == "agent_message":
            notes.set_phase("thinking")
            notes.add_message(as_text(item.text))
        elif item.type == "todo_list":
            self._plan(bytes(item.items))
        elif (name := _TOOLS.get(item.type)) is not None:
            self._tool(item, as_text(item.tool) or name, over)
        elif over or item.type == "reasoning":
            notes.set_phase("thinking")

    def _plan(self, items: bytes) -> None:
        """Read a to-do list; codex prints it again when its item ends, mostly unchanged."""
        if items != self._last_list:
            self._last_list = items if len(items) <= _MAX_KEPT_LIST else b""
            todos = as_objects(decode_json(items))
            states = [(as_text(todo.get("text")), _STATES[todo.get("completed") is True]) for todo in todos]
            self._builder.set_plan([make_plan_item(words, state) for words, state in states])

    def _tool(self, item: _Item, name: str, over: bool) -> None:
        """Count a tool when its item is first seen: some are printed only when they have ended."""
        key = as_text(item.id)
        if key not in self._open_items:
            self._builder.add_tool_call(name)
        if not over:
            put_bounded(self._open_items, key, None)
            self._builder.set_phase(tool_phase(name))
            return
        self._open_items.pop(key, None)
        self._builder.set_phase("thinking")
        if item.type == "file_change" and item.status != "failed":
            for change in as_objects(decode_json(item.changes)):
                self._builder.add_file(change.get("path"))


ADAPTER = Adapter(
    name="codex",
    program="codex",
    command=command,
    interactive=interactive,
    reader=CodexReader,
    transcript=codex_transcript.entries,
    usage_file=UsageFile(usage_files, read_usage),
    has_version_option=True,
    can_resume=True,
    accepts_model=True,
    accepts_args=True,
    accepts_mcp=True,
    permission_modes=PERMISSION_MODES,
    install_hint="npm install -g @openai/codex, then `codex login`",
)
