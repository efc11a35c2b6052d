"""opencode, headless: `opencode run --format json`.

Facts that this rests on (seen with version 1.18): a tool's line comes when the tool has ended; an `error`
line is final, because it retries in silence; a permission that nobody can give ends it with exit 0 and
not one byte. A dropped connection makes it loop over steps that finish for the reason "unknown".
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
)
from luziad.core.attempts import Exited


def command(context: Context) -> Command:
    """Run opencode with the task on stdin; what it may do is said by its own configuration."""
    return Command(
        ["opencode", "run", "--format", "json", "--dir", context.directory],
        drop_env=NESTING_VARIABLES,
        stdin_prompt=True,
    )


class OpencodeReader:
    """Reads the events of one run."""

    def __init__(self) -> None:
        self._teller = ProgressTeller()
        self._last_step = ""
        self._failure = ""

    def feed(self, line: bytes) -> Progress | None:
        """Take in one event."""
        event = decode(line)
        match event.get("type"):
            case "step_start":
                self._last_step = "unfinished"
                self._teller.phase("thinking")
            case "text" | "reasoning":
                self._teller.phase("thinking")
            case "tool_use":
                self._tool_used(event.get("part"))
            case "step_finish":
                self._last_step = one_line(text_at(event, "part", "reason"), 40) or "without a reason"
            case "error":
                self._error(event.get("error"))
        return self._teller.changed()

    def verdict(self, exit_record: Exited, stderr_tail: bytes) -> Verdict:
        """Success is a last step that finished because the model was done, and no error."""
        if self._last_step:
            missing = f"opencode ended in the middle of its work (last step: {self._last_step})"
        else:
            missing = "opencode ended without doing anything; perhaps a permission was refused"
        return judge(
            exit_record,
            success=self._last_step == "stop",
            failure=self._failure,
            hint="",
            missing=missing,
            stderr_words=last_words(stderr_tail),
        )

    def _tool_used(self, part: Any) -> None:
        name = text_at(part, "tool")
        self._teller.phase(f"used {one_line(name, 80)}")
        if name == "todowrite" and text_at(part, "state", "status") == "completed":
            todos = objects(at(part, "state", "input", "todos"))
            self._teller.plan([text_at(todo, "status") for todo in todos])

    def _error(self, error: Any) -> None:
        words = text_at(error, "data", "message") or text_at(error, "message") or text_at(error, "name")
        self._failure = words[: 4 * MAX_WORDS] or "opencode reports an error without words"


ADAPTER = Adapter(
    name="opencode",
    program="opencode",
    command=command,
    reader=OpencodeReader,
    reads_output=True,
    install_hint="npm install -g opencode-ai, then `opencode auth login`",
)
