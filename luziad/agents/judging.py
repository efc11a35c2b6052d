"""The verdict on an attempt that its agent's output must prove. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from luzia_protocol.jobs import Outcome

from luziad.agents.base import describe_exit
from luziad.agents.failure_causes import credentials_hint, find_cause, find_status_cause
from luziad.agents.json_values import MAX_TEXT_CHARS, one_line
from luziad.jobs.attempt import ExitRecord, FailureCause, Verdict

_HELP = re.compile(
    r"usage:|options:|commands:|arguments:|-{1,2}[a-z]|for more (information|help)|(see|try|run) .*(--help|help\b)",
    re.IGNORECASE,
)
"""Beginnings of lines of usage help, which follow an error."""
_HELP_HEADING = re.compile(r"usage:|(options|commands|arguments|positionals):$", re.IGNORECASE)
_ERROR = re.compile(r"\S*(error|exception|fatal|panic|invalid|unknown|missing)", re.IGNORECASE)


def last_stderr_line(stderr_tail: bytes, start: str = "") -> str:
    """The last line of stderr with text, or everything from the last line that begins with `start`.

    When usage help follows an error, the error is the last line.
    """
    lines = [stripped for line in stderr_tail.decode(errors="replace").splitlines() if (stripped := line.strip())]
    if start:
        for index in range(len(lines) - 1, -1, -1):
            if lines[index].startswith(start):
                return one_line(" ".join(lines[index:]))
    if not lines:
        return ""
    has_help = any(map(_HELP_HEADING.match, lines))
    if not has_help and not _HELP.match(lines[-1]):
        return one_line(lines[-1])
    for index in range(len(lines) - 1, -1, -1):
        if _ERROR.match(lines[index]) and not _HELP.match(lines[index]):
            return one_line(" ".join(lines[index : index + (2 if lines[index].endswith(":") else 1)]))
    return "it printed its usage help; an argument may be invalid" if has_help else one_line(lines[-1])


def describe_refusal(agent: str, tools: Iterable[str]) -> str:
    """The reason of a failure because these tools were not permitted."""
    names = ", ".join(sorted({one_line(tool, 80) or "a tool" for tool in tools}))
    more = "`allow` of the project or --permission-mode" if agent == "claude" else "--permission-mode"
    return one_line(f"not permitted: {names} ({more} can permit more)")


def judge(
    agent: str,
    exit_record: ExitRecord,
    *,
    success: bool,
    failure: str,
    hint: str,
    missing: str,
    stderr_words: str,
    refused: Collection[str] = (),
    cause: FailureCause | None = None,
    status: object = None,
) -> Verdict:
    """The verdict for an agent whose exit code alone proves nothing.

    success: its output proves that it did its work. failure: its final error message.
    hint: another message of its output that may explain the end. missing: the reason when it exits with 0 without the
    proof. stderr_words: the explanation of another exit code when there is no other.
    refused: the tools that its permissions did not let it use, so that its work is not complete, whatever it says.
    cause: the cause of a failure, if the structure of its output tells it; otherwise its words do. status: the HTTP
    status of its error, which counts when the words tell no cause.
    """
    if exit_record.error is not None:
        return Verdict(Outcome.START_FAILED, exit_record.error)
    if exit_record.exit_code == 0 and success and not failure:
        return Verdict(Outcome.FAILED, describe_refusal(agent, refused)) if refused else Verdict(Outcome.COMPLETED)
    words = failure or hint or (stderr_words if exit_record.exit_code else "")
    cause = cause or find_cause(agent, words) or find_status_cause(status)
    if failure:
        reason = failure
    else:
        ended = missing if exit_record.exit_code == 0 else describe_exit(exit_record)
        reason = f"{ended}: {words}" if words else ended
    if cause is FailureCause.CREDENTIALS and (how := credentials_hint(agent, words)):
        reason = f"{one_line(reason, MAX_TEXT_CHARS - len(how) - 2)}; {how}"
    outcome = Outcome.OVER_BUDGET if cause is FailureCause.BUDGET else Outcome.FAILED
    return Verdict(outcome, one_line(reason), cause)
