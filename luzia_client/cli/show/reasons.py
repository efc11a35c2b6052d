"""Why a job waits, or how it ended, as `luzia why` tells it. Pure."""

from __future__ import annotations

from datetime import datetime

from luzia_protocol.states import JobState

from luzia_client.cli.show.details import format_local_time, suggest_commands
from luzia_client.cli.show.formatting import (
    STATE_COLOURS,
    format_duration,
    format_exit,
    format_state,
    format_status,
    format_time,
)
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import format_quantity, hang, harmless, one_line, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from luzia_protocol.jobs import Attempt, Job
    from luzia_protocol.waiting import GateState, StartEstimate, WhyResult

LATER = "checked when the other conditions hold"
LABEL_WIDTH = 17


def explain_job(told: WhyResult, now: datetime, screen: Screen) -> list[str]:
    """The lines of `luzia why ID`."""
    job, columns = told.job, screen.width
    colour = STATE_COLOURS[job.state]
    status = hang("", format_status(job, screen), None if columns is None else columns - len(f"Job {job.id}  "), 0)
    lines = [f"{screen.paint(f'Job {job.id}', 'bold')}  {screen.paint(status[0], colour)}"]
    lines += [f"    {screen.paint(more, colour)}" for more in status[1:]]
    if (
        job.reason is not None
        and job.state is JobState.QUEUED
        and all(gate.is_open is not False for gate in told.gates)
    ):
        lines += hang("  ", harmless(job.reason), columns, 2)
    if told.gates:
        lines += ["", "  Conditions for the start:"]
        lines += [line for gate in told.gates for line in _gate(gate, screen)]
    if told.limits:
        lines += ["", "  Slots in use:"]
        lines += [f"    {harmless(each.name):<{LABEL_WIDTH}} {each.used} of {each.capacity}" for each in told.limits]
    if told.position is not None:
        lines += ["", f"  Position in the queue: {told.position}"]
    if told.estimate is not None:
        lines += hang("  Expected start: ", _format_estimate(told.estimate, job, now), columns, 4)
    lines += ["", "  History:"]
    for at, words in _history(job):
        lines += hang(f"    {format_local_time(at)}  ", words, columns, 6)
    return [*lines, "", *(f"  {screen.paint(command, 'cyan')}" for command in suggest_commands(job))]


def _gate(gate: GateState, screen: Screen) -> list[str]:
    mark, colour, words = {
        True: ("✓" if screen.blocks else "+", "green", ""),
        False: ("✗" if screen.blocks else "-", "red", one_line(gate.reason or "")),
        None: ("·" if screen.blocks else ".", "dim", LATER),
    }[gate.is_open]
    name = f"{harmless(gate.name):<{LABEL_WIDTH - 2}}"
    taken = len("    ✓ ") + width(name) + 1
    return [
        line.rstrip() for line in hang(f"    {screen.paint(mark, colour)} {name} ", words, screen.width, taken, taken)
    ]


def _format_estimate(estimate: StartEstimate, job: Job, now: datetime) -> str:
    in_s = (estimate.at - now).total_seconds()
    when = "soon" if in_s < 1 else f"about {format_time(estimate.at, now)}, in {format_duration(in_s)}"
    which = format_quantity(estimate.jobs, "completed job")
    return (
        f"{when} (an estimate: the median running time of {which} of {one_line(job.project)}"
        f" is {format_duration(estimate.typical_s)})"
    )


def _history(job: Job) -> Iterator[tuple[datetime | None, str]]:
    """What has happened to the job, each with its time."""
    yield job.created_at, f"dispatched to {one_line(job.project)}"
    for attempt in job.attempts:
        if attempt.started_at is not None or attempt.starting_at is not None:
            resumed = "" if attempt.session is None else f", resuming session {one_line(attempt.session)}"
            yield attempt.started_at or attempt.starting_at, f"attempt {attempt.number} started{resumed}"
        if attempt.ended_at is not None:
            yield attempt.ended_at, _format_end(attempt)
    if job.state.is_final and not (job.attempts and job.attempts[-1].ended_at == job.ended_at):
        reason = one_line(job.reason or "")
        yield job.ended_at, f"{format_state(job.state)}{f': {reason}' if reason else ''}"


def _format_end(attempt: Attempt) -> str:
    word = "ended" if attempt.outcome is None else str(attempt.outcome).replace("_", " ")
    after = "" if attempt.duration_s is None else f" after {format_duration(attempt.duration_s)}"
    reason = one_line(attempt.reason or format_exit(attempt.exit_code, attempt.signal))
    return f"attempt {attempt.number} {word}{after}" + (f": {reason}" if reason and reason != word else "")
