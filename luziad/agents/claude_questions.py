"""Questions of Claude Code in its stream, and the answers on its stdin.

With `--permission-prompt-tool=stdio` (observed with version 2.1), a tool that needs permission is printed as a line
{"type":"control_request","request_id":..,"request":{"subtype":"can_use_tool","tool_name":..,"input":{..},
"tool_use_id":..}}, and the tool waits for a control_response with the same request_id on stdin. A question to the user
is the tool AskUserQuestion, printed in the same way; its answers are returned in `updatedInput`. A second response to
a request is ignored.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from luzia_protocol.activity import Question, QuestionPart

from luziad.agents.json_values import as_objects, as_text, one_line, text_at, value_at
from luziad.agents.summary_builder import put_bounded
from luziad.jobs.attempt import Answer

QUESTION_TOOL = "AskUserQuestion"
MAX_PENDING = 20
MAX_QUESTION_CHARS = 1000
MAX_DIFF_CHARS = 4000
_MAX_PARTS = 10
_MAX_OPTIONS = 20
_MAX_LABEL = 200
_MAX_DESCRIPTION = 500
_DESCRIPTIVE_FIELDS = ("command", "file_path", "notebook_path", "url", "path", "pattern", "query", "description")
"""The fields of a tool's input that describe it; the first one present is shown."""


class PendingQuestions:
    """The open questions: those that were not answered or withdrawn, and whose turn has not ended."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[str, Question]] = {}
        self._tools: dict[str, None] = {}

    def add(self, request_id: Any, request: Any) -> None:
        """Read a control_request."""
        key = as_text(request_id)
        if text_at(request, "subtype") != "can_use_tool" or not 0 < len(key) <= 200 or len(self._asked) >= MAX_PENDING:
            return
        tool = text_at(request, "tool_use_id")
        self._asked[key] = (tool, parse_question(key, request))
        put_bounded(self._tools, tool, None)

    def has_asked(self, tool_use_id: Any) -> bool:
        """Whether the user was asked about this use of a tool, so that a refusal was the user's."""
        return as_text(tool_use_id) in self._tools

    def withdraw(self, request_id: Any) -> None:
        """Read a control_cancel_request."""
        self._asked.pop(as_text(request_id), None)

    def settle(self, tool_use_id: Any) -> None:
        """Remove the questions of a tool that has a result."""
        for key in [key for key, (tool, _) in self._asked.items() if tool == tool_use_id]:
            del self._asked[key]

    def clear(self) -> None:
        """Remove all questions, since the turn has ended."""
        self._asked.clear()

    def questions(self) -> list[Question]:
        """The open questions, oldest first."""
        return [question for _, question in self._asked.values()]


def parse_question(request_id: str, request: Any) -> Question:
    """The question in a request to use a tool."""
    tool, given = text_at(request, "tool_name")[:_MAX_LABEL], value_at(request, "input")
    if tool != QUESTION_TOOL:
        return Question(request_id, "permission", tool, _describe_input(given), diff=_describe_change(given))
    parts = [_parse_part(each) for each in as_objects(value_at(given, "questions"))[:_MAX_PARTS]]
    return Question(request_id, "question", tool, " / ".join(part.text for part in parts)[:MAX_QUESTION_CHARS], parts)


def respond(line: bytes, answer: Answer) -> str:
    """The line for stdin that answers the request in a line of the stream. Raises ValueError when it has none."""
    request = msgspec.json.decode(line)
    given = value_at(value_at(request, "request"), "input")
    response: dict[str, Any] = {"behavior": "allow"}
    if not answer.allow:
        why = answer.texts[0] if answer.texts else "The user denied this."
        response = {"behavior": "deny", "message": why}
    elif text_at(value_at(request, "request"), "tool_name") == QUESTION_TOOL:
        asked = as_objects(value_at(given, "questions"))
        answers = {text_at(each, "question"): said for each, said in zip(asked, answer.texts, strict=False)}
        response["updatedInput"] = {**given, "answers": answers}
    else:
        response["updatedInput"] = given
    payload = {"subtype": "success", "request_id": answer.question, "response": response}
    return json.dumps({"type": "control_response", "response": payload})


def format_first_line(task: str) -> str:
    """The line for stdin that begins a conversation with the task."""
    message = {"role": "user", "content": task}
    return json.dumps({"type": "user", "message": message, "parent_tool_use_id": None, "session_id": "default"})


def _parse_part(asked: Any) -> QuestionPart:
    options = as_objects(value_at(asked, "options"))[:_MAX_OPTIONS]
    descriptions = [text_at(option, "description")[:_MAX_DESCRIPTION] for option in options]
    return QuestionPart(
        text_at(asked, "question")[:MAX_QUESTION_CHARS],
        [text_at(option, "label")[:_MAX_LABEL] for option in options],
        many=value_at(asked, "multiSelect") is True,
        descriptions=descriptions if any(descriptions) else [],
    )


def _describe_input(given: Any) -> str:
    for name in _DESCRIPTIVE_FIELDS:
        if words := text_at(given, name):
            return words[:MAX_QUESTION_CHARS]
    return one_line(json.dumps(given, ensure_ascii=False), MAX_QUESTION_CHARS) if given else ""


def _describe_change(given: Any) -> str:
    """What the tools Write, Edit and MultiEdit would change: the text before and after, each line with its sign."""
    edits = as_objects(value_at(given, "edits")) or [given]
    parts = []
    for edit in edits:
        before, after = text_at(edit, "old_string"), text_at(edit, "new_string") or text_at(edit, "content")
        lines = [f"-{line}" for line in before.splitlines()] + [f"+{line}" for line in after.splitlines()]
        parts.append("\n".join(lines))
    text = "\n@@\n".join(part for part in parts if part)
    return text if len(text) <= MAX_DIFF_CHARS else f"{text[: MAX_DIFF_CHARS - 1]}…"
