"""News of jobs, as lines to be printed above the prompt. Pure; whatever jobs say in it is harmless."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from luzia_protocol.activity import Question
from luzia_protocol.jobs import Job, JobState

from luzia_client.cli.show.formatting import STATE_COLOURS, format_elapsed, format_state
from luzia_client.cli.show.questions import describe_question, suggest_answers
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import cut, one_line

MAX_AT_ONCE = 10
MAX_REASON_CHARS = 60
MARKS = {"green": ("✓", "+"), "red": ("✗", "x"), "magenta": ("?", "?")}


def format_notice(job: Job, question: Question | None, screen: Screen) -> list[str]:
    """What there is to say of a job that has ended, or asks a question."""
    if question is None:
        return [
            _format_heading(job, f"{format_state(job.state)}{_format_running_time(job)}{_format_reason(job)}", screen)
        ]
    job = msgspec.structs.replace(job, question=question)
    asks = [f"    {cut(one_line(row), _available_width(screen, 4))}" for _, row in describe_question(job)]
    return [_format_heading(job, "asks", screen), *asks, *(f"    {line}" for line in suggest_answers(job))]


def format_notices(news: Sequence[Sequence[str]]) -> str:
    """Several news as they are printed: the newest, and how many others there were."""
    left_out = len(news) - MAX_AT_ONCE
    lines = [line for each in news[-MAX_AT_ONCE:] for line in each]
    if left_out > 0:
        lines.insert(0, f"… and {left_out} more that ended or ask: jobs")
    return "\n".join(lines)


def _format_heading(job: Job, what: str, screen: Screen) -> str:
    colour = STATE_COLOURS[job.state]
    mark = MARKS.get(colour, ("•", "*"))[0 if screen.blocks else 1]
    head = f"{mark} {job.id} {one_line(job.project)} {what}"
    return screen.paint(cut(f"{head}: {one_line(job.task)}", _available_width(screen, 0)), colour)


def _format_running_time(job: Job) -> str:
    return "" if job.started_at is None else f" after {format_elapsed(job, datetime.now(UTC))}"


def _format_reason(job: Job) -> str:
    said = one_line(job.reason or "", MAX_REASON_CHARS)
    return f" ({said})" if said and said != format_state(job.state) and job.state is not JobState.COMPLETED else ""


def _available_width(screen: Screen, taken: int) -> int:
    return max((screen.width or 80) - 1 - taken, 20)
