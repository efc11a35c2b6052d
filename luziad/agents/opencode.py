"""opencode, headless: `opencode run --format json`.

Facts that this rests on (seen with version 1.18): a tool's line comes when the tool has ended; an `error`
line is final, because it retries in silence; a permission that nobody can give ends it with exit 0 and
not one byte. A dropped connection makes it loop over steps that finish for the reason "unknown".
"""

from __future__ import annotations

from typing import Any

import msgspec

from luzia_protocol.jobs import Progress

from luziad.agents import opencode_transcript
from luziad.agents.base import NESTING_VARIABLES, Adapter, Command, Context, Understanding, going_on
from luziad.agents.notes import Notes, count, plan_item
from luziad.agents.reading import MAX_WORDS, at, decoded, is_usage_limit, judge, last_words, objects, one_line, text_at
from luziad.jobs.attempt import ExitRecord, Verdict

_WRITERS = ("write", "edit", "multiedit", "patch")


def command(context: Context) -> Command:
    """Run opencode with the task on stdin; what it may do is said by its own configuration."""
    return Command(
        ["opencode", "run", "--format", "json", "--dir", context.directory, *going_on(context, "--session")],
        drop_env=NESTING_VARIABLES,
        stdin_prompt=True,
    )


class _Event(msgspec.Struct, gc=False):
    """The fields that are read."""

    type: str = ""
    session: Any = msgspec.field(default=None, name="sessionID")
    part: Any = None
    error: Any = None


_event = msgspec.json.Decoder(_Event).decode


class OpencodeReader:
    """Reads the events of one run."""

    def __init__(self) -> None:
        self._notes = Notes()
        self._last_step = ""
        self._failure = ""

    def feed(self, line: bytes) -> Progress | None:
        """Take in one event."""
        event = self._notes.event(_event, line)
        if event is None:
            return None
        self._notes.name("session", event.session)
        match event.type:
            case "step_start":
                self._last_step = "unfinished"
                self._notes.turns += 1
                self._notes.phase("thinking")
            case "text" | "reasoning":
                self._notes.phase("thinking")
                self._notes.message(text_at(event.part, "text") if event.type == "text" else "")
            case "tool_use":
                self._tool_used(event.part)
            case "step_finish":
                self._step_finished(event.part)
            case "error":
                self._error(event.error)
        return self._notes.changed()

    def understanding(self) -> Understanding:
        """What has been understood so far."""
        return self._notes.understanding()

    def finished(self) -> bool:
        """True after a last step or a final error, until another step begins."""
        return self._last_step == "stop" or bool(self._failure)

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
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
        name, state = text_at(part, "tool"), at(part, "state")
        self._notes.tool(name)
        self._notes.phase(f"used {one_line(name, 80)}")
        if text_at(state, "status") != "completed":
            return
        if name == "todowrite":
            todos = objects(at(state, "input", "todos"))
            self._notes.plan([plan_item(text_at(todo, "content"), text_at(todo, "status")) for todo in todos])
        elif name in _WRITERS:
            self._notes.file(at(state, "input", "filePath"))

    def _step_finished(self, part: Any) -> None:
        self._last_step = one_line(text_at(part, "reason"), 40) or "without a reason"
        self._notes.add_cost(at(part, "cost"))
        if isinstance(tokens := at(part, "tokens"), dict):
            fresh, out, thoughts = (count(tokens.get(key)) for key in ("input", "output", "reasoning"))
            cached, kept = count(at(tokens, "cache", "read")), count(at(tokens, "cache", "write"))
            self._notes.add_tokens(fresh + cached + kept, out + thoughts, cached)

    def _error(self, error: Any) -> None:
        words = text_at(error, "data", "message") or text_at(error, "message") or text_at(error, "name")
        self._failure = words[: 4 * MAX_WORDS] or "opencode reports an error without words"
        body = text_at(error, "data", "responseBody")
        if is_usage_limit(words) or is_usage_limit(body):
            self._notes.limit(words, at(decoded(body), "error", "resets_at"))


ADAPTER = Adapter(
    name="opencode",
    program="opencode",
    command=command,
    reader=OpencodeReader,
    reads_output=True,
    transcript=opencode_transcript.entries,
    tells_version=True,
    resumes=True,
    install_hint="npm install -g opencode-ai, then `opencode auth login`",
)
