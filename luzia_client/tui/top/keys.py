"""The effect of each key: the one table behind the bindings, the help screen and docs/top.md. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Key(NamedTuple):
    """keys: names of prompt_toolkit, separated by spaces. label: the same for people. action: a method of Actions."""

    keys: str
    label: str
    help: str
    action: str


GROUPS: dict[str, tuple[Key, ...]] = {
    "Move": (
        Key("up k", "↑ k", "move up one job, or one line in the transcript", "up"),
        Key("down j", "↓ j", "move down", "down"),
        Key("pageup c-b", "PgUp Ctrl-B", "move up one page", "page_up"),
        Key("pagedown c-f space", "PgDn Ctrl-F Space", "move down one page", "page_down"),
        Key("c-u", "Ctrl-U", "move up half a page", "half_page_up"),
        Key("c-d", "Ctrl-D", "move down half a page", "half_page_down"),
        Key("!", "!", "move to the next job with a question or a failure", "next_urgent"),
        Key("home g", "Home g", "move to the top", "first"),
        Key("end G", "End G", "move to the end; the transcript follows again", "last"),
        Key("tab", "Tab", "switch between the list and the transcript", "switch_pane"),
        Key("enter", "Enter", "show the transcript on the full screen, or return", "zoom"),
    ),
    "Inspect": (
        Key("/", "/", "filter the list, and find older jobs; search an open text", "filter"),
        Key("n", "n", "find the next match: up in a transcript, down in other text", "search_next"),
        Key("N", "N", "search in the opposite direction", "search_previous"),
        Key("i", "i", "show the details of the job", "show_details"),
        Key("w", "w", "show why it is waiting, or how it ended", "show_why"),
        Key("y", "y", "copy its id to the clipboard of the terminal", "copy_id"),
        Key("d", "d", "show the changes in its worktree", "show_diff"),
    ),
    "Control": (
        Key("a", "a", "answer its question", "answer"),
        Key("c", "c", "cancel it, after confirmation", "cancel"),
        Key("r", "r", "retry it, or start its next attempt now", "retry"),
        Key("R", "R", "dispatch a new job like it, after confirmation", "again"),
        Key("p", "p", "pause or resume it; hold or release a queued job", "pause"),
    ),
    "General": (
        Key("?", "?", "show all keys", "show_help"),
        Key("c-l", "Ctrl-L", "redraw the screen", "redraw"),
        Key("c-z", "Ctrl-Z", "suspend; `fg` resumes", "suspend"),
        Key("escape", "Esc", "close what is open, or clear the filter", "back"),
        Key("q c-c", "q Ctrl-C", "quit", "leave"),
    ),
}

FOOTER = "/ filter  a answer  c cancel  r retry  p pause  d diff  i info  ? keys  q quit"
TEXT_FOOTER = FOOTER.replace("/ filter", "/ search")
"""While keys move in the transcript."""

MOUSE_HELP = "Click to select a job or the transcript; use the wheel to scroll."


def iter_keys() -> Iterator[Key]:
    """The keys of all groups."""
    for keys in GROUPS.values():
        yield from keys


def format_help() -> str:
    """The help screen."""
    lines: list[str] = []
    for group, keys in GROUPS.items():
        lines += [group, *(f"  {key.label:<17} {key.help}" for key in keys), ""]
    return "\n".join([*lines, MOUSE_HELP])
