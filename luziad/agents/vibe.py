"""mistral-vibe, headless: `vibe -p --output streaming`.

Facts that this rests on (seen with version 3.0): there is no result line; errors go to stderr only, and
stdout just stops. A tool's line comes when the tool has ended. Older versions print plain messages with
`role` and `tool_calls`, and exit 0 when interrupted.
"""

from __future__ import annotations

from typing import Any

from luzia_protocol.jobs import Progress

from luziad.agents.base import NESTING_VARIABLES, Adapter, Command, Context, Verdict
from luziad.agents.reading import ProgressTeller, at, decode, judge, last_words, objects, one_line, text_at
from luziad.core.attempts import Exited

_LAST_WORDS = ("Error", "Stopped", "Interrupted", "Aborted", "KeyboardInterrupt", "Traceback")
"""How vibe begins the line on stderr that says why it ended before its work did."""


def command(context: Context) -> Command:
    """Run vibe with the task on stdin; it may edit files without asking."""
    return Command(
        [
            "vibe",
            "-p",
            "--output=streaming",
            "--agent=accept-edits",
            "--trust",
            "--workdir",
            context.directory,
        ],
        drop_env=NESTING_VARIABLES,
        stdin_prompt=True,
    )


class VibeReader:
    """Reads the messages of one run."""

    def __init__(self) -> None:
        self._teller = ProgressTeller()
        self._answered = False

    def feed(self, line: bytes) -> Progress | None:
        """Take in one message or effect."""
        entry = decode(line)
        if entry.get("type") == "effect":
            self._answered = False
            self._effect(entry)
        elif role := text_at(entry, "role"):
            self._answered = role == "assistant" and _is_answer(entry)
            self._teller.phase("thinking")
            self._older_todo(entry)
        return self._teller.changed()

    def verdict(self, exit_record: Exited, stderr_tail: bytes) -> Verdict:
        """Success is an answer of the model as the last word, and none on stderr of an early end."""
        words = _early_end(stderr_tail)
        return judge(
            exit_record,
            success=self._answered and not words,
            failure="",
            hint=words,
            missing="vibe ended before the model's last answer",
            stderr_words=last_words(stderr_tail),
        )

    def _effect(self, entry: dict[str, Any]) -> None:
        name = text_at(entry, "title") or text_at(entry, "detail", "toolName")
        self._teller.phase(f"used {one_line(name, 80)}")
        if text_at(entry, "detail", "kind") == "todo" and text_at(entry, "state", "status") == "completed":
            todos = objects(at(entry, "detail", "input", "todos")) or objects(at(entry, "state", "output", "todos"))
            self._teller.plan([text_at(todo, "status") for todo in todos])

    def _older_todo(self, entry: dict[str, Any]) -> None:
        for call in objects(entry.get("tool_calls")):
            name = text_at(call, "function", "name")
            self._teller.phase(f"used {one_line(name, 80)}")
            if name == "todo":
                given = decode(text_at(call, "function", "arguments").encode(errors="replace"))
                self._teller.plan([text_at(todo, "status") for todo in objects(given.get("todos"))])


def _is_answer(entry: dict[str, Any]) -> bool:
    """True for a message of the model that was kept whole and calls no tool."""
    kept = entry.get("outcome") is None or text_at(entry, "outcome", "type") == "committed"
    whole = entry.get("generationStatus") in (None, "completed")
    return kept and whole and not entry.get("tool_calls") and bool(entry.get("content"))


def _early_end(stderr_tail: bytes) -> str:
    """What stderr says from the last line on that tells of an early end; empty when none does."""
    for line in reversed(stderr_tail.decode(errors="replace").splitlines()):
        if line.startswith(_LAST_WORDS):
            return last_words(stderr_tail, line.strip())
    return ""


ADAPTER = Adapter(
    name="vibe",
    program="vibe",
    command=command,
    reader=VibeReader,
    reads_output=True,
    install_hint="uv tool install mistral-vibe, then run `vibe --setup`",
)
