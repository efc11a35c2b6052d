"""What may stand where the cursor is: by the table from which every shell completes, with what the daemon told."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, NamedTuple

from luzia_protocol.caller import is_path

from luzia_client.cli.completion.complete import DISPATCH_COMMANDS, complete_word, load_commands
from luzia_client.cli.completion.engine import Candidates, Line
from luzia_client.cli.show.text import harmless, one_line
from luzia_client.tui.shell.line_parser import BUILTINS, PROGRAM
from luzia_client.tui.shell.offers import KnownNames, complete_value
from luzia_client.tui.shell.quoting import quote_word, split

META_CHARS = 60


class Candidate(NamedTuple):
    """text: what it puts into the line. start: from where on. shown: what it is called. meta: what it means."""

    text: str
    start: int
    shown: str
    meta: str = ""


class FileQuery(NamedTuple):
    """The names of files that begin with `word` are wanted, which only the disk knows.

    start: where the whole word begins in the line. prefix: what stands in it before the name, and stays.
    """

    word: str
    start: int
    prefix: str = ""
    only_directories: bool = False


def find_candidates(line: str, known: KnownNames) -> list[Candidate] | FileQuery:
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
    values = partial(complete_value, known, frozenset(before))
    if before[:1] == ["use"]:
        return _to_candidates(values("project", "", typed, table), start)
    first = before[0] if before else ""
    offered = complete_word(table, Line("", [*before, typed]), values)
    if offered.files and (first not in table["commands"] or first in DISPATCH_COMMANDS):
        # A task: only alone, behind an @, it names a file.
        return FileQuery(typed[1:], start, "@") if typed.startswith("@") else []
    if not before:
        offered.merge(Candidates(typed, BUILTINS, directories=True))
    return _to_candidates(offered, start)


@cache
def _table() -> dict[str, Any]:
    return load_commands()


def _to_candidates(offered: Candidates, start: int) -> list[Candidate] | FileQuery:
    if offered.files or (offered.directories and (is_path(offered.typed) or not offered.values)):
        return FileQuery(offered.typed, start, offered.prefix, only_directories=not offered.files)
    return [
        Candidate(offered.prefix + quote_word(name), start, harmless(name), one_line(text, META_CHARS))
        for name, text in offered.values.items()
    ]
