"""The header: the host, slots, counts and the cost of the day, and below it what is not normal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from luzia_protocol.money import format_usd
from luzia_protocol.states import FINAL_STATES

from luzia_client.cli.show.formatting import describe_suspensions, format_time, without_year
from luzia_client.cli.show.text import format_quantity, one_line
from luzia_client.tui.fullscreen.text_view import Fragments, fit
from luzia_client.tui.model import describe_counts
from luzia_client.tui.top.state import TopState

MAX_ERROR_CHARS = 300


def format_header(top: TopState, now: datetime, width: int, rows: int) -> list[Fragments]:
    """The rows of the header. rows: 1 or 2; with one, the alerts come before the rest."""
    alerts, figures = list(_alerts(top, now)), list(_figures(top, now))
    title = [("class:header", " luzia ")]
    if rows > 1:
        return [fit([*title, *figures, ("class:header", "")], width), fit([*alerts, ("class:header", "")], width)]
    return [fit([*title, *alerts, *figures, ("class:header", "")], width)]


def _figures(top: TopState, now: datetime) -> Iterator[tuple[str, str]]:
    daemon, counts = top.daemon, top.model.counts
    if daemon is not None:
        if daemon.host:
            yield "class:header", f" {one_line(daemon.host, 20)} "
        yield "class:header", f" {daemon.slots_used}/{format_quantity(daemon.slots, 'slot')} "
    ended = {state: count for state, count in counts.items() if state in FINAL_STATES}
    for words, _ in describe_counts({state: count for state, count in counts.items() if state not in ended}):
        yield "class:header", f" {words} "
    cost_usd = top.model.cost_usd(now.astimezone().date())
    if cost_usd:
        yield "class:header", f" {format_usd(cost_usd)} today "
    for words, _ in describe_counts(ended):
        yield "class:header", f" {words} "
    if top.loading and not top.connection_error:
        yield "class:header", " loading … "


def _alerts(top: TopState, now: datetime) -> Iterator[tuple[str, str]]:
    """What is not normal, the most important first."""
    if top.connection_error:
        yield "class:header class:away", f" {one_line(top.connection_error, MAX_ERROR_CHARS)} "
    for words, _ in describe_suspensions(top.model.queues, now):
        yield "class:header class:notice", f" {one_line(words)} "
    if top.daemon is not None and top.daemon.held_agents:
        held = top.daemon.held_agents
        yield "class:header class:notice", f" {format_quantity(len(held), 'agent')} held: {one_line(', '.join(held))} "
    if top.daemon is not None and top.daemon.usage_limits:
        limits = top.daemon.usage_limits.items()
        resets = [f"{agent} until {without_year(format_time(until, now))}" for agent, until in limits]
        yield "class:header class:notice", f" usage limit of {one_line(', '.join(resets))} "
    if top.model.usage_limited_count:
        yield "class:header", f" {top.model.usage_limited_count} at a usage limit "
    for notice in top.model.notices:
        yield "class:header class:notice", f" ! {one_line(notice)} "
