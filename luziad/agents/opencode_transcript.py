"""opencode's stream as a transcript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from luziad.agents.base import Entry
from luziad.agents.reading import at, objects, text, text_at
from luziad.agents.transcript import call, plan, reading, result, why


def _entries(event: dict[str, Any]) -> Iterable[Entry]:
    part = event.get("part")
    match event.get("type"):
        case "text":
            yield Entry("said", text_at(part, "text"))
        case "reasoning":
            yield Entry("thought", text_at(part, "text"))
        case "tool_use":
            yield from _tool(text_at(part, "tool"), at(part, "state"))
        case "step_finish" if text_at(part, "reason") == "stop":
            yield Entry("good", "completed")
        case "error":
            yield Entry("bad", f"failed: {why(event) or text_at(event, 'error', 'name')}")


def _tool(name: str, state: Any) -> Iterable[Entry]:
    failed = text_at(state, "status") == "error"
    if not failed and (todos := objects(at(state, "input", "todos"))):
        yield from plan(todos)
        return
    yield call(name, at(state, "input"))
    yield from result(text_at(state, "output") or text(at(state, "error")), failed=failed)


entries = reading(_entries)
