"""Gemini CLI's stream as a transcript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from luziad.agents.base import Entry
from luziad.agents.reading import at, objects, text
from luziad.agents.transcript import call, joined, plan, reading, result, used, why


def _entries(event: dict[str, Any]) -> Iterable[Entry]:
    match event.get("type"):
        case "init":
            session = text(event.get("session_id"))
            yield Entry("note", joined("Gemini CLI", text(event.get("model")), f"session {session}"))
        case "message" if event.get("role") == "assistant":
            yield Entry("said", text(event.get("content")), goes_on=event.get("delta") is True)
        case "tool_use":
            given = event.get("parameters")
            if todos := objects(at(given, "todos")):
                yield from plan(todos, "description")
            else:
                yield call(text(event.get("tool_name")), given)
        case "tool_result":
            failed = event.get("status") != "success"
            yield from result(text(event.get("output")) or why(event), failed=failed)
        case "error":
            yield Entry("warning", text(event.get("message")))
        case "result":
            spent = used(at(event, "stats", "input_tokens"), at(event, "stats", "output_tokens"))
            good = event.get("status") == "success"
            yield Entry("good" if good else "bad", joined("completed" if good else f"failed: {why(event)}", spent))


entries = reading(_entries)
