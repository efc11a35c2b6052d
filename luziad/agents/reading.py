"""What the readers of agents' output share: decoding lines, counting a plan, and judging with proof.

Whatever an agent prints, these functions take it: unknown, torn and hostile lines are read as nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec

from luzia_protocol.jobs import Outcome, Progress

from luziad.agents.base import Verdict, signal_or_code
from luziad.core.attempts import Exited

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_WORDS = 500
MAX_PLAN = 1000

_DONE = {"completed", "done"}
_DROPPED = {"cancelled", "canceled", "deleted"}


def decode(line: bytes) -> dict[str, Any]:
    """The JSON object that a line holds; an empty one when it holds anything else."""
    if len(line) > MAX_LINE_BYTES or not line.lstrip().startswith(b"{"):
        return {}
    try:
        value = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


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


def one_line(text: str, limit: int = MAX_WORDS) -> str:
    """The text on one line without control characters, at most `limit` characters long."""
    text = text[: 4 * limit]
    words = "".join(c if c.isprintable() else " " for c in text).split()
    line = " ".join(words)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def tool_phase(name: str) -> str:
    """The phase of an agent that runs a tool."""
    return f"tool {one_line(name, 80)}" if name else "tool"


class ProgressTeller:
    """Keeps what is known of the progress and tells it when it changed."""

    def __init__(self) -> None:
        self._phase: str | None = None
        self._plan: tuple[int, int] | None = None
        self._told = Progress()

    def phase(self, phase: str) -> None:
        """The agent does this now."""
        self._phase = phase

    def plan(self, states: list[str]) -> None:
        """The agent's to-do list has these states; dropped entries do not count."""
        counted = [state for state in states[:MAX_PLAN] if state not in _DROPPED]
        done = sum(state in _DONE for state in counted)
        self._plan = (done, len(counted)) if counted else None

    def changed(self) -> Progress | None:
        """The progress, or None when it has been told already."""
        if self._plan is None:
            progress = Progress(phase=self._phase)
        else:
            done, total = self._plan
            percent = min(99, 100 * done // total)
            progress = Progress(percent=percent, done=done, total=total, label="plan", phase=self._phase)
        if progress == self._told:
            return None
        self._told = progress
        return progress


def last_words(stderr_tail: bytes, start: str = "") -> str:
    """The last line of stderr that has text, or everything from the last line that begins with `start`."""
    lines = [line.strip() for line in stderr_tail.decode(errors="replace").splitlines()]
    if start:
        for index in range(len(lines) - 1, -1, -1):
            if lines[index].startswith(start):
                return one_line(" ".join(lines[index:]))
    return next((one_line(line) for line in reversed(lines) if line), "")


def judge(exit_record: Exited, *, success: bool, failure: str, hint: str, missing: str, stderr_words: str) -> Verdict:
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
