"""Gemini CLI, headless: `gemini --output-format stream-json`.

Facts that this rests on (seen with version 0.61): a signal can end it with exit 0 and no `result`; an API
error exits with the HTTP status modulo 256. Its launcher ignores SIGTERM unless it is told not to relaunch.
"""

from __future__ import annotations

from typing import Any

from luzia_protocol.jobs import Progress

from luziad.agents.base import NESTING_VARIABLES, Adapter, Command, Context, Verdict
from luziad.agents.reading import (
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

_EXITS = {
    41: "authentication failed",
    42: "it did not accept its input",
    44: "its sandbox failed",
    52: "its configuration is wrong",
    53: "the turn limit was reached",
    54: "a tool failed",
    55: "the directory is not trusted",
    130: "it was cancelled",
}
"""The exit codes that its documentation names."""


def command(context: Context) -> Command:
    """Run Gemini with the task on stdin; it may edit files without asking."""
    return Command(
        ["gemini", "--output-format=stream-json", "--approval-mode=auto_edit", "--skip-trust"],
        env={"GEMINI_CLI_NO_RELAUNCH": "true"},
        drop_env=NESTING_VARIABLES,
        stdin_prompt=True,
    )


class GeminiReader:
    """Reads the events of one headless run."""

    def __init__(self) -> None:
        self._teller = ProgressTeller()
        self._success = False
        self._failure = ""
        self._hint = ""

    def feed(self, line: bytes) -> Progress | None:
        """Take in one event."""
        event = decode(line)
        match event.get("type"):
            case "init" | "tool_result":
                self._teller.phase("thinking")
            case "message" if event.get("role") == "assistant":
                self._teller.phase("thinking")
            case "tool_use":
                self._tool_use(event)
            case "error":
                self._hint = one_line(text_at(event, "message"))
            case "result":
                self._result(event)
        return self._teller.changed()

    def verdict(self, exit_record: Exited, stderr_tail: bytes) -> Verdict:
        """Success is a result with status success."""
        exit_words = _EXITS.get(exit_record.exit_code or 0, "")
        return judge(
            exit_record,
            success=self._success,
            failure=self._failure,
            hint=exit_words or self._hint,
            missing="gemini ended without a result",
            stderr_words=last_words(stderr_tail),
        )

    def _tool_use(self, event: dict[str, Any]) -> None:
        name = text_at(event, "tool_name")
        self._teller.phase(tool_phase(name))
        if name == "write_todos":
            todos = objects(at(event, "parameters", "todos"))
            self._teller.plan([text_at(todo, "status") for todo in todos])

    def _result(self, event: dict[str, Any]) -> None:
        self._success = text_at(event, "status") == "success"
        words = text_at(event, "error", "message")[: 4 * MAX_WORDS]
        self._failure = "" if self._success else words or self._hint or "gemini reports an error without words"


ADAPTER = Adapter(
    name="gemini",
    program="gemini",
    command=command,
    reader=GeminiReader,
    reads_output=True,
    install_hint="npm install -g @google/gemini-cli, then run `gemini` once to log in",
)
