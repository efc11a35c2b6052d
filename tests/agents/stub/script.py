"""What the stand-in for a model says: worked out from a request alone, with nothing remembered.

When a tool for plans is offered, it is called. Then the tool that writes files is, else the shell, to make hello.txt.
Then the plan is updated: its first step is done. A closing text ends the turn. A scenario, `stub:NAME` in the prompt,
changes that:

    text       the closing text at once
    tree       the shell's command never ends, and has children: one in the background, one in a session of its own
    commit     the shell commits a new file
    resolve    after `commit`: the shell merges main, and keeps what the agent wrote where both conflict
    trace      the shell writes the variable TRACEPARENT into a file
    hang       the request is accepted and never answered
    drop       the connection is closed in the middle of the answer
    gate       like no scenario, but the closing text waits until the test opens the gate
    mcp, mcp-endless, mcp-runaway     work is handed to luzia, see dispatching.py
    auth, rate-limit, usage-limit, short-limit, overloaded, error     are refused, see refusals.py

An agent that luzia has told to go on gets the closing text at once, whatever there was before.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from typing import Any

from agents.stub import dispatching
from agents.stub.asked import Asked, Body

FILE, CONTENT = "hello.txt", "hi\n"
CLOSING = "Done: I wrote hello.txt with a short greeting."
PLAN = (("Write hello.txt", "in_progress"), ("Report back", "pending"))
UPDATED = (("Write hello.txt", "completed"), ("Report back", "in_progress"))

_PLAN_TOOL = re.compile(r"todo|todo_?write|write_?todos|update_?plan|task_?create", re.IGNORECASE)
_UPDATE_TOOL = re.compile(r"task_?update", re.IGNORECASE)
_WRITE_TOOL = re.compile(r"create|write|write_?file|create_?file|apply_patch", re.IGNORECASE)
_SHELL_TOOL = re.compile(r"bash|shell|shell_command|exec_command|run_shell_command|local_shell", re.IGNORECASE)
_WAIT = "python3 -c 'import time; time.sleep(600)'"  # Claude Code refuses a bare sleep
_TREE = f"setsid {_WAIT} & {_WAIT} & {_WAIT}"
_COMMIT = f"printf 'hi\\n' > {FILE} && git add {FILE} && git commit -q -m 'Add a greeting' && echo committed"
_PATCH = f"*** Begin Patch\n*** Add File: {FILE}\n+{CONTENT.rstrip()}\n*** End Patch\n"
_TRACE = "printf '%s\\n' \"$TRACEPARENT\" > traceparent && echo written"
_RESOLVE = "git merge -q -X ours -m 'Merge main' main && echo resolved"
_LINES = {"tree": _TREE, "commit": _COMMIT, "resolve": _RESOLVE, "trace": _TRACE}
"""The shell's command in these scenarios."""
_EMPTY: Body = {"boolean": False, "integer": 0, "number": 0, "array": [], "object": {}}


class Step:
    """What the model says next: words, and a call of a tool when `tool` is not empty.

    given: the tool's arguments, or the text for a tool that takes one (custom).
    """

    def __init__(self, text: str, tool: str = "", given: Any = None, *, custom: bool = False) -> None:
        self.text, self.tool, self.given, self.custom = text, tool, given, custom
        self.namespace: str | None = None
        self.id = uuid.uuid4().hex[:20]


def next_step(asked: Asked) -> Step:
    """What the model says to this request."""
    if not asked.tools:
        return Step("Stub title")  # agents ask for titles and summaries beside the work
    if asked.scenario in dispatching.SCENARIOS:
        return dispatching.next_step(asked, Step)
    plan, write, shell = (_offered(asked, pattern) for pattern in (_PLAN_TOOL, _WRITE_TOOL, _SHELL_TOOL))
    if asked.scenario in _LINES:
        calls = 2 if asked.scenario == "resolve" else 1
        return Step(CLOSING) if asked.calls.count(shell) >= calls else _call(asked, shell, "Now I run a command.")
    update = _offered(asked, _UPDATE_TOOL)
    wanted = [
        (plan, 1, "I will make a short plan first."),
        (write or shell, 1, "Now I write the file."),
        (update or plan, 1 if update else 2, "That is done."),
    ]
    for tool, times, words in wanted if asked.scenario != "text" else ():
        if tool and asked.calls.count(tool) < times:
            return _call(asked, tool, words)
    return Step(CLOSING)


def _offered(asked: Asked, pattern: re.Pattern[str]) -> str:
    return next((name for name in asked.tools if pattern.fullmatch(name)), "")


def _call(asked: Asked, name: str, words: str) -> Step:
    tool = asked.tools[name]
    given: Any = _filled(tool.schema, asked)
    if name == "apply_patch" and tool.kind != "function":
        given = _PATCH
    if tool.kind == "script":
        name, given = "exec", f"text(await tools.{name}({json.dumps(given)}));\n"
    step = Step(words, name, given, custom=tool.kind != "function")
    step.namespace = tool.namespace
    return step


def _filled(schema: Body, asked: Asked) -> Body:
    """Arguments for a plan, write or shell tool, as its own schema wants them."""
    given: Body = {}
    for name, unresolved in (schema.get("properties") or {}).items():
        spec = _resolved(unresolved, schema)
        match name.lower().replace("_", ""):
            case "filepath" | "path" | "absolutepath" | "filename":
                given[name] = os.path.join(asked.directory, FILE) if asked.directory else FILE
            case "content" | "contents" | "filetext":
                given[name] = CONTENT
            case "command" | "cmd":
                line = _LINES.get(asked.scenario, f"printf 'hi\\n' > {FILE}")
                given[name] = ["bash", "-c", line] if _type(spec) == "array" else line
            case "todos" | "plan" | "items" | "tasks":
                item, plan = _resolved(spec.get("items") or {}, schema), UPDATED if asked.calls else PLAN
                given[name] = [_entry(item, schema, number, *entry) for number, entry in enumerate(plan, 1)]
            case "taskid":
                given[name] = "1"
            case "status":
                given[name] = "completed"
            case _ if name in (schema.get("required") or ()):
                given[name] = _value(name, spec)
    return given


def _entry(spec: Body, root: Body, number: int, text: str, status: str) -> Any:
    """One entry of a plan, which is a string or an object."""
    if _type(spec) != "object":
        return text
    given: Body = {}
    for name, unresolved in (spec.get("properties") or {}).items():
        field = _resolved(unresolved, root)
        choices = [str(choice) for choice in field.get("enum") or ()]
        if name == "status":
            given[name] = next((choice for choice in choices if choice.lower() == status), status)
        elif choices:
            given[name] = choices[0]
        elif name == "priority":
            given[name] = "medium"
        elif name == "id":
            given[name] = number if _type(field) in ("integer", "number") else str(number)
        elif _type(field) == "string":
            given[name] = text
        elif name in (spec.get("required") or ()):
            given[name] = _value(name, field)
    return given


def _value(name: str, spec: Body) -> Any:
    if choices := spec.get("enum"):
        return "write" if "write" in choices else choices[0]
    return "write" if name == "action" else _EMPTY.get(_type(spec), "Write hello.txt")


def _type(spec: Body) -> str:
    kind = spec.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "string")
    return str(kind or ("object" if "properties" in spec else "string")).lower()


def _resolved(spec: Body, root: Body) -> Body:
    """The schema that a reference or the first real one of several choices stands for."""
    for _ in range(8):
        choices = spec.get("anyOf") or spec.get("allOf") or spec.get("oneOf")
        if "$ref" in spec:
            path = spec["$ref"].lstrip("#/").split("/")
            spec = root
            for key in path:
                spec = spec.get(key, {})
        elif "type" not in spec and choices:
            spec = next((choice for choice in choices if choice.get("type") != "null"), {})
        else:
            break
    return spec
