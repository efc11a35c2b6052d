"""Claude Code's stream as a transcript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from luziad.agents.base import Entry
from luziad.agents.reading import at, objects, text, text_at
from luziad.agents.transcript import call, joined, plan, reading, result, used


def _entries(event: dict[str, Any]) -> Iterable[Entry]:
    main = event.get("parent_tool_use_id") is None
    match event.get("type"):
        case "assistant":
            yield from _said(event, main)
        case "user":
            for block in objects(at(event, "message", "content")):
                if block.get("type") == "tool_result" and main:
                    yield from result(block.get("content"), failed=block.get("is_error") is True)
        case "system":
            yield from _system(event)
        case "rate_limit_event" if text_at(event, "rate_limit_info", "status") == "rejected":
            yield Entry("warning", f"usage limit {text_at(event, 'rate_limit_info', 'rateLimitType')}")
        case "result" if main:
            yield _end(event)


def _said(event: dict[str, Any], main: bool) -> Iterable[Entry]:
    synthetic = text_at(event, "message", "model") == "<synthetic>"
    for block in objects(at(event, "message", "content")):
        match block.get("type"):
            case "text" if main:
                yield Entry("warning" if synthetic else "said", text(block.get("text")))
            case "thinking" if main:
                yield Entry("thought", text(block.get("thinking")))
            case "tool_use":
                given = block.get("input")
                if main and (todos := objects(at(given, "todos"))):
                    yield from plan(todos)
                else:
                    yield call(("" if main else "(sub-agent) ") + text(block.get("name")), given)


def _system(event: dict[str, Any]) -> Iterable[Entry]:
    match event.get("subtype"):
        case "init":
            version, session = text(event.get("claude_code_version")), text(event.get("session_id"))
            yield Entry("note", joined(f"Claude Code {version}", text(event.get("model")), f"session {session}"))
        case "api_retry":
            yield Entry("warning", f"retry {event.get('attempt')} of {event.get('max_retries')}: {event.get('error')}")
        case "compact_boundary":
            yield Entry("note", "the conversation was made shorter")


def _end(event: dict[str, Any]) -> Entry:
    spent = used(at(event, "usage", "input_tokens"), at(event, "usage", "output_tokens"), event.get("total_cost_usd"))
    if event.get("subtype") == "success" and event.get("is_error") is False:
        turns = event.get("num_turns")
        return Entry("good", joined("completed", f"{turns} turns" if type(turns) is int else "", spent))
    return Entry("bad", joined(f"failed: {text(event.get('result')) or text(event.get('subtype'))}", spent))


entries = reading(_entries)
