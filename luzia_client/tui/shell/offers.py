"""What lines can name, from what the daemon told: offers of the kinds that the table of the commands has. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from luzia_protocol.jobs import Job
from luzia_protocol.replies import Agent, Project
from luzia_protocol.schedules import Schedule

from luzia_client.cli.completion.complete import COMMAND_STATES, complete_static_value
from luzia_client.cli.completion.engine import Candidates
from luzia_client.cli.show.formatting import format_state

MAX_JOBS = 200
"""So many ids at once are enough to choose from."""
LAST = "@last"


class KnownNames(NamedTuple):
    """What the daemon told. jobs: in the order in which they are offered."""

    projects: Sequence[Project] = ()
    agents: Sequence[Agent] = ()
    jobs: Sequence[Job] = ()
    schedules: Sequence[Schedule] = ()


def complete_value(
    known: KnownNames, named: Collection[str], kind: str, command: str, typed: str, table: dict[str, Any]
) -> Candidates:
    """Offers of a kind. named: the words of the line that are there already. command: the line's command, if any."""
    if kind in ("job", "jobs"):
        begun, comma, last = typed.rpartition(",") if kind == "jobs" else ("", "", typed)
        return _complete_job(known, {*named, *begun.split(",")}, command, last).with_prefix(begun + comma)
    if kind == "project":
        return Candidates(typed, {each.name: each.path for each in known.projects}, directories=True)
    if kind == "agent":
        return Candidates(typed, {each.name: "" if each.installed else "not installed" for each in known.agents})
    if kind == "tag":
        tags = [f"{key}={text}" for job in known.jobs for key, text in job.tags.items()]
        return Candidates(typed, dict.fromkeys(tags, ""))
    if kind == "schedule":
        return Candidates(typed, {each.name: each.cron for each in known.schedules})
    return complete_static_value(kind, typed, table)


def _complete_job(known: KnownNames, named: Collection[str], command: str, typed: str) -> Candidates:
    """Jobs for which the command is, by their ids or by a word of their tasks."""
    states = COMMAND_STATES.get(command, ())
    word = typed.lower()
    found = {LAST: "the newest of yours"} if LAST.startswith(word) else {}
    for job in known.jobs:
        if job.id in named or (states and job.state.value not in states):
            continue
        if job.id.startswith(word) or _matches(job, word):
            found[job.id] = f"{format_state(job.state):<9} {job.task}"
        if len(found) > MAX_JOBS:
            break
    offered = Candidates(typed, {})
    offered.values = found
    return offered


def _matches(job: Job, word: str) -> bool:
    """Whether the id ends with the word, or the task has it; one character is no word."""
    return len(word) > 1 and (job.id.endswith(word) or word in job.task.lower())
