"""What the readers of agents' output share: looking into values, words of limits, and judging with proof.

Whatever an agent prints, these functions take it: what is missing or of another kind is read as nothing.
"""

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
    """Whether these words say that the account's allowance is used up, and not that a server is busy.

    The words are those of the agents' sources and of what was seen. That a workspace is out of credits is no such
    limit: waiting does not help.
    """
    words = words[: 4 * MAX_TEXT_CHARS]
    return _NO_USAGE_LIMIT not in words.lower() and _USAGE_LIMIT.search(words) is not None


def is_overload(words: str) -> bool:
    """Whether these words say that a server is busy, so that the same may go well a little later."""
    return _OVERLOAD.search(words[: 4 * MAX_TEXT_CHARS]) is not None


def last_stderr_line(stderr_tail: bytes, start: str = "") -> str:
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
    ended = missing if exit_record.exit_code == 0 else describe_exit(exit_record)
    words = hint or (stderr_words if exit_record.exit_code else "")
    return Verdict(Outcome.FAILED, one_line(f"{ended}: {words}" if words else ended))
