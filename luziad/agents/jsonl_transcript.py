"""The transcript of an agent with a mapping. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from luziad.agents.base import TranscriptEntry
from luziad.agents.json_values import as_objects, as_text, text_at
from luziad.agents.jsonl_mapping import JsonlMapping, each, error_words, plan_entries
from luziad.agents.transcript import (
    Entries,
    join_nonempty,
    line_parser,
    plan_entry,
    tool_call,
    tool_result,
)


def line_entries(mapping: JsonlMapping) -> Entries:
    """The function that makes the entries of a line."""
    return line_parser(lambda event: _entries(mapping, dict(mapping.values(event))))


def _entries(mapping: JsonlMapping, known: dict[str, Any]) -> Iterator[TranscriptEntry]:
    names = [as_text(known.get(name)) for name in ("version", "model", "session")]
    if names[2] and any(names[:2]):  # the first line of a run; many agents repeat the session in each line
        version = f"version {names[0]}" if names[0] else ""
        yield TranscriptEntry("note", join_nonempty(version, names[1], f"session {names[2]}"))
    for said in each(known.get("text")):
        yield TranscriptEntry("said", as_text(said))
    plan, calls = known.get("plan"), each(known.get("tool"))
    if isinstance(plan, list) and len(calls) == 1:
        calls = []  # the call that has set the plan, which is shown instead
    for call in calls:
        if name := as_text(call) or text_at(call, "name"):
            yield tool_call(name, call.get("input") if isinstance(call, dict) else None)
    if isinstance(plan, list):
        entries = plan_entries(mapping, plan)
        yield from plan_entry({"content": text, "status": state} for text, state in entries)
    for result in as_objects(each(known.get("result"))):
        yield from _result(result)
    yield from _end(known)


def _result(result: dict[str, Any]) -> Iterable[TranscriptEntry]:
    output = result.get("output")
    if isinstance(output, list):
        output = "\n".join(as_text(part) or text_at(part, "text") for part in each(output))
    return tool_result(output, failed=bool(result.get("failed")))


def _end(known: dict[str, Any]) -> Iterator[TranscriptEntry]:
    if error := known.get("error"):
        yield TranscriptEntry("bad", f"failed: {error_words(error) or 'the agent reported an error'}")
    elif known.get("success"):
        yield TranscriptEntry("good", "completed")
    if "retry" in known:
        yield TranscriptEntry("warning", f"retry: {as_text(known['retry'])}".rstrip(": "))
