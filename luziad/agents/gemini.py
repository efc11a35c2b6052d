"""Gemini CLI, headless: `gemini --output-format stream-json`.

Facts that this rests on (seen with version 0.61): a signal can end it with exit 0 and no `result`; an API
error exits with the HTTP status modulo 256. Its launcher ignores SIGTERM unless it is told not to relaunch.
"""

from __future__ import annotations

from typing import Any

import msgspec

from luzia_protocol.jobs import Progress

from luziad.agents import gemini_transcript
from luziad.agents.base import NESTING_VARIABLES, Adapter, Command, Context, Understanding, going_on
from luziad.agents.notes import MAX_PATH, Notes, count, plan_item, remember
from luziad.agents.reading import (
    MAX_WORDS,
    at,
    is_usage_limit,
    judge,
    last_words,
    objects,
    one_line,
    text,
    text_at,
    tool_phase,
)
from luziad.jobs.attempt import ExitRecord, Verdict

_WRITERS = ("write_file", "replace", "edit")

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
        [
            "gemini",
            "--output-format=stream-json",
            "--approval-mode=auto_edit",
            "--skip-trust",
            *going_on(context, "--resume"),
        ],
        env={"GEMINI_CLI_NO_RELAUNCH": "true"},
        drop_env=NESTING_VARIABLES,
        stdin_prompt=True,
    )


class _Event(msgspec.Struct, gc=False):
    """The fields that are read."""

    type: str = ""
    session_id: Any = None
    model: Any = None
    role: Any = None
    content: Any = None
    delta: Any = None
    tool_name: Any = None
    tool_id: Any = None
    parameters: Any = None
    status: Any = None
    message: Any = None
    error: Any = None
    stats: Any = None


_event = msgspec.json.Decoder(_Event).decode


class GeminiReader:
    """Reads the events of one headless run."""

    def __init__(self) -> None:
        self._notes = Notes()
        self._models_turn = False
        self._speaking = False
        self._writes: dict[str, str] = {}
        self._success = False
        self._failure = ""
        self._hint = ""

    def feed(self, line: bytes) -> Progress | None:
        """Take in one event."""
        event = self._notes.event(_event, line)
        if event is None:
            return None
        match event.type:
            case "init":
                self._notes.name("session", event.session_id)
                self._notes.name("model", event.model)
                self._notes.phase("thinking")
            case "message" if event.role == "assistant":
                self._message(event)
            case "tool_use":
                self._tool_use(event)
            case "tool_result":
                self._tool_result(event)
            case "error":
                self._hint = one_line(text(event.message))
                self._note_limit(self._hint)
            case "result":
                self._result(event)
        return self._notes.changed()

    def understanding(self) -> Understanding:
        """What has been understood so far."""
        return self._notes.understanding()

    def finished(self) -> bool:
        """True after the result."""
        return self._success or bool(self._failure)

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
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

    def _begin_turn(self) -> None:
        """Count a turn of the model's: it lasts until a tool has answered."""
        if not self._models_turn:
            self._models_turn = True
            self._notes.turns += 1

    def _message(self, event: _Event) -> None:
        self._begin_turn()
        self._notes.phase("thinking")
        self._notes.message(text(event.content), more=self._speaking and event.delta is True)
        self._speaking = True

    def _tool_use(self, event: _Event) -> None:
        self._begin_turn()
        self._speaking = False
        name = text(event.tool_name)
        self._notes.tool(name)
        self._notes.phase(tool_phase(name))
        if name == "write_todos":
            todos = objects(at(event.parameters, "todos"))
            self._notes.plan([plan_item(text_at(todo, "description"), text_at(todo, "status")) for todo in todos])
        elif name in _WRITERS:
            remember(self._writes, text(event.tool_id), text_at(event.parameters, "file_path")[: MAX_PATH + 1])

    def _tool_result(self, event: _Event) -> None:
        self._models_turn = self._speaking = False
        self._notes.phase("thinking")
        file = self._writes.pop(text(event.tool_id), "")
        if event.status == "success":
            self._notes.file(file)

    def _result(self, event: _Event) -> None:
        self._success = event.status == "success"
        words = text_at(event.error, "message")[: 4 * MAX_WORDS]
        self._failure = "" if self._success else words or self._hint or "gemini reports an error without words"
        if self._success:
            self._notes.usage_limit = None
        self._note_limit(self._failure)
        if isinstance(stats := event.stats, dict):
            read, cached = count(stats.get("input_tokens")), count(stats.get("cached"))
            self._notes.set_tokens(read, count(stats.get("output_tokens")), cached)

    def _note_limit(self, words: str) -> None:
        if is_usage_limit(words):
            self._notes.limit(words)


ADAPTER = Adapter(
    name="gemini",
    program="gemini",
    command=command,
    reader=GeminiReader,
    reads_output=True,
    transcript=gemini_transcript.entries,
    tells_version=True,
    resumes=True,
    install_hint="npm install -g @google/gemini-cli, then run `gemini` once to log in",
)
