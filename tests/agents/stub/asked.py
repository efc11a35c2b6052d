"""What a request asks of a model, whichever of the four dialects of model servers it came in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from luziad.attempts.launch import RESUME_PROMPT

Body = dict[str, Any]

_SCENARIO = re.compile(rf"stub:([a-z-]+)|{re.escape(RESUME_PROMPT)}")
_DIRECTORY = re.compile(
    r"(?:<cwd>|working directory(?: is)?:? *(?:\\n)?|absolute path: *|current directory:? *"
    r"|working in the directory:? *|workspace directories:\*{0,2}(?:\\n)? *-? *)`?(/[^\s`<>\"\\,]*)",
    re.IGNORECASE,
)
_SCRIPT_TOOL = re.compile(r"^### `(\w+)`", re.MULTILINE)
_SCRIPT_CALL = re.compile(r"\btools\.(\w+)\(")

_STRING: Body = {"type": "string"}
_STEP: Body = {"type": "object", "properties": {"step": _STRING, "status": _STRING}}
_SCRIPT_SCHEMAS: dict[str, Body] = {
    "exec_command": {"properties": {"cmd": _STRING}},
    "update_plan": {"properties": {"plan": {"type": "array", "items": _STEP}}},
}
"""Codex describes the tools of its script mode as TypeScript; this is as much of them as is needed here."""


class Tool(NamedTuple):
    """A tool that the agent offers.

    kind: function, custom (free text), script (a function inside of one), or search (for further tools).
    """

    kind: str
    schema: Body
    namespace: str | None = None


class Asked:
    """What the script needs to know of a request.

    tools: those that are offered, by name. calls: names of those that the model has called so far.
    prompts: what the user said, oldest first. scenario: `stub:NAME` in the newest of them that has one,
    and `text` once luzia has told the agent to go on.
    directory: where the agent works, as far as its prompt tells. whole: the request as JSON.
    """

    def __init__(self, dialect: str, body: Body) -> None:
        self.dialect = dialect
        self.model: str = body.get("model") or "stub-model"
        self.stream = bool(body.get("stream"))
        self.tools: dict[str, Tool] = {}
        self.calls: list[str] = []
        self.prompts: list[str] = []
        {
            "messages": self._read_messages,
            "chat": self._read_chat,
            "responses": self._read_responses,
            "gemini": self._read_gemini,
        }[dialect](body)
        named = [name for prompt in self.prompts for name in _SCENARIO.findall(prompt)]
        self.scenario: str = (named[-1] or "text") if named else "ok"
        self.whole = json.dumps(body, ensure_ascii=False)
        found = _DIRECTORY.search(self.whole)
        self.directory = found[1].rstrip("./") if found else None

    def _read_messages(self, body: Body) -> None:
        for tool in _each(body, "tools"):
            if "input_schema" in tool:
                self.tools[tool["name"]] = Tool("function", tool["input_schema"])
        for message in _each(body, "messages"):
            for part in _parts(message):
                if part.get("type") == "tool_use":
                    self.calls.append(part["name"])
                elif part.get("type") == "text" and message["role"] == "user":
                    self.prompts.append(part["text"])

    def _read_chat(self, body: Body) -> None:
        for tool in _each(body, "tools"):
            function = tool.get("function") or {}
            self.tools[function.get("name", "")] = Tool("function", function.get("parameters") or {})
        for message in _each(body, "messages"):
            self.calls += [call["function"]["name"] for call in _each(message, "tool_calls")]
            if message.get("role") == "user":
                self.prompts.append(_text(message))

    def _read_responses(self, body: Body) -> None:
        for tool in _each(body, "tools"):
            self._offer(tool)
        items = body.get("input")
        if isinstance(items, str):
            items = [{"role": "user", "content": items}]
        for item in items or []:
            kind = item.get("type", "message")
            if kind == "additional_tools":
                for tool in _each(item, "tools"):
                    self._offer(tool)
            elif kind == "tool_search_call":
                self.calls.append("tool_search")
            elif kind in ("function_call", "custom_tool_call"):
                self.calls += [item["name"], *_SCRIPT_CALL.findall(str(item.get("input") or ""))]
            elif kind == "message" and item.get("role") == "user":
                self.prompts.append(_text(item))

    def _offer(self, tool: Body, namespace: str | None = None) -> None:
        """Take in a tool of Codex's, which may be a namespace of tools or a script that has some."""
        name, kind = tool.get("name", ""), tool.get("type")
        if kind == "namespace":
            for inner in _each(tool, "tools"):
                self._offer(inner, name)
        elif kind == "tool_search":
            self.tools["tool_search"] = Tool("search", tool.get("parameters") or {})
        elif kind == "function":
            self.tools[name] = Tool("function", tool.get("parameters") or {}, namespace)
        elif kind == "custom":
            self.tools[name] = Tool("custom", {}, namespace)
            for inside in _SCRIPT_TOOL.findall(tool.get("description") or "") if name == "exec" else ():
                self.tools[inside] = Tool("script", _SCRIPT_SCHEMAS.get(inside, {}))

    def _read_gemini(self, body: Body) -> None:
        for group in _each(body, "tools"):
            for function in _each(group, "functionDeclarations"):
                schema = function.get("parametersJsonSchema") or function.get("parameters") or {}
                self.tools[function["name"]] = Tool("function", schema)
        for message in _each(body, "contents"):
            for part in _each(message, "parts"):
                if "functionCall" in part:
                    self.calls.append(part["functionCall"]["name"])
                elif "text" in part and message.get("role") == "user":
                    self.prompts.append(part["text"])


def _each(body: Body, key: str) -> Iterator[Body]:
    """The objects of a list that may be missing."""
    yield from body.get(key) or ()


def _parts(message: Body) -> list[Body]:
    """The parts of a message, which may be one string."""
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def _text(message: Body) -> str:
    """All words of a message."""
    return "\n".join(part.get("text", "") for part in _parts(message))
