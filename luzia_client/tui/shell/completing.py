"""What may stand where the cursor is: by the table from which every shell completes, with what the daemon told."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, NamedTuple

from luzia_protocol.environment import is_path

from luzia_client.cli.completion.complete import DISPATCH, known_commands, offers
from luzia_client.cli.completion.engine import Line, Offers
from luzia_client.cli.show.text import harmless, one_line
from luzia_client.tui.shell.lines import OWN, PROGRAM
from luzia_client.tui.shell.offers import Known, values_of
from luzia_client.tui.shell.words import quoted, split

META_CHARS = 60


class Choice(NamedTuple):
    """text: what it puts into the line. start: from where on. shown: what it is called. meta: what it means."""

    text: str
    start: int
    shown: str
    meta: str = ""


class Files(NamedTuple):
    """The names of files that begin with `word` are wanted, which only the disk knows.

    start: where the whole word begins in the line. prefix: what stands in it before the name, and stays.
    """

    word: str
    start: int
    prefix: str = ""
    only_directories: bool = False


def choices(line: str, known: Known) -> list[Choice] | Files:
    """What may stand at the end of the line; nothing inside of quotes, where nobody can know."""
    found = split(line)
    if found.open:
        return []
    before, typed, start = found.texts, "", len(line)
    if found.in_word:
        typed, start = before.pop(), found.words[-1].start
    if before[:1] == [PROGRAM]:
        before = before[1:]
    table = _table()
    values = partial(values_of, known, frozenset(before))
    if before[:1] == ["use"]:
        return _choices(values("project", "", typed, table), start)
    first = before[0] if before else ""
    offered = offers(table, Line("", [*before, typed]), values)
    if offered.files and (first not in table["commands"] or first in DISPATCH):
        # A task: only alone, behind an @, it names a file.
        return Files(typed[1:], start, "@") if typed.startswith("@") else []
    if not before:
        offered.join(Offers(typed, OWN, directories=True))
    return _choices(offered, start)


@cache
def _table() -> dict[str, Any]:
    return known_commands()


def _choices(offered: Offers, start: int) -> list[Choice] | Files:
    if offered.files or (offered.directories and (is_path(offered.typed) or not offered.values)):
        return Files(offered.typed, start, offered.prefix, only_directories=not offered.files)
    return [
        Choice(offered.prefix + quoted(name), start, harmless(name), one_line(text, META_CHARS))
        for name, text in offered.values.items()
    ]
