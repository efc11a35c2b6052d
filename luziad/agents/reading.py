"""What the readers of agents' output share: looking into values, words of limits, and judging with proof.

Whatever an agent prints, these functions take it: what is missing or of another kind is read as nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from luzia_protocol.jobs import Outcome

from luziad.agents.base import signal_or_code
from luziad.jobs.attempt import ExitRecord, Verdict

MAX_WORDS = 500

_USAGE_LIMIT = re.compile(
    r"you['’]ve (hit|reached) your (\w+ ){0,3}limit"
    r"|(usage|session|weekly|5-hour) limit (has been )?reached"
    r"|would exceed your account['’]s rate limit"
    r"|exceeded your current quota"
    r"|exhausted your (\w+ ){0,3}quota"
    r"|usage_limit_reached",
    re.IGNORECASE,
)
_OVERLOAD = re.compile(
    r"overloaded|\b529\b|\b429\b|too many requests|rate.limit reached|temporarily limiting requests|high demand",
    re.IGNORECASE,
)
_NO_USAGE_LIMIT = "not your usage limit"


def decoded(json: bytes | str | msgspec.Raw) -> Any:
    """The value that a JSON text inside of an event stands for; None when it is no JSON."""
    try:
        return msgspec.json.decode(json)
    except (ValueError, RecursionError):
        return None


def text(value: object) -> str:
    """The value when it is a string, or an empty one."""
    return value if isinstance(value, str) else ""


def at(value: object, *path: str) -> Any:
    """What stands under `path` in nested objects; None when any step of it is missing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text_at(value: object, *path: str) -> str:
    """The string under `path`, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; empty when it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def one_line(words: str, limit: int = MAX_WORDS) -> str:
    """The text on one line without control characters, at most `limit` characters long."""
    words = words[: 4 * limit]
    if not words.isprintable():
        words = "".join(c if c.isprintable() else " " for c in words)
    line = " ".join(words.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def tool_phase(name: str) -> str:
    """The phase of an agent that runs a tool."""
    return _tool_phase(name[:400])


@lru_cache(200)
def _tool_phase(name: str) -> str:
    return f"tool {one_line(name, 80)}" if name else "tool"


def is_usage_limit(words: str) -> bool:
    """Whether these words say that the account's allowance is used up, and not that a server is busy.

    The words are those of the agents' sources and of what was seen. That a workspace is out of credits is no such
    limit: waiting does not help.
    """
    words = words[: 4 * MAX_WORDS]
    return _NO_USAGE_LIMIT not in words.lower() and _USAGE_LIMIT.search(words) is not None


def is_overload(words: str) -> bool:
    """Whether these words say that a server is busy, so that the same may go well a little later."""
    return _OVERLOAD.search(words[: 4 * MAX_WORDS]) is not None


def last_words(stderr_tail: bytes, start: str = "") -> str:
    """The last line of stderr that has text, or everything from the last line that begins with `start`."""
    lines = [line.strip() for line in stderr_tail.decode(errors="replace").splitlines()]
    if start:
        for index in range(len(lines) - 1, -1, -1):
            if lines[index].startswith(start):
                return one_line(" ".join(lines[index:]))
    return next((one_line(line) for line in reversed(lines) if line), "")


def judge(
    exit_record: ExitRecord, *, success: bool, failure: str, hint: str, missing: str, stderr_words: str
) -> Verdict:
    """The verdict for an agent whose exit code alone proves nothing.

    success: its output proves that it did its work. failure: its final words on what went wrong.
    hint: other words of its output that may explain the end. missing: the reason when a good exit lacks the
    proof. stderr_words: what explains a bad exit code when nothing else does.
    """
    if exit_record.error is not None:
        return Verdict(Outcome.START_FAILED, exit_record.error)
    if failure:
        return Verdict(Outcome.FAILED, one_line(failure))
    if exit_record.exit_code == 0 and success:
        return Verdict(Outcome.COMPLETED)
    ended = missing if exit_record.exit_code == 0 else signal_or_code(exit_record)
    words = hint or (stderr_words if exit_record.exit_code else "")
    return Verdict(Outcome.FAILED, one_line(f"{ended}: {words}" if words else ended))
