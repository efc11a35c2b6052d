"""The header: the host, slots, counts and the cost of the day, and below it what is not normal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from luzia_protocol.jobs import JobState
from luzia_protocol.money import format_usd
from luzia_protocol.states import FINAL_STATES

from luzia_client.cli.show.formatting import describe_suspensions, format_time, without_year
from luzia_client.cli.show.text import format_quantity, one_line
from luzia_client.hosts.settings import LOCAL
from luzia_client.tui.fullscreen.text_view import Fragments, fit
from luzia_client.tui.model import describe_counts
from luzia_client.tui.top.state import TopState

MAX_ERROR_CHARS = 300
MAX_HOST_ERROR_CHARS = 120
"""Several hosts may be unreachable at once."""


def format_header(top: TopState, now: datetime, width: int, rows: int) -> list[Fragments]:
    """The rows of the header. rows: 1 or 2; with one, the alerts come before the rest."""
    alerts, figures = list(_alerts(top, now)), list(_figures(top, now))
    title = [("class:header", " luzia ")]
    if rows > 1:
        return [fit([*title, *figures, ("class:header", "")], width), fit([*alerts, ("class:header", "")], width)]
    return [fit([*title, *alerts, *figures, ("class:header", "")], width)]


def _figures(top: TopState, now: datetime) -> Iterator[tuple[str, str]]:
    counts = top.model.counts
    for name, host in top.hosts.items():
        if (daemon := host.daemon) is not None:
            known_as = daemon.host if name == LOCAL else name
            if known_as:
                yield "class:header", f" {one_line(known_as, 20)} "
            yield "class:header", f" {daemon.slots_used}/{format_quantity(daemon.slots, 'slot')} "
    ended = {state: count for state, count in counts.items() if state in FINAL_STATES}
    live = {state: count for state, count in counts.items() if state not in ended}
    if top.model.held:
        live[JobState.QUEUED] = live.get(JobState.QUEUED, 0) - top.model.held
    for words, _ in describe_counts(live):
        yield "class:header", f" {words} "
    if top.model.held:
        yield "class:header", f" {top.model.held} held "
    cost_usd = top.model.cost_usd(now.astimezone().date())
    if cost_usd:
        yield "class:header", f" {format_usd(cost_usd)} today "
    for words, _ in describe_counts(ended):
        yield "class:header", f" {words} "
    if top.is_loading:
        yield "class:header", " loading … "


def _alerts(top: TopState, now: datetime) -> Iterator[tuple[str, str]]:
    """What is not normal, the most important first."""
    for name, host in top.hosts.items():
        if host.connection_error:
            room = MAX_ERROR_CHARS if name == LOCAL else MAX_HOST_ERROR_CHARS
            yield "class:header class:away", f" {_of_host(name, one_line(host.connection_error, room))} "
    for name, queues in top.model.queues.items():
        for words, _ in describe_suspensions(queues, now):
            yield "class:header class:notice", f" {_of_host(name, one_line(words))} "
    for name, host in top.hosts.items():
        if host.daemon is not None and (held := host.daemon.held_agents):
            words = f"{format_quantity(len(held), 'agent')} held: {one_line(', '.join(held))}"
            yield "class:header class:notice", f" {_of_host(name, words)} "
        if host.daemon is not None and host.daemon.usage_limits:
            limits = host.daemon.usage_limits.items()
            resets = [f"{agent} until {without_year(format_time(until, now))}" for agent, until in limits]
            words = f"usage limit of {one_line(', '.join(resets))}"
            yield "class:header class:notice", f" {_of_host(name, words)} "
    if top.model.usage_limited_count:
        yield "class:header", f" {top.model.usage_limited_count} at a usage limit "
    for notice in top.model.notices:
        yield "class:header class:notice", f" ! {one_line(notice)} "


def _of_host(name: str, words: str) -> str:
    return words if name == LOCAL else f"{name}: {words}"
