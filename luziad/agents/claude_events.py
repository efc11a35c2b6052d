"""The lines of Claude Code's stream-json: the fields that are read, and values nested inside them. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from luzia_protocol.activity import SessionTotals

from luziad.agents.json_values import decode_json, text_at, value_at
from luziad.agents.summary_builder import parse_amount, parse_count

USAGE = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
MODEL_USAGE = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens")


class Event(msgspec.Struct, gc=False):
    """The fields that are read. They accept any value, so that every JSON object is an event."""

    type: str = ""
    subtype: Any = None
    parent_tool_use_id: Any = None
    session_id: Any = None
    message: Any = None
    tool_use_result: msgspec.Raw = msgspec.Raw()
    error: Any = None
    request_id: Any = None
    request: Any = None
    attempt: Any = None
    max_retries: Any = None
    status: Any = None
    model: Any = None
    claude_code_version: Any = None
    tool_name: Any = None
    elapsed_time_seconds: Any = None
    rate_limit_info: Any = None
    result: Any = None
    errors: Any = None
    is_error: Any = None
    api_error_status: Any = None
    terminal_reason: Any = None
    stop_reason: Any = None
    permission_denials: Any = None
    total_cost_usd: Any = None
    usage: Any = None
    model_usage: Any = msgspec.field(default=None, name="modelUsage")
    own_model_usage: Any = msgspec.field(default=None, name="model_usage_since_last_result")


class ToolCall(NamedTuple):
    """The data of a tool call that is kept until it has ended."""

    tool: str
    file: str
    task: str
    subject: str
    status: str


decode_event = msgspec.json.Decoder(Event).decode


def count_tokens(usage: Any, keys: tuple[str, str, str, str]) -> tuple[int, int, int]:
    """Tokens read, written and cached. keys: of the uncached input, the output, cache reads and cache writes."""
    fresh, out, cached, kept = (parse_count(value_at(usage, key)) for key in keys)
    return fresh + cached + kept, out, cached


def sum_models(usage: Any) -> SessionTotals:
    """Tokens and cost of all models together."""
    models = [*usage.values()] if isinstance(usage, dict) else []
    counts = [count_tokens(model, MODEL_USAGE) for model in models]
    read, written, cached = (sum(count[column] for count in counts) for column in range(3))
    return SessionTotals(read, written, cached, sum(parse_amount(value_at(model, "costUSD")) for model in models))


def created_task_id(result: msgspec.Raw) -> str:
    """The id of the task that TaskCreate has created; empty when the result has none."""
    return text_at(decode_json(result), "task", "id")
