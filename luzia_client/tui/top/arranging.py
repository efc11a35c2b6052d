"""The keys that arrange the list: filter, order, groups, columns, and marks. What is chosen is kept in a file."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from prompt_toolkit.completion import WordCompleter

from luzia_client.cli.args.errors import UsageError
from luzia_client.tui.fullscreen.context import describe
from luzia_client.tui.ordering import GROUPS, SORTS, Arrangement
from luzia_client.tui.top.columns import NAMES, default_names, parse_names
from luzia_client.tui.top.context import Context
from luzia_client.tui.top.preferences import Preferences, save_preferences


class Arranging:
    """Each method is the effect of a key that has its name in keys.py."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._top = context.top

    def sort(self) -> None:
        """Ask for an order; the present one is reversed."""
        self._choose("Sort by", list(SORTS), self._sort_by)

    def _sort_by(self, name: str) -> None:
        now = self._top.model.arrangement
        reverse = not now.reverse if name == now.sort else False
        self._arrange(msgspec.structs.replace(now, sort=name, reverse=reverse))
        self._context.say(f"sorted by {name}{', reversed' if reverse else ''}")

    def group(self) -> None:
        """Ask for what to group by."""
        names = [name or "none" for name in GROUPS if name != "host" or self._top.has_others]
        self._choose("Group by", names, self._group_by)

    def _group_by(self, name: str) -> None:
        group = "" if name == "none" else name
        self._arrange(msgspec.structs.replace(self._top.model.arrangement, group=group))

    def choose_host(self) -> None:
        """Ask whose jobs are listed."""
        if self._top.has_others:
            completer = WordCompleter(list(self._top.hosts), WORD=True)
            self._context.edit("Host (empty: all): ", self._show_host, completer=completer)
        else:
            self._context.say("no other host is configured: `luzia hosts add NAME DESTINATION` adds one")

    def _show_host(self, text: str) -> None:
        name = text.strip()
        if name and name not in self._top.hosts:
            self._context.say(f"no host '{name}' is in the list. Hosts: {', '.join(self._top.hosts)}.")
            return
        self._top.model.set_host(name)
        self._top.cursor.select_first()
        self._context.changed()

    def _choose(self, label: str, names: list[str], choose: Callable[[str], None]) -> None:
        keys = choice_keys(names)
        shown = "  ".join(f"{key} {name}" for key, name in keys.items())
        self._context.ask(f"{label}: {shown}", {key: lambda name=name: choose(name) for key, name in keys.items()})  # type: ignore[misc]

    def hide_finished(self) -> None:
        """Hide finished jobs, or show them again."""
        now = self._top.model.arrangement
        self._arrange(msgspec.structs.replace(now, hide_finished=not now.hide_finished))

    def choose_columns(self) -> None:
        """Ask for the names of the columns."""
        names = self._top.columns or self._default_names()
        completer = WordCompleter(NAMES, WORD=True)
        self._context.edit("Columns (empty: default): ", self._show_columns, text=" ".join(names), completer=completer)

    def _show_columns(self, text: str) -> None:
        try:
            names = parse_names(text)
        except UsageError as exc:
            self._context.say(describe(exc))
            return
        self._top.columns = [] if names == self._default_names() else names
        self._save()

    def _default_names(self) -> list[str]:
        return default_names(self._context.screen(), several_hosts=self._top.has_others)

    def mark(self) -> None:
        """Mark the selected job or unmark it, and select the next one."""
        if (job := self._context.job()) is not None:
            self._top.marks ^= {job.id}
            self._top.cursor.move(1)

    def mark_all(self) -> None:
        """Mark all jobs of the list; unmark all if they are marked."""
        listed = {key.id for key in self._top.model.rows}
        if listed <= self._top.marks:
            self._top.marks -= listed
        else:
            self._top.marks |= listed
        self._top.cursor.keep_job()

    def _arrange(self, arrangement: Arrangement) -> None:
        self._top.model.arrange(arrangement)
        self._save()

    def _save(self) -> None:
        try:
            save_preferences(Preferences(self._top.columns, self._top.model.arrangement))
        except OSError as exc:
            self._context.say(f"cannot keep this for the next start: {exc.filename}: {exc.strerror}")


def choice_keys(names: list[str]) -> dict[str, str]:
    """A key for each name: its first letter that no earlier name has."""
    keys: dict[str, str] = {}
    for name in names:
        keys[next(letter for letter in name if letter not in keys)] = name
    return keys
