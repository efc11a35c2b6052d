"""Gemini CLI, headless: `gemini --output-format stream-json`.

Observed with version 0.61: a signal can end it with exit 0 and no `result`; an API error exits with the HTTP status
modulo 256. It retries an API error for up to 4 minutes, and reports that on stderr only. Its launcher ignores SIGTERM
unless GEMINI_CLI_NO_RELAUNCH is set.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from luzia_protocol.jobs import Progress

from luziad.agents import gemini_transcript
from luziad.agents.base import Adapter, Command, CommandContext, OutputSummary, model_options, resume_options
from luziad.agents.json_values import MAX_TEXT_CHARS, as_objects, as_text, one_line, text_at, value_at
from luziad.agents.judging import judge, last_stderr_line
from luziad.agents.summary_builder import MAX_PATH_CHARS, SummaryBuilder, parse_count, put_bounded, tool_phase
from luziad.jobs.attempt import ExitRecord, FailureCause, Verdict

_WRITERS = ("write_file", "replace", "edit")

_RETRY = re.compile(rb"Attempt (\d{1,4}) failed(?: with status (\d{3}))?")
_TURN_LIMIT = 53
_STATUSES = (401, 402, 403, 429, 500, 502, 503, 504, 529)
"""HTTP statuses with which it exits, modulo 256."""

_EXITS = {
    41: "authentication failed",
    42: "its input was invalid",
    44: "its sandbox failed",
    52: "its configuration is invalid",
    _TURN_LIMIT: "the turn limit was reached",
    54: "a tool failed",
    55: "the directory is not trusted",
    130: "it was cancelled",
}
"""The exit codes in its documentation."""


PERMISSION_MODES = {
    "plan": "plan",
    "default": "default",
    "acceptEdits": "auto_edit",
    "auto_edit": "auto_edit",
    "bypassPermissions": "yolo",
    "yolo": "yolo",
}
"""The values of its --approval-mode, by their own names and by those of Claude Code."""


def command(context: CommandContext) -> Command:
    """Run Gemini with the task on stdin; it may edit files without asking, unless another mode is chosen."""
    return Command(
        [
            "gemini",
            "--output-format=stream-json",
            f"--approval-mode={PERMISSION_MODES[context.options.permission_mode or 'auto_edit']}",
            "--skip-trust",
            *model_options(context),
            *resume_options(context, "--resume"),
            *context.options.args,
        ],
        env={"GEMINI_CLI_NO_RELAUNCH": "true"},
        stdin_prompt=True,
    )


def interactive(context: CommandContext) -> Command:
    """Open the session in the user's terminal."""
    mode = context.options.permission_mode
    return Command(
        [
            "gemini",
            *resume_options(context, "--resume"),
            *([] if mode is None else [f"--approval-mode={PERMISSION_MODES[mode]}"]),
            *model_options(context),
            *context.options.args,
        ]
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
        self._builder = SummaryBuilder()
        self._models_turn = False
        self._speaking = False
        self._tools: dict[str, str] = {}
        self._writes: dict[str, str] = {}
        self._success = False
        self._failure = ""
        self._hint = ""
        self._out_of_turns = False

    def feed(self, line: bytes) -> Progress | None:
        """Read one event."""
        event = self._builder.decode(_event, line)
        if event is None:
            return None
        match event.type:
            case "init":
                self._builder.set_name("session", event.session_id)
                self._builder.set_name("model", event.model)
                self._builder.set_phase("thinking")
            case "message" if event.role == "assistant":
                self._message(event)
            case "tool_use":
                self._tool_use(event)
            case "tool_result":
                self._tool_result(event)
            case "error":
                self._hint = one_line(as_text(event.message))
                self._builder.note_limit("gemini", self._hint)
            case "result":
                self._result(event)
        return self._builder.take_progress()

    def feed_stderr(self, line: bytes) -> Progress | None:
        """Read a line that reports a retry, of which stdout says nothing for minutes."""
        if (match := _RETRY.match(line)) is not None:
            status = f": status {match[2].decode()}" if match[2] else ""
            self._builder.set_phase(f"retry {match[1].decode()}{status}")
        return self._builder.take_progress()

    def summary(self) -> OutputSummary:
        """The summary so far."""
        return self._builder.summary()

    def is_finished(self) -> bool:
        """True after the result."""
        return self._success or bool(self._failure)

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Success is a result with status success."""
        exit_words = _EXITS.get(exit_record.exit_code or 0, "")
        return judge(
            "gemini",
            exit_record,
            success=self._success,
            failure=self._failure,
            hint=exit_words or self._hint,
            missing="gemini ended without a result",
            stderr_words=last_stderr_line(stderr_tail),
            refused=self._builder.refused,
            cause=FailureCause.BUDGET if self._out_of_turns or exit_record.exit_code == _TURN_LIMIT else None,
            status=next((status for status in _STATUSES if status % 256 == exit_record.exit_code), None),
        )

    def _begin_turn(self) -> None:
        """Count a turn of the model, which lasts until a tool returns its result."""
        if not self._models_turn:
            self._models_turn = True
            self._builder.turns += 1

    def _message(self, event: _Event) -> None:
        self._begin_turn()
        self._builder.set_phase("thinking")
        self._builder.add_message(as_text(event.content), more=self._speaking and event.delta is True)
        self._speaking = True

    def _tool_use(self, event: _Event) -> None:
        self._begin_turn()
        self._speaking = False
        name = as_text(event.tool_name)
        self._builder.add_tool_call(name)
        self._builder.set_phase(tool_phase(name))
        put_bounded(self._tools, as_text(event.tool_id), one_line(name, 80))
        if name == "write_todos":
            self._builder.set_todos(as_objects(value_at(event.parameters, "todos")), "description")
        elif name in _WRITERS:
            put_bounded(
                self._writes, as_text(event.tool_id), text_at(event.parameters, "file_path")[: MAX_PATH_CHARS + 1]
            )

    def _tool_result(self, event: _Event) -> None:
        self._models_turn = self._speaking = False
        self._builder.set_phase("thinking")
        tool = self._tools.pop(as_text(event.tool_id), "")
        if text_at(event.error, "type") == "policy_violation":
            self._builder.add_refusal(tool)
        file = self._writes.pop(as_text(event.tool_id), "")
        if event.status == "success":
            self._builder.add_file(file)

    def _result(self, event: _Event) -> None:
        self._success = event.status == "success"
        self._out_of_turns = text_at(event.error, "type") == "FatalTurnLimitedError"
        words = text_at(event.error, "message")[: 4 * MAX_TEXT_CHARS]
        self._failure = "" if self._success else words or self._hint or "gemini reported an error without a message"
        if self._success:
            self._builder.usage_limit = None
        self._builder.note_limit("gemini", self._failure)
        if isinstance(stats := event.stats, dict):
            read, cached = parse_count(stats.get("input_tokens")), parse_count(stats.get("cached"))
            self._builder.set_tokens(read, parse_count(stats.get("output_tokens")), cached)


ADAPTER = Adapter(
    name="gemini",
    program="gemini",
    command=command,
    interactive=interactive,
    reader=GeminiReader,
    transcript=gemini_transcript.entries,
    has_version_option=True,
    can_resume=True,
    accepts_model=True,
    accepts_args=True,
    permission_modes=PERMISSION_MODES,
    install_hint="npm install -g @google/gemini-cli, then run `gemini` once to log in",
)
