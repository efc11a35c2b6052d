"""The transcript of Gemini CLI's output. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from luziad.agents.base import TranscriptEntry
from luziad.agents.json_values import as_objects, as_text, value_at
from luziad.agents.transcript import (
    error_message,
    format_usage,
    join_nonempty,
    line_parser,
    plan_entry,
    tool_call,
    tool_result,
)


def _entries(event: dict[str, Any]) -> Iterable[TranscriptEntry]:
    match event.get("type"):
        case "init":
            session = as_text(event.get("session_id"))
            yield TranscriptEntry(
                "note", join_nonempty("Gemini CLI", as_text(event.get("model")), f"session {session}")
            )
        case "message" if event.get("role") == "assistant":
            yield TranscriptEntry("said", as_text(event.get("content")), continues=event.get("delta") is True)
        case "tool_use":
            given = event.get("parameters")
            if todos := as_objects(value_at(given, "todos")):
                yield from plan_entry(todos, "description")
            else:
                yield tool_call(as_text(event.get("tool_name")), given)
        case "tool_result":
            failed = event.get("status") != "success"
            yield from tool_result(as_text(event.get("output")) or error_message(event), failed=failed)
        case "error":
            yield TranscriptEntry("warning", as_text(event.get("message")))
        case "result":
            spent = format_usage(value_at(event, "stats", "input_tokens"), value_at(event, "stats", "output_tokens"))
            good = event.get("status") == "success"
            yield TranscriptEntry(
                "good" if good else "bad",
                join_nonempty("completed" if good else f"failed: {error_message(event)}", spent),
            )


entries = line_parser(_entries)
