"""What the smaller commands print: JSON lines, columns, and refusals one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from luzia_protocol.errors import Refused
from luzia_protocol.replies import Changed

from luzia_client.cli import exit_codes
from luzia_client.cli.failure import complain
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import harmless, width


def print_json(value: object) -> None:
    """One object on one line."""
    print(msgspec.json.encode(value).decode())


def print_columns(head: Sequence[str], rows: Sequence[Sequence[str]], screen: Screen) -> None:
    """A table as wide as its cells; a row may have fewer cells than the head."""
    shown = [[harmless(cell) for cell in row] for row in rows]
    widths = [
        max(width(row[column]) for row in [list(head), *shown] if column < len(row)) for column in range(len(head))
    ]
    for number, row in enumerate([list(head), *shown]):
        cells = [cell + " " * (widths[column] - width(cell)) for column, cell in enumerate(row)]
        print(screen.paint("  ".join(cells).rstrip(), "dim" if number == 0 else ""))


def print_fields(facts: Sequence[tuple[str, str]]) -> None:
    """Names and values, one pair a line."""
    widest = max(len(name) for name, _ in facts)
    for name, value in facts:
        print(f"{name + ':':<{widest + 1}} {harmless(value)}")


def change_each(ids: Sequence[str], change: Callable[[str], Changed], as_json: bool) -> int:
    """Change each job, tell what became of it, and go on after a refusal; returns the exit status."""
    status = exit_codes.OK
    for job in ids:
        try:
            changed = change(job)
        except Refused as exc:
            status = complain(exc.message, exc.hint, exit_codes.REFUSED)
            continue
        if as_json:
            print_json(changed)
        else:
            print(f"{changed.job}  {changed.state.value}")
    return status
