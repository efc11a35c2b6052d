"""The four dialects in which a model's answer is written, whole or as a stream of events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from agents.stub.asked import Asked, Body
from agents.stub.script import Step

Events = list[tuple[str | None, Any]]
"""The name (or None) and the data of each server-sent event; data that is a string is sent as it is."""

TOKENS_IN, TOKENS_OUT = 1200, 34


def _messages(asked: Asked, step: Step) -> tuple[Events, Body]:
    blocks: list[Body] = [{"type": "text", "text": step.text}]
    if step.tool:
        blocks.append({"type": "tool_use", "id": f"toolu_{step.id}", "name": step.tool, "input": step.given})
    reason = "tool_use" if step.tool else "end_turn"
    usage = {
        "input_tokens": TOKENS_IN,
        "output_tokens": TOKENS_OUT,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    whole = {
        "id": f"msg_{step.id}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": blocks,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }
    begun = whole | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    events: list[tuple[str, Body]] = [("message_start", {"message": begun})]
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            empty, kind, key, words = block | {"text": ""}, "text_delta", "text", block["text"]
        else:
            empty, kind, key = block | {"input": {}}, "input_json_delta", "partial_json"
            words = json.dumps(block["input"])
        events.append(("content_block_start", {"index": index, "content_block": empty}))
        for piece in _pieces(words):
            events.append(("content_block_delta", {"index": index, "delta": {"type": kind, key: piece}}))
        events.append(("content_block_stop", {"index": index}))
    events.append(("message_delta", {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}))
    events.append(("message_stop", {}))
    return [(name, {"type": name} | data) for name, data in events], whole


def _chat(asked: Asked, step: Step) -> tuple[Events, Body]:
    usage = {"prompt_tokens": TOKENS_IN, "completion_tokens": TOKENS_OUT, "total_tokens": TOKENS_IN + TOKENS_OUT}
    base = {"id": f"chatcmpl-{step.id}", "created": int(time.time()), "model": asked.model}
    message: Body = {"role": "assistant", "content": step.text}
    reason = "tool_calls" if step.tool else "stop"
    deltas: list[Body] = [{"role": "assistant", "content": ""}, *({"content": each} for each in _pieces(step.text))]
    if step.tool:
        arguments = json.dumps(step.given)
        call = {"id": f"call_{step.id}", "type": "function"}
        message["tool_calls"] = [call | {"function": {"name": step.tool, "arguments": arguments}}]
        deltas.append({"tool_calls": [{"index": 0} | call | {"function": {"name": step.tool, "arguments": ""}}]})
        for piece in _pieces(arguments):
            deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})

    def chunk(delta: Body, reason: str | None = None) -> Body:
        choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
        return base | {"object": "chat.completion.chunk", "choices": choices}

    events: Events = [(None, chunk(delta)) for delta in deltas]
    events += [(None, chunk({}, reason) | {"usage": usage}), (None, "[DONE]")]
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return events, base | {"object": "chat.completion", "choices": [choice], "usage": usage}


def _responses(asked: Asked, step: Step) -> tuple[Events, Body]:
    base = {
        "id": f"resp_{step.id}",
        "object": "response",
        "created_at": int(time.time()),
        "model": asked.model,
        "error": None,
    }
    usage = {
        "input_tokens": TOKENS_IN,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": TOKENS_OUT,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": TOKENS_IN + TOKENS_OUT,
    }
    content = [{"type": "output_text", "text": step.text, "annotations": []}]
    said = {"type": "message", "id": f"msg_{step.id}", "role": "assistant", "status": "completed", "content": content}
    output: list[Body] = [said, _responses_call(step)] if step.tool else [said]
    whole = base | {"status": "completed", "output": output, "usage": usage}
    events: list[tuple[str, Body]] = [
        ("response.created", {"response": base | {"status": "in_progress", "output": []}})
    ]
    for index, item in enumerate(output):
        at = {"output_index": index}
        begun = item | {"status": "in_progress"} | ({"content": []} if item is said else {})
        events.append(("response.output_item.added", at | {"item": begun}))
        for piece in _pieces(step.text) if item is said else ():
            delta = {"item_id": item["id"], "content_index": 0, "delta": piece}
            events.append(("response.output_text.delta", at | delta))
        events.append(("response.output_item.done", at | {"item": item}))
    events.append(("response.completed", {"response": whole}))
    return [(name, {"type": name, "sequence_number": n} | data) for n, (name, data) in enumerate(events)], whole


def _responses_call(step: Step) -> Body:
    call = {"id": f"fc_{step.id}", "call_id": f"call_{step.id}", "name": step.tool, "status": "completed"}
    if step.tool == "tool_search":
        return call | {"type": "tool_search_call", "execution": "client", "arguments": step.given}
    if step.namespace not in (None, "functions"):
        call["namespace"] = step.namespace
    if step.custom:
        return call | {"type": "custom_tool_call", "input": step.given}
    return call | {"type": "function_call", "arguments": json.dumps(step.given)}


def _gemini(asked: Asked, step: Step) -> tuple[Events, Body]:
    usage = {
        "promptTokenCount": TOKENS_IN,
        "candidatesTokenCount": TOKENS_OUT,
        "totalTokenCount": TOKENS_IN + TOKENS_OUT,
    }

    def reply(parts: list[Body], **more: str) -> Body:
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0} | more
        return {"candidates": [candidate], "modelVersion": asked.model, "usageMetadata": usage}

    call: Body = {"functionCall": {"name": step.tool, "args": step.given}} if step.tool else {"text": ""}
    events: Events = [(None, reply([{"text": piece}])) for piece in _pieces(step.text)]
    events.append((None, reply([call], finishReason="STOP")))
    return events, reply([{"text": step.text}, call], finishReason="STOP")


def _pieces(text: str, size: int = 12) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


ANSWERS: dict[str, Callable[[Asked, Step], tuple[Events, Body]]] = {
    "messages": _messages,
    "chat": _chat,
    "responses": _responses,
    "gemini": _gemini,
}
"""Dialect -> what makes the events of a stream, and the answer for who wants none."""
