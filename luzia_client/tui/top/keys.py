"""What each key does: the one table behind the bindings, the help screen and docs/top.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Key(NamedTuple):
    """keys: as prompt_toolkit names them, with spaces between. shown: as people do. action: a method of Actions."""

    keys: str
    shown: str
    does: str
    action: str


GROUPS: dict[str, tuple[Key, ...]] = {
    "Move": (
        Key("up k", "↑ k", "one job up; in the transcript, one line", "up"),
        Key("down j", "↓ j", "one down", "down"),
        Key("pageup c-b", "PgUp Ctrl-B", "a screenful up", "page_up"),
        Key("pagedown c-f space", "PgDn Ctrl-F Space", "a screenful down", "page_down"),
        Key("home g", "Home g", "to the top", "first"),
        Key("end G", "End G", "to the end; the transcript follows again", "last"),
        Key("tab", "Tab", "move in the transcript instead of the list, and back", "other_pane"),
        Key("enter", "Enter", "the transcript on the whole screen, and back", "zoom"),
    ),
    "Look": (
        Key("/", "/", "filter as you type: id, project, agent, state, task, tags", "filter"),
        Key("i", "i", "everything about the job", "details"),
        Key("d", "d", "what it has changed in its worktree", "diff"),
    ),
    "Act": (
        Key("a", "a", "answer what its agent asks", "answer"),
        Key("c", "c", "cancel it; asks first", "cancel"),
        Key("r", "r", "retry it: run it again, or now", "retry"),
        Key("p", "p", "pause it, or resume it; hold a queued one, or release it", "pause"),
    ),
    "And": (
        Key("?", "?", "all keys", "help"),
        Key("c-l", "Ctrl-L", "draw the screen anew", "redraw"),
        Key("c-z", "Ctrl-Z", "stop for a while; `fg` goes on", "suspend"),
        Key("escape", "Esc", "leave what is open; without that, drop the filter", "back"),
        Key("q c-c", "q Ctrl-C", "leave", "leave"),
    ),
}

FOOTER = "/ filter  a answer  c cancel  r retry  p pause  d diff  i info  ? keys  q quit"
"""The line at the bottom."""

MOUSE_HELP = "A click selects a job or the transcript; the wheel moves what is under it."


def iter_keys() -> Iterator[Key]:
    """The rows of all groups."""
    for rows in GROUPS.values():
        yield from rows


def format_help() -> str:
    """The help screen."""
    lines: list[str] = []
    for group, rows in GROUPS.items():
        lines += [group, *(f"  {key.shown:<17} {key.does}" for key in rows), ""]
    return "\n".join([*lines, MOUSE_HELP])


def format_table() -> str:
    """The table in docs/top.md."""
    rows = ["| key | what it does |", "|---|---|"]
    for key in iter_keys():
        shown = ", ".join(f"`{name}`" for name in key.shown.split())
        rows.append(f"| {shown} | {key.does} |")
    return "\n".join(rows)
