"""The transcript of opencode's output. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from luziad.agents.base import TranscriptEntry
from luziad.agents.json_values import as_objects, as_text, text_at, value_at
from luziad.agents.transcript import error_message, line_parser, plan_entry, tool_call, tool_result


def _entries(event: dict[str, Any]) -> Iterable[TranscriptEntry]:
    part = event.get("part")
    match event.get("type"):
        case "text":
            yield TranscriptEntry("said", text_at(part, "text"))
        case "reasoning":
            yield TranscriptEntry("thought", text_at(part, "text"))
        case "tool_use":
            yield from _tool(text_at(part, "tool"), value_at(part, "state"))
        case "step_finish" if text_at(part, "reason") == "stop":
            yield TranscriptEntry("good", "completed")
        case "error":
            yield TranscriptEntry("bad", f"failed: {error_message(event) or text_at(event, 'error', 'name')}")


def _tool(name: str, state: Any) -> Iterable[TranscriptEntry]:
    failed = text_at(state, "status") == "error"
    if not failed and (todos := as_objects(value_at(state, "input", "todos"))):
        yield from plan_entry(todos)
        return
    yield tool_call(name, value_at(state, "input"))
    yield from tool_result(text_at(state, "output") or as_text(value_at(state, "error")), failed=failed)


entries = line_parser(_entries)
