"""Notices of jobs above the prompt, and the toolbar below it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from luzia_protocol.activity import Question
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.states import ACTIVE_STATES

from luzia_client.cli.show.formatting import STATE_COLOURS, format_elapsed, format_state
from luzia_client.cli.show.questions import describe_question, suggest_answers
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import cut, one_line
from luzia_client.tui.shell.quoting import BACKSLASH

MAX_AT_ONCE = 10
MAX_REASON_CHARS = 60
MARKS = {"green": ("✓", "+"), "red": ("✗", "x"), "magenta": ("?", "?")}


def format_notice(job: Job, question: Question | None, screen: Screen) -> list[str]:
    """The lines for a job that has ended, or has a question."""
    if question is None:
        return [_format_heading(job, _describe_end(job), screen)]
    job = msgspec.structs.replace(job, question=question)
    rows = [f"    {cut(one_line(row), _available_width(screen, 4))}" for _, row in describe_question(job)]
    commands = [f"    {command}" for command in suggest_answers(job)]
    return [_format_heading(job, "waits for an answer", screen), *rows, *commands]


def format_notices(notices: Sequence[Sequence[str]]) -> str:
    """Several notices: the newest, and the number of those left out."""
    left_out = len(notices) - MAX_AT_ONCE
    lines = [line for each in notices[-MAX_AT_ONCE:] for line in each]
    if left_out > 0:
        lines.insert(0, f"… and {left_out} more; list them with `jobs`")
    return "\n".join(lines)


def _format_heading(job: Job, event: str, screen: Screen) -> str:
    colour = STATE_COLOURS[job.state]
    mark = MARKS.get(colour, ("•", "*"))[0 if screen.blocks else 1]
    head = f"{mark} {job.id} {one_line(job.project)} {event}"
    return screen.paint(cut(f"{head}: {one_line(job.task)}", _available_width(screen, 0)), colour)


def _describe_end(job: Job) -> str:
    """`completed after 3s`, `failed after 3s (exit code 1)`, `cancelled before it started`."""
    state, reason = format_state(job.state), one_line(job.reason or "", MAX_REASON_CHARS)
    after = "" if job.started_at is None else f" after {format_elapsed(job, job.ended_at or job.started_at)}"
    if job.state is JobState.COMPLETED or reason == state:
        reason = ""
    if reason.startswith(f"{state} "):
        return f"{reason}{after}"
    return f"{state}{after} ({reason})" if reason else f"{state}{after}"


def _available_width(screen: Screen, taken: int) -> int:
    return max((screen.width or 80) - 1 - taken, 20)


def format_toolbar(counts: Mapping[JobState, int], connection_error: str, open_quote: str) -> str:
    """The toolbar.

    connection_error: shown instead of the counts. open_quote: as `Split.open`.
    """
    if open_quote == BACKSLASH:
        return "the line continues"
    if open_quote:
        return f"{open_quote} is open: Enter inserts a line break, Ctrl-C discards the line"
    if connection_error:
        return one_line(connection_error)
    waiting = counts.get(JobState.WAITING, 0)
    running = sum(counts.get(state, 0) for state in ACTIVE_STATES) - waiting
    text = f"{running} running, {counts.get(JobState.QUEUED, 0)} queued, {waiting} waiting"
    return f"{text} for an answer: jobs --waiting" if waiting else text
