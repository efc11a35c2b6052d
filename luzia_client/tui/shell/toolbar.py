"""The line below the prompt: how many jobs run and wait, or what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from luzia_protocol.jobs import JobState

from luzia_client.cli.show.formatting import ACTIVE_STATES
from luzia_client.cli.show.text import one_line
from luzia_client.tui.shell.quoting import BACKSLASH

MAX_LOOKED_AT = 64 * 1024
"""A line that is longer gets no help while it is typed: no key is to wait for that."""


def toolbar(counts: Mapping[JobState, int], away: str, open_quote: str) -> str:
    """Its text.

    away: what is said while no daemon answers; empty while one does. open_quote: as `open` of words.Split.
    """
    if open_quote == BACKSLASH:
        return "the line goes on"
    if open_quote:
        return f"{open_quote} is open: Enter makes a new line until it is closed, Ctrl-C gives up"
    if away:
        return one_line(away)
    waiting = counts.get(JobState.WAITING, 0)
    running = sum(counts.get(state, 0) for state in ACTIVE_STATES) - waiting
    said = f"{running} running, {counts.get(JobState.QUEUED, 0)} queued, {waiting} waiting"
    return f"{said} for an answer: jobs --waiting" if waiting else said
