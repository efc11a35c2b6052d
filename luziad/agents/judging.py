"""The verdict on an attempt that its agent's output must prove, and the messages of limits and overloads. Pure."""

from __future__ import annotations

import re

from luzia_protocol.jobs import Outcome

from luziad.agents.base import describe_exit
from luziad.agents.json_values import MAX_TEXT_CHARS, one_line
from luziad.jobs.attempt import ExitRecord, Verdict

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


def is_usage_limit(words: str) -> bool:
    """Whether a message says that the account's usage limit is reached, rather than that a server is busy.

    The patterns come from the agents' sources and from recorded output. A workspace that is out of credits is not such
    a limit, since waiting does not help.
    """
    words = words[: 4 * MAX_TEXT_CHARS]
    return _NO_USAGE_LIMIT not in words.lower() and _USAGE_LIMIT.search(words) is not None


def is_overload(words: str) -> bool:
    """Whether a message says that a server is overloaded, so that a later attempt may succeed."""
    return _OVERLOAD.search(words[: 4 * MAX_TEXT_CHARS]) is not None


def last_stderr_line(stderr_tail: bytes, start: str = "") -> str:
    """The last line of stderr with text, or everything from the last line that begins with `start`."""
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

    success: its output proves that it did its work. failure: its final error message.
    hint: another message of its output that may explain the end. missing: the reason when it exits with 0 without the
    proof. stderr_words: the explanation of another exit code when there is no other.
    """
    if exit_record.error is not None:
        return Verdict(Outcome.START_FAILED, exit_record.error)
    if failure:
        return Verdict(Outcome.FAILED, one_line(failure))
    if exit_record.exit_code == 0 and success:
        return Verdict(Outcome.COMPLETED)
    ended = missing if exit_record.exit_code == 0 else describe_exit(exit_record)
    words = hint or (stderr_words if exit_record.exit_code else "")
    return Verdict(Outcome.FAILED, one_line(f"{ended}: {words}" if words else ended))
