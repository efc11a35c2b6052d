"""opencode, headless: `opencode run --format json`.

Observed with version 1.18: a tool's line is printed when the tool has ended; an `error` line is final, unless another
step follows it; a permission request ends it with exit 0 and no output. After a dropped connection it loops over steps
that finish with the reason "unknown".
"""

from __future__ import annotations

from typing import Any

import msgspec

from luzia_protocol.jobs import Progress

from luziad.agents import opencode_transcript
from luziad.agents.base import Adapter, Command, CommandContext, OutputSummary, model_options, resume_options
from luziad.agents.failure_causes import find_cause, is_usage_limit
from luziad.agents.json_values import MAX_TEXT_CHARS, as_objects, decode_json, one_line, text_at, value_at
from luziad.agents.judging import judge, last_stderr_line
from luziad.agents.summary_builder import SummaryBuilder, parse_count
from luziad.jobs.attempt import ExitRecord, FailureCause, Verdict

_REFUSALS = ("The user rejected permission", "The user has specified a rule")
"""Beginnings of the errors of tools that were not permitted; nobody was asked."""

_WRITERS = ("write", "edit", "multiedit", "patch")

PERMISSION_MODES = {"plan": "--agent=plan", "auto": "--auto", "bypassPermissions": "--auto"}
"""Its options by the names of Claude Code: its agent that changes nothing, and approval of all that is not denied."""


def command(context: CommandContext) -> Command:
    """Run opencode with the task on stdin. Its own configuration sets its permissions, unless a mode is chosen."""
    mode = context.options.permission_mode
    return Command(
        [
            "opencode",
            "run",
            "--format",
            "json",
            "--dir",
            context.directory,
            *model_options(context),
            *([] if mode is None else [PERMISSION_MODES[mode]]),
            *resume_options(context, "--session"),
            *context.options.args,
        ],
        env=_mcp_variables(context),
        stdin_prompt=True,
    )


def interactive(context: CommandContext) -> Command:
    """Open the session in the terminal of the user, who is asked for permissions there."""
    return Command(
        [
            "opencode",
            *resume_options(context, "--session"),
            *model_options(context),
            *context.options.args,
            context.directory,
        ],
        env=_mcp_variables(context),
    )


def _mcp_variables(context: CommandContext) -> dict[str, str]:
    """Luzia's tools, in the variable that opencode reads beside its files."""
    if not context.mcp:
        return {}
    server = {"type": "local", "command": list(context.mcp), "enabled": True}
    return {"OPENCODE_CONFIG_CONTENT": msgspec.json.encode({"mcp": {"luzia": server}}).decode()}


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
        self._builder = SummaryBuilder()
        self._last_step = ""
        self._failure = self._hint = ""
        self._cause: FailureCause | None = None
        self._status: Any = None

    def feed(self, line: bytes) -> Progress | None:
        """Read one event."""
        event = self._builder.decode(_event, line)
        if event is None:
            return None
        self._builder.set_name("session", event.session)
        match event.type:
            case "step_start":
                self._last_step = "unfinished"
                self._recover()
                self._builder.turns += 1
                self._builder.set_phase("thinking")
            case "text" | "reasoning":
                self._builder.set_phase("thinking")
                self._builder.add_message(text_at(event.part, "text") if event.type == "text" else "")
            case "tool_use":
                self._tool_used(event.part)
            case "step_finish":
                self._step_finished(event.part)
            case "error":
                self._error(event.error)
        return self._builder.take_progress()

    def summary(self) -> OutputSummary:
        """The summary so far."""
        return self._builder.summary()

    def is_finished(self) -> bool:
        """True after a final step or error, until another step begins."""
        return self._last_step == "stop" or bool(self._failure)

    def verdict(self, exit_record: ExitRecord, stderr_tail: bytes) -> Verdict:
        """Success is a last step that finished because the model was done, and no error."""
        if self._last_step:
            missing = f"opencode ended before its work was done (last step: {self._last_step})"
        else:
            missing = "opencode ended without any output; a permission may have been refused"
        return judge(
            "opencode",
            exit_record,
            success=self._last_step == "stop",
            failure=self._failure,
            hint=self._hint,
            missing=missing,
            stderr_words=last_stderr_line(stderr_tail),
            refused=self._builder.refused,
            cause=self._cause,
            status=self._status,
        )

    def _tool_used(self, part: Any) -> None:
        name, state = text_at(part, "tool"), value_at(part, "state")
        self._builder.add_tool_call(name)
        self._builder.set_phase(f"used {one_line(name, 80)}")
        if text_at(state, "status") == "error" and text_at(state, "error").startswith(_REFUSALS):
            self._builder.add_refusal(name)
        if text_at(state, "status") != "completed":
            return
        if name == "todowrite":
            self._builder.set_todos(as_objects(value_at(state, "input", "todos")))
        elif name in _WRITERS:
            self._builder.add_file(value_at(state, "input", "filePath"))

    def _step_finished(self, part: Any) -> None:
        self._last_step = one_line(text_at(part, "reason"), 40) or "without a reason"
        if self._last_step == "stop":
            self._recover()
            self._hint = ""
        self._builder.add_cost(value_at(part, "cost"))
        if isinstance(tokens := value_at(part, "tokens"), dict):
            fresh, out, thoughts = (parse_count(tokens.get(key)) for key in ("input", "output", "reasoning"))
            cached, kept = (
                parse_count(value_at(tokens, "cache", "read")),
                parse_count(value_at(tokens, "cache", "write")),
            )
            self._builder.add_tokens(fresh + cached + kept, out + thoughts, cached)

    def _recover(self) -> None:
        """The agent continues after an error, which was not final."""
        self._failure, self._hint = "", self._failure or self._hint
        self._cause = self._status = self._builder.usage_limit = None

    def _error(self, error: Any) -> None:
        name, body = text_at(error, "name"), text_at(error, "data", "responseBody")
        words = text_at(error, "data", "message") or text_at(error, "message") or name
        self._failure = words[: 4 * MAX_TEXT_CHARS] or "opencode reported an error without a message"
        wait_s = value_at(error, "data", "responseHeaders", "retry-after")
        if isinstance(wait_s, str | int) and str(wait_s).isdecimal():
            self._failure = f"{one_line(words)} (retry after {wait_s} s)"
        causes = [find_cause("opencode", each) for each in (name, body)]
        self._cause = FailureCause.USAGE_LIMIT if FailureCause.USAGE_LIMIT in causes else causes[0]
        self._status = value_at(error, "data", "statusCode")
        if is_usage_limit("opencode", self._failure):
            self._cause = FailureCause.USAGE_LIMIT
        if self._cause is FailureCause.USAGE_LIMIT:
            self._builder.set_usage_limit(self._failure, value_at(decode_json(body), "error", "resets_at"))


ADAPTER = Adapter(
    name="opencode",
    program="opencode",
    command=command,
    interactive=interactive,
    reader=OpencodeReader,
    transcript=opencode_transcript.entries,
    has_version_option=True,
    can_resume=True,
    accepts_model=True,
    accepts_args=True,
    accepts_mcp=True,
    permission_modes=PERMISSION_MODES,
    install_hint="npm install -g opencode-ai, then `opencode auth login`",
)
