"""Results of tools as the protocol has them."""

from __future__ import annotations

import json

import msgspec
from mcp_types import CallToolResult, TextContent

from luzia_protocol.errors import ErrorCode, LuziaError

_REMEDIES: dict[str, str] = {
    ErrorCode.TOO_DEEP: "Do the work yourself: no more agents may be started below this job.",
    ErrorCode.TOO_MANY_SUB_JOBS: "Do the rest yourself: this job has started as many others as it may.",
    ErrorCode.BUDGET_SPENT: "Finish with what you have, and tell the user.",
    ErrorCode.PARENT_ENDED: "The job in which you run is being ended: stop.",
    ErrorCode.UNKNOWN_JOB: "Find its id with `list`.",
    ErrorCode.UNKNOWN_PROJECT: "Leave `project` out for the one that you work in, or give the path of a directory.",
    ErrorCode.JOB_NOT_FINAL: "Call `wait` first, or `cancel`.",
    ErrorCode.JOB_FINAL: "It has ended already; `status` shows how.",
    ErrorCode.JOB_NOT_WAITING: "It is not waiting for an answer now; `status` shows its state.",
    ErrorCode.NO_WORKTREE: "Only jobs dispatched with `worktree` have changes of their own.",
    ErrorCode.TASK_TOO_LARGE: "Write the text to a file in the project, and name the file in the task.",
    ErrorCode.FRAME_TOO_LARGE: "Write the text to a file in the project, and name the file instead.",
}
"""What an agent can do about an error, where that is not what a person at a shell can do."""


def success(result: msgspec.Struct) -> CallToolResult:
    """A result, as an object and, for clients that read only that, as text."""
    value = msgspec.to_builtins(result, str_keys=True)
    return CallToolResult(content=[TextContent(text=json.dumps(value, ensure_ascii=False))], structured_content=value)


def failure(words: str) -> CallToolResult:
    """A result that says what is wrong and what to do."""
    return CallToolResult(content=[TextContent(text=words)], is_error=True)


def failure_of(exc: LuziaError) -> CallToolResult:
    """A result that says what luzia refuses, and what an agent can do."""
    return failure(f"{exc.code}: {exc.message}. {_REMEDIES.get(exc.code, exc.hint)}".rstrip())
