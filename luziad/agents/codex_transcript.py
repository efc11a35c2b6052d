"""The transcript of Codex's output. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from luziad.agents.base import TranscriptEntry
from luziad.agents.json_values import as_objects, as_text, text_at, value_at
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
    kind, item = as_text(event.get("type")), event.get("item")
    if isinstance(item, dict):
        yield from _item(item, kind.removeprefix("item."))
        return
    match kind:
        case "thread.started":
            yield TranscriptEntry("note", f"Codex, session {as_text(event.get('thread_id'))}")
        case "turn.completed":
            spent = format_usage(value_at(event, "usage", "input_tokens"), value_at(event, "usage", "output_tokens"))
            yield TranscriptEntry("good", join_nonempty("completed", spent and f"{spent} in the thread so far"))
        case "turn.failed":
            yield TranscriptEntry("bad", f"failed: {error_message(event)}")
        case "error":
            yield TranscriptEntry("warning", as_text(event.get("message")))


def _item(item: dict[str, Any], when: str) -> Iterable[TranscriptEntry]:
    over = when == "completed"
    match item.get("type"):
        case "agent_message" if over:
            yield TranscriptEntry("said", as_text(item.get("text")))
        case "reasoning" if over:
            yield TranscriptEntry("thought", as_text(item.get("text")))
        case "command_execution" if when == "started":
            yield tool_call("shell", item)
        case "command_execution" if over:
            code = item.get("exit_code")
            yield from tool_result(as_text(item.get("aggregated_output")), failed=code != 0)
            if type(code) is int and code:
                yield TranscriptEntry("failed", f"exit code {code}")
        case "file_change" if over:
            failed = item.get("status") == "failed"
            for change in as_objects(item.get("changes")):
                yield TranscriptEntry("tool", f"edit: {text_at(change, 'path')} ({text_at(change, 'kind')})")
            yield from tool_result("", failed=failed)
        case "mcp_tool_call" if when == "started":
            yield tool_call(as_text(item.get("tool")) or "mcp", item.get("arguments"))
        case "web_search" if over:
            yield tool_call("web search", item)
        case "todo_list" if not over:
            yield from plan_entry(as_objects(item.get("items")), "text")
        case "error":
            yield TranscriptEntry("warning", as_text(item.get("message")))


entries = line_parser(_entries)
