"""Codex, headless: `codex exec --json`.

Facts that this rests on (seen with version 0.169): `error` events such as "Reconnecting... 2/5" are not
final, `turn.failed` is. SIGINT exits 1 without a terminal event, SIGTERM kills it. On a stdin that never
ends it waits for ever.
"""

from __future__ import annotations

from typing import Any

from luzia_protocol.jobs import Progress

from luziad.agents.base import NESTING_VARIABLES, Adapter, Command, Context, Verdict
from luziad.agents.reading import (
    MAX_WORDS,
    ProgressTeller,
    decode,
    judge,
    last_words,
    objects,
    one_line,
    text_at,
    tool_phase,
)
from luziad.core.attempts import Exited

_TOOLS = {"command_execution": "shell", "file_change": "edit", "web_search": "web search"}


def command(context: Context) -> Command:
    """Run Codex with the task on stdin; its sandbox lets it write in the project and nowhere else."""
    return Command(
        [
            "codex",
            "exec",
            "--json",
            "--skip-git-repo-check",
            "-C",
            context.directory,
            "-s",
            "workspace-write",
            "-c",
            "tools.update_plan.enabled=true",  # its plan is the only honest progress
            "-",
        ],
        drop_env=NESTING_VARIABLES,
        stdin_prompt=True,
    )


class CodexReader:
    """Reads the events of one `codex exec`."""

    def __init__(self) -> None:
        self._teller = ProgressTeller()
        self._completed = False
        self._failure = ""
        self._hint = ""

    def feed(self, line: bytes) -> Progress | None:
        """Take in one event."""
        event = decode(line)
        match event.get("type"):
            case "turn.started":
                self._completed, self._failure = False, ""
                self._teller.phase("thinking")
            case "turn.completed":
                self._completed, self._failure = True, ""
            case "turn.failed":
                self._completed = False
                self._failure = text_at(event, "error", "message")[: 4 * MAX_WORDS] or self._hint or "turn failed"
            case "error":
                self._error(text_at(event, "message"))
            case "item.started" | "item.updated" | "item.completed":
                self._item(event.get("item"), over=event.get("type") == "item.completed")
        return self._teller.changed()

    def verdict(self, exit_record: Exited, stderr_tail: bytes) -> Verdict:
        """Success is a completed turn after which none began or failed."""
        return judge(
            exit_record,
            success=self._completed,
            failure=self._failure,
            hint=self._hint,
            missing="codex ended before its turn did",
            stderr_words=last_words(stderr_tail),
        )

    def _error(self, message: str) -> None:
        self._hint = one_line(message)
        if message.startswith("Reconnecting"):
            self._teller.phase(one_line(message.partition("(")[0], 80).lower())

    def _item(self, item: Any, *, over: bool) -> None:
        kind = text_at(item, "type")
        if kind == "todo_list":
            todos = objects(item.get("items"))
            self._teller.plan(["completed" if todo.get("completed") is True else "" for todo in todos])
        elif over or kind in ("agent_message", "reasoning"):
            self._teller.phase("thinking")
        elif kind == "mcp_tool_call":
            self._teller.phase(tool_phase(text_at(item, "tool")))
        elif kind in _TOOLS:
            self._teller.phase(tool_phase(_TOOLS[kind]))


ADAPTER = Adapter(
    name="codex",
    program="codex",
    command=command,
    reader=CodexReader,
    reads_output=True,
    install_hint="npm install -g @openai/codex, then `codex login`",
)
