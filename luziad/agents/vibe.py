"""mistral-vibe, headless: `vibe -p --output streaming`.

Observed with version 3.0: there is no result line; errors are printed on stderr only, and stdout ends. A tool's line is
printed when the tool has ended. Older versions print plain messages with `role` and `tool_calls`, and exit 0 when
interrupted.
"""

from __future__ import annotations

from typing import Any

import msgspec

from luzia_protocol.jobs import Progress

from luziad.agents import vibe_transcript
from luziad.agents.base import Adapter, Command, CommandContext, OutputSummary, budget_options, resume_options
from luziad.agents.json_values import as_objects, as_text, decode_json, one_line, text_at, value_at
from luziad.agents.judging import judge, last_stderr_line
from luziad.agents.summary_builder import SummaryBuilder
from luziad.jobs.attempt import ExitRecord, Verdict

_WRITES = ("file_write", "file_edit")
_OLDER_WRITERS = ("write_file", "search_replace")

_STOP_EVENT = "<vibe_stop_event>"
"""The beginning of the message with which version 2 stops at a budget."""

_LAST_WORDS = ("Error", "Stopped", "The configured", "Interrupted", "Aborted", "KeyboardInterrupt", "Traceback")
"""Beginnings of the line on stderr that explains an early end."""


PERMISSION_MODES = {
    "ask": "ask",
    "acceptEdits": "accept-edits",
    "accept-edits": "accept-edits",
    "smart-approve": "smart-approve",
    "bypassPermissions": "auto-approve",
    "auto-approve": "auto-approve",
}
"""Its own agents, by their names and by those of Claude Code. Version 3 has none that only plans."""


def command(context: CommandContext) -> Command:
    """Run vibe with the task on stdin; it may edit files without asking, unless another mode is chosen.

    It has no option for the model, only a variable.
    """
    options = context.options
    return Command(
        [
            "vibe",
            "-p",
            "--output=streaming",
            f"--agent={PERMISSION_MODES[options.permission_mode or 'accept-edits']}",
            "--trust",
            "--workdir",
            context.directory,
            *resume_options(context, "--resume"),
            *budget_options(context, "--max-price", "--max-turns"),
            *options.args,
        ],
        env={} if options.model is None else {"VIBE_ACTIVE_MODEL": options.model},
        stdin_prompt=True,
    )


def interactive(context: CommandContext) -> Command:
    """Open the session in the user's terminal."""
    options = context.options
    mode = options.permission_mode
    return Command(
        [
            "vibe",
            *resume_options(context, "--resume"),
            *([] if mode is None else [f"--agent={PERMISSION_MODES[mode]}"]),
            "--workdir",
            context.directory,
            *options.args,
        ],
        env={} if options.model is None else {"VIBE_ACTIVE_MODEL": options.model},
    )


class _Entry(msgspec.Struct, gc=False):
    """The fields that are read."""

    type: str = ""
    role: Any = None
    session: Any = msgspec.field(default=None, name="sessionId")
    content: Any = None
    tool_calls: Any = None
    outcome: Any = None
    status: Any = msgspec.field(default=None, name="generationStatus")
    title: Any = None
    detail: Any = None
    state: Any = None


_event = msgspec.json.Decoder(_Entry).decode


class VibeReader:
    """Reads the messages of one run."""

    def __init__(self) -> None:
        self._builder = SummaryBuilder()
        self._answered = False
        self._stopped = ""

    def feed(self, line: bytes) -> Progress | None:
        """Read one message or effect."""
        entry = self._builder.decode(_event, line)
        if entry is None:
            return None
        self._builder.set_name("session", entry.session)
        if entry.type == "effect":
            self._answered = False
            self._effect(entry)
        elif as_text(entry.role):
            self._message(entry)
        return self._builder.take_progress()

    def summary(self) -> OutputSummary:
        """The summary so far; the verdict adds a usage limit from stderr."""
        return self._builder.summary()

    def is_finished(self) -> bool:
        """Never, since vibe prints no line for its end."""
        return False

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Success is an answer of the model at the end of stdout, and no early end on stderr."""
        words = self._stopped or _early_end(stderr_tail)
        if self._answered and exit_record.exit_code == 0 and words.startswith("Error"):
            words = ""  # it has recovered from the error
        self._builder.note_limit("vibe", words)
        return judge(
            "vibe",
            exit_record,
            success=self._answered and not words,
            failure="",
            hint=words,
            missing="vibe ended before the model's last answer",
            stderr_words=last_stderr_line(stderr_tail),
            refused=self._builder.refused,
        )

    def _message(self, entry: _Entry) -> None:
        self._builder.set_phase("thinking")
        words = _words(entry.content)
        self._answered = entry.role == "assistant" and _is_answer(entry)
        self._stopped = one_line(words) if words.startswith(_STOP_EVENT) else ""
        if entry.role != "assistant":
            return
        self._builder.turns += 1
        self._builder.add_message(words)
        for call in as_objects(entry.tool_calls):
            self._older_call(call)

    def _effect(self, entry: _Entry) -> None:
        name = as_text(entry.title) or text_at(entry.detail, "toolName")
        self._builder.add_tool_call(name)
        self._builder.set_phase(f"used {one_line(name, 80)}")
        if text_at(entry.state, "error", "code") == "tool_denied":
            self._builder.add_refusal(name)
        if text_at(entry.state, "status") != "completed":
            return
        kind = text_at(entry.detail, "kind")
        if kind == "todo":
            self._builder.set_todos(
                as_objects(value_at(entry.detail, "input", "todos"))
                or as_objects(value_at(entry.state, "output", "todos")),
            )
        elif kind in _WRITES:
            self._builder.add_file(value_at(entry.detail, "input", "filePath"))

    def _older_call(self, call: dict[str, Any]) -> None:
        name = text_at(call, "function", "name")
        self._builder.add_tool_call(name)
        self._builder.set_phase(f"used {one_line(name, 80)}")
        if name == "todo" or name in _OLDER_WRITERS:
            given = decode_json(text_at(call, "function", "arguments"))
            if name == "todo":
                self._builder.set_todos(as_objects(value_at(given, "todos")))
            else:
                self._builder.add_file(value_at(given, "path") or value_at(given, "file_path"))


def _words(content: Any) -> str:
    """The text of a message, which is a string or a list of blocks."""
    return as_text(content) or " ".join(text_at(block, "text") for block in as_objects(content))


def _is_answer(entry: _Entry) -> bool:
    """Whether a message of the model is complete and calls no tool."""
    kept = entry.outcome is None or text_at(entry.outcome, "type") == "committed"
    whole = entry.status in (None, "completed")
    return kept and whole and not entry.tool_calls and bool(entry.content)


def _early_end(stderr_tail: bytes) -> str:
    """The text of stderr from the last line that reports an early end; empty when none does."""
    for line in reversed(stderr_tail.decode(errors="replace").splitlines()):
        if line.startswith(_LAST_WORDS):
            return last_stderr_line(stderr_tail, line.strip())
    return ""


ADAPTER = Adapter(
    name="vibe",
    program="vibe",
    command=command,
    interactive=interactive,
    reader=VibeReader,
    transcript=vibe_transcript.entries,
    has_version_option=True,
    can_resume=True,
    accepts_model=True,
    accepts_args=True,
    permission_modes=PERMISSION_MODES,
    install_hint="uv tool install mistral-vibe, then run `vibe --setup`",
)
