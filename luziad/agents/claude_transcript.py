"""The transcript of Claude Code's output. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from luziad.agents.base import TranscriptEntry
from luziad.agents.claude_events import sum_models
from luziad.agents.json_values import as_objects, as_text, text_at, value_at
from luziad.agents.transcript import format_usage, join_nonempty, line_parser, plan_entry, tool_call, tool_result


def _entries(event: dict[str, Any]) -> Iterable[TranscriptEntry]:
    main = event.get("parent_tool_use_id") is None
    match event.get("type"):
        case "assistant":
            yield from _said(event, main)
        case "user":
            for block in as_objects(value_at(event, "message", "content")):
                if block.get("type") == "tool_result" and main:
                    yield from tool_result(block.get("content"), failed=block.get("is_error") is True)
        case "system":
            yield from _system(event)
        case "rate_limit_event" if text_at(event, "rate_limit_info", "status") == "rejected":
            yield TranscriptEntry("warning", f"usage limit {text_at(event, 'rate_limit_info', 'rateLimitType')}")
        case "result" if main:
            yield _end(event)


def _said(event: dict[str, Any], main: bool) -> Iterable[TranscriptEntry]:
    synthetic = text_at(event, "message", "model") == "<synthetic>"
    for block in as_objects(value_at(event, "message", "content")):
        match block.get("type"):
            case "text" if main:
                yield TranscriptEntry("warning" if synthetic else "said", as_text(block.get("text")))
            case "thinking" if main:
                yield TranscriptEntry("thought", as_text(block.get("thinking")))
            case "tool_use":
                given = block.get("input")
                if main and (todos := as_objects(value_at(given, "todos"))):
                    yield from plan_entry(todos)
                else:
                    yield tool_call(("" if main else "(sub-agent) ") + as_text(block.get("name")), given)


def _system(event: dict[str, Any]) -> Iterable[TranscriptEntry]:
    match event.get("subtype"):
        case "init":
            version, session = as_text(event.get("claude_code_version")), as_text(event.get("session_id"))
            yield TranscriptEntry(
                "note", join_nonempty(f"Claude Code {version}", as_text(event.get("model")), f"session {session}")
            )
        case "api_retry":
            why = as_text(event.get("error")) or text_at(event, "error", "message")
            counted = [count for name in ("attempt", "max_retries") if type(count := event.get(name)) is int]
            yield TranscriptEntry(
                "warning", f"retry {' of '.join(map(str, counted))}".rstrip() + (f": {why}" if why else "")
            )
        case "compact_boundary":
            yield TranscriptEntry("note", "the conversation was compacted")


def _end(event: dict[str, Any]) -> TranscriptEntry:
    own = event.get("model_usage_since_last_result")  # in versions whose total is that of the session
    cost_usd = sum_models(own).cost_usd if isinstance(own, dict) else event.get("total_cost_usd")
    spent = format_usage(value_at(event, "usage", "input_tokens"), value_at(event, "usage", "output_tokens"), cost_usd)
    if event.get("subtype") == "success" and event.get("is_error") is False:
        turns = event.get("num_turns")
        return TranscriptEntry(
            "good", join_nonempty("completed", _format_turns(turns) if type(turns) is int else "", spent)
        )
    return TranscriptEntry(
        "bad", join_nonempty(f"failed: {as_text(event.get('result')) or as_text(event.get('subtype'))}", spent)
    )


def _format_turns(turns: int) -> str:
    return "1 turn" if turns == 1 else f"{turns} turns"


entries = line_parser(_entries)
