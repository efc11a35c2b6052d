"""The transcript of mistral-vibe's output. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from luziad.agents.base import TranscriptEntry
from luziad.agents.json_values import as_objects, as_text, decode_json, text_at, value_at
from luziad.agents.transcript import line_parser, plan_entry, tool_call, tool_result


def _entries(event: dict[str, Any]) -> Iterable[TranscriptEntry]:
    if event.get("type") == "effect":
        yield from _effect(event)
    elif event.get("role") == "assistant":
        yield TranscriptEntry("thought", as_text(event.get("reasoning_content")))
        content = event.get("content")
        words = as_text(content) or "\n".join(text_at(block, "text") for block in as_objects(content))
        yield TranscriptEntry("said", words)
        for each in as_objects(event.get("tool_calls")):
            yield tool_call(text_at(each, "function", "name"), decode_json(text_at(each, "function", "arguments")))
    elif event.get("role") == "tool":
        yield from tool_result(event.get("content"))


def _effect(event: dict[str, Any]) -> Iterable[TranscriptEntry]:
    given, state = value_at(event, "detail", "input"), event.get("state")
    failed = text_at(state, "status") != "completed"
    if not failed and (todos := as_objects(value_at(given, "todos"))):
        yield from plan_entry(todos)
        return
    yield tool_call(as_text(event.get("title")) or text_at(event, "detail", "toolName"), given)
    yield from tool_result(text_at(state, "outputText") or text_at(state, "error"), failed=failed)


entries = line_parser(_entries)
