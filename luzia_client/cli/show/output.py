"""Output that several commands share: JSON lines, columns, fields, and the results of changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from luzia_protocol.errors import Refused
from luzia_protocol.replies import JobChange, RemoveResult
from luzia_protocol.states import JobState

from luzia_client.api.client import Client
from luzia_client.api.pipeline import exchange_each
from luzia_client.api.requests import CLEAN_TIMEOUT_S
from luzia_client.cli import exit_codes
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.formatting import format_state
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import cut, harmless, harmless_json, width, wrap

MIN_WRAPPED_WIDTH = 20
"""The least room that is used to wrap the last column of a table."""


def print_json(value: object) -> None:
    """Print one object on one line, at once: a reader may wait for it."""
    print(harmless_json(msgspec.json.encode(value).decode()), flush=True)


def print_columns(titles: Sequence[str], rows: Sequence[Sequence[str]], screen: Screen) -> None:
    """Print a table with its titles; a row may have fewer cells than there are titles.

    On a terminal the last column is wrapped, or each row cut if there is hardly any room for it.
    """
    shown = [[harmless(cell) for cell in row] for row in rows]
    widths = [
        max(width(row[column]) for row in [list(titles), *shown] if column < len(row)) for column in range(len(titles))
    ]
    before = sum(widths[:-1]) + 2 * len(widths[:-1])
    room = None if screen.width is None else screen.width - before
    for number, row in enumerate([list(titles), *shown]):
        last = row[-1] if len(row) == len(titles) else ""
        pieces = [last] if room is None or room < MIN_WRAPPED_WIDTH else wrap(last, room)
        cells = [cell + " " * (widths[column] - width(cell)) for column, cell in enumerate(row[: len(titles) - 1])]
        lines = ["  ".join([*cells, pieces[0]]).rstrip(), *(" " * before + piece for piece in pieces[1:])]
        for line in lines:
            print(screen.paint(line if screen.width is None else cut(line, screen.width), "dim" if number == 0 else ""))


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair per line."""
    widest = max(len(name) for name, _ in fields)
    for name, value in fields:
        print(f"{name + ':':<{widest + 1}} {harmless(value)}")


def change_each(
    client: Client,
    requests: Iterable[msgspec.Struct],
    as_json: bool,
    act: str,
    reply: type[JobChange] = JobChange,
) -> int:
    """Send requests that change one job each, and print every change; a refusal ends nothing. Returns the exit status.

    act: what was done, as in `print_change`. reply: what answers the requests.
    """
    status = exit_codes.OK
    hints = set[str]()
    client.disconnect()
    for changed in exchange_each(client.socket, requests, reply, CLEAN_TIMEOUT_S):
        if isinstance(changed, Refused):
            status = print_refusal(changed, printed=hints)
        else:
            print_change(changed, as_json, act)
    return status


_UNFINISHED_ACTS = {("cancelled", JobState.STOPPING): "cancelling", ("paused", JobState.STARTING): "pausing"}
"""What to print for an act whose effect is still to come: by the act and the job's state."""


_UNCHANGED = {"paused": "already paused", "held": "already held", "resumed": "not paused", "released": "not held"}
"""What to print for an act that has changed nothing, before the job's state."""


def print_change(changed: JobChange, as_json: bool, act: str) -> None:
    """Print a changed job. act: what was done to it: "removed"."""
    if as_json:
        print_json(changed)
    else:
        note = f"; {harmless(changed.note)}" if isinstance(changed, RemoveResult) and changed.note else ""
        if changed.changed is False and act in _UNCHANGED:
            print(f"{changed.job}  {_UNCHANGED[act]} ({format_state(changed.state)})")
            return
        print(f"{changed.job}  {_UNFINISHED_ACTS.get((act, changed.state), act)}{note}")
