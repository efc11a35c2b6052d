"""Output that several commands share: JSON lines, columns, fields, and the results of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from luzia_protocol.errors import Refused
from luzia_protocol.replies import JobChange, RemoveResult
from luzia_protocol.states import JobState

from luzia_client.cli import exit_codes
from luzia_client.cli.show.errors import print_refusal
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import cut, harmless, harmless_json, width


def print_json(value: object) -> None:
    """Print one object on one line, at once: a reader may wait for it."""
    print(harmless_json(msgspec.json.encode(value).decode()), flush=True)


def print_columns(titles: Sequence[str], rows: Sequence[Sequence[str]], screen: Screen) -> None:
    """Print a table with its titles, cut to the screen's width; a row may have fewer cells than there are titles."""
    shown = [[harmless(cell) for cell in row] for row in rows]
    widths = [
        max(width(row[column]) for row in [list(titles), *shown] if column < len(row)) for column in range(len(titles))
    ]
    for number, row in enumerate([list(titles), *shown]):
        cells = [cell + " " * (widths[column] - width(cell)) for column, cell in enumerate(row)]
        line = "  ".join(cells).rstrip()
        line = line if screen.width is None else cut(line, screen.width)
        print(screen.paint(line, "dim" if number == 0 else ""))


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair per line."""
    widest = max(len(name) for name, _ in fields)
    for name, value in fields:
        print(f"{name + ':':<{widest + 1}} {harmless(value)}")


def change_each(ids: Iterable[str], change: Callable[[str], JobChange], as_json: bool, act: str) -> int:
    """Change each job and print it; a refusal does not end the loop. Returns the exit status.

    act: what was done, as in `print_change`.
    """
    status = exit_codes.OK
    for job in ids:
        try:
            changed = change(job)
        except Refused as exc:
            status = print_refusal(exc)
            continue
        print_change(changed, as_json, act)
    return status


_UNFINISHED_ACTS = {("cancelled", JobState.STOPPING): "cancelling", ("paused", JobState.STARTING): "pausing"}
"""What to print for an act whose effect is still to come: by the act and the job's state."""


def print_change(changed: JobChange, as_json: bool, act: str) -> None:
    """Print a changed job. act: what was done to it: "removed"."""
    if as_json:
        print_json(changed)
    else:
        note = f"; {harmless(changed.note)}" if isinstance(changed, RemoveResult) and changed.note else ""
        print(f"{changed.job}  {_UNFINISHED_ACTS.get((act, changed.state), act)}{note}")
