"""A table of keys, and what is made of it: the footer, the help screen, and the tables of the documentation. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Flag
from typing import Generic, NamedTuple, TypeVar

Subject = TypeVar("Subject")
"""What the keys of a screen act on, such as a job."""

GAP = "  "


class Key(NamedTuple, Generic[Subject]):
    """keys: names of prompt_toolkit, separated by spaces. label: the same for people. action: what it does.

    where: what must have the keys. short: what the footer says, empty to leave it out. applies: whether the key has an
    effect on a subject, for the footer; None if it needs none.
    """

    keys: str
    label: str
    help: str
    action: str
    where: Flag
    short: str = ""
    applies: Callable[[Subject], bool] | None = None


class KeyTable(Generic[Subject]):
    """The keys of a screen in groups.

    footer: the actions in the footer, the most useful first. mouse: what the mouse does, the last line of the help.
    """

    def __init__(self, groups: Mapping[str, Sequence[Key[Subject]]], footer: Sequence[str], mouse: str) -> None:
        self._groups = groups
        self._mouse = mouse
        self._in_footer = sorted((key for key in self if key.short), key=lambda key: footer.index(key.action))

    def __iter__(self) -> Iterator[Key[Subject]]:
        """The keys of all groups."""
        for keys in self._groups.values():
            yield from keys

    def format_footer(self, where: Flag, subjects: Sequence[Subject], columns: int) -> str:
        """The keys that have an effect now; the last ones are left out where there is no room."""
        shown: list[str] = []
        for key in self._in_footer:
            text = f"{key.label.partition(' ')[0]} {key.short}"
            if where in key.where and (key.applies is None or any(map(key.applies, subjects))):
                if len(GAP.join([*shown, text])) > columns:
                    break
                shown.append(text)
        return GAP.join(shown)

    def format_help(self) -> str:
        """The help screen."""
        lines: list[str] = []
        for group, keys in self._groups.items():
            lines += [group, *(f"  {key.label:<13} {key.help}" for key in keys), ""]
        return "\n".join([*lines, self._mouse])

    def format_tables(self) -> str:
        """One table for each group, in Markdown."""
        lines: list[str] = []
        for group, keys in self._groups.items():
            lines += [f"### {group}", "", "| key | effect |", "|---|---|"]
            lines += [f"| {', '.join(f'`{word}`' for word in key.label.split())} | {key.help} |" for key in keys]
            lines.append("")
        return "\n".join(lines)
