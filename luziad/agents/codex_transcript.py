"""Codex's stream as a transcript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from luziad.agents.base import Entry
from luziad.agents.reading import at, objects, text, text_at
from luziad.agents.transcript import call, joined, plan, reading, result, used, why


def _entries(event: dict[str, Any]) -> Iterable[Entry]:
    kind, item = text(event.get("type")), event.get("item")
    if isinstance(item, dict):
        yield from _item(item, kind.removeprefix("item."))
        return
    match kind:
        case "thread.started":
            yield Entry("note", f"Codex, session {text(event.get('thread_id'))}")
        case "turn.completed":
            spent = used(at(event, "usage", "input_tokens"), at(event, "usage", "output_tokens"))
            yield Entry("good", joined("completed", spent))
        case "turn.failed":
            yield Entry("bad", f"failed: {why(event)}")
        case "error":
            yield Entry("warning", text(event.get("message")))


def _item(item: dict[str, Any], when: str) -> Iterable[Entry]:
    over = when == "completed"
    match item.get("type"):
        case "agent_message" if over:
            yield Entry("said", text(item.get("text")))
        case "reasoning" if over:
            yield Entry("thought", text(item.get("text")))
        case "command_execution" if when == "started":
            yield call("shell", item)
        case "command_execution" if over:
            code = item.get("exit_code")
            yield from result(text(item.get("aggregated_output")), failed=code != 0)
            if type(code) is int and code:
                yield Entry("failed", f"exit code {code}")
        case "file_change" if over:
            failed = item.get("status") == "failed"
            for change in objects(item.get("changes")):
                yield Entry("tool", f"edit: {text_at(change, 'path')} ({text_at(change, 'kind')})")
            yield from result("", failed=failed)
        case "mcp_tool_call" if when == "started":
            yield call(text(item.get("tool")) or "mcp", item.get("arguments"))
        case "web_search" if over:
            yield call("web search", item)
        case "todo_list" if not over:
            yield from plan(objects(item.get("items")), "text")
        case "error":
            yield Entry("warning", text(item.get("message")))


entries = reading(_entries)
