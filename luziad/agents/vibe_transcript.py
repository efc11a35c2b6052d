"""mistral-vibe's stream as a transcript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from luziad.agents.base import Entry
from luziad.agents.reading import at, decoded, objects, text, text_at
from luziad.agents.transcript import call, plan, reading, result


def _entries(event: dict[str, Any]) -> Iterable[Entry]:
    if event.get("type") == "effect":
        yield from _effect(event)
    elif event.get("role") == "assistant":
        yield Entry("thought", text(event.get("reasoning_content")))
        content = event.get("content")
        words = text(content) or "\n".join(text_at(block, "text") for block in objects(content))
        yield Entry("said", words)
        for each in objects(event.get("tool_calls")):
            yield call(text_at(each, "function", "name"), decoded(text_at(each, "function", "arguments")))
    elif event.get("role") == "tool":
        yield from result(event.get("content"))


def _effect(event: dict[str, Any]) -> Iterable[Entry]:
    given, state = at(event, "detail", "input"), event.get("state")
    failed = text_at(state, "status") != "completed"
    if not failed and (todos := objects(at(given, "todos"))):
        yield from plan(todos)
        return
    yield call(text(event.get("title")) or text_at(event, "detail", "toolName"), given)
    yield from result(text_at(state, "outputText") or text_at(state, "error"), failed=failed)


entries = reading(_entries)
