"""The effect of each key: the one table behind the bindings, the footer, the help screen and docs/review.md. Pure."""

from __future__ import annotations

from enum import Flag, auto

from luzia_client.tui.fullscreen.keys import Key, KeyTable
from luzia_client.tui.review.changes import Kind, Row
from luzia_client.tui.review.entry import Entry


class Where(Flag):
    """What has the keys."""

    DIFF = auto()
    PAGE = auto()


DIFF, EVERYWHERE = Where.DIFF, Where.DIFF | Where.PAGE


def _any(entry: Entry) -> bool:
    return True


def _has_changes(entry: Entry) -> bool:
    return entry.work is not None and bool(entry.work.files)


def _row(entry: Entry) -> Row | None:
    return entry.view.row


def _on_part(entry: Entry) -> bool:
    return (row := _row(entry)) is not None and row.kind is not Kind.COMMENT


def _on_line(entry: Entry) -> bool:
    return (row := _row(entry)) is not None and row.kind in (Kind.LINE, Kind.COMMENT)


def _on_comment(entry: Entry) -> bool:
    return (row := _row(entry)) is not None and row.kind is Kind.COMMENT


def _has_session(entry: Entry) -> bool:
    return entry.job.activity is not None and entry.job.activity.session is not None


def _conflicts(entry: Entry) -> bool:
    return entry.work is not None and bool(entry.work.conflicts)


GROUPS: dict[str, tuple[Key[Entry], ...]] = {
    "Decide": (
        Key(
            "a",
            "a",
            "accept: merge all of its work, or the marked changes, after `verify`",
            "accept",
            DIFF,
            "accept",
            _has_changes,
        ),
        Key("P", "P", "open a pull request for all of its work, with `gh` or `glab`", "open_pull_request", DIFF),
        Key(
            "s",
            "s",
            "send it back with a message and the comments on its lines",
            "send_back",
            DIFF,
            "send back",
            _has_session,
        ),
        Key("D", "D", "discard its work, after confirmation", "discard", DIFF, "discard", _any),
        Key("v", "v", "run `verify` on the result of a merge", "verify", DIFF),
        Key("l", "l", "later: move this job to the end and show the next one", "put_off", DIFF, "later", _any),
        Key("u", "u", 'undo the last discard or "later"', "undo", DIFF),
        Key(
            "C",
            "C",
            "ask the agent to resolve the conflict in its worktree",
            "send_conflict",
            DIFF,
            "conflict to agent",
            _conflicts,
        ),
    ),
    "Mark and comment": (
        Key(
            "space",
            "Space",
            "mark the hunk or the file: only what is marked is accepted",
            "mark",
            DIFF,
            "mark",
            _on_part,
        ),
        Key("c", "c", "write or edit a comment on the line", "comment", DIFF, "comment", _on_line),
        Key("x", "x", "delete the comment", "delete_comment", DIFF, "delete", _on_comment),
    ),
    "Move": (
        Key("n", "n", "show the next job", "next_job", DIFF, "next", _any),
        Key("p", "p", "show the previous job", "previous_job", DIFF),
        Key("tab", "Tab", "move to the next file", "next_file", DIFF),
        Key("s-tab", "Shift-Tab", "move to the previous file", "previous_file", DIFF),
        Key("]", "]", "move to the next hunk", "next_hunk", DIFF),
        Key("[", "[", "move to the previous hunk", "previous_hunk", DIFF),
        Key("up k", "↑ k", "move up one line", "up", EVERYWHERE),
        Key("down j", "↓ j", "move down one line", "down", EVERYWHERE),
        Key("left h", "← h", "scroll left", "show_left", DIFF),
        Key("right", "→", "scroll right", "show_right", DIFF),
        Key("pageup c-b", "PgUp Ctrl-B", "move up one page", "page_up", EVERYWHERE),
        Key("pagedown c-f", "PgDn Ctrl-F", "move down one page", "page_down", EVERYWHERE),
        Key("c-u", "Ctrl-U", "move up half a page", "half_page_up", EVERYWHERE),
        Key("c-d", "Ctrl-D", "move down half a page", "half_page_down", EVERYWHERE),
        Key("home g", "Home g", "move to the top", "first", EVERYWHERE),
        Key("end G", "End G", "move to the end", "last", EVERYWHERE),
        Key("/", "/", "search the changes", "search", DIFF),
        Key("N", "N", "find the next match", "search_next", DIFF),
    ),
    "Show": (
        Key("enter", "Enter", "fold or unfold the file or the hunk", "fold", DIFF, "fold", _any),
        Key("z", "z", "fold or unfold all files", "fold_all", DIFF),
        Key("t", "t", "switch between side-by-side and single-column view", "toggle_sides", DIFF),
        Key("i", "i", "show the task and the agent's whole summary", "show_details", DIFF, "info", _any),
        Key("o", "o", "change the order: oldest first, by project, or in merge order", "change_order", DIFF),
        Key("r", "r", "reload the changes", "reload", DIFF),
    ),
    "Open": (
        Key("e", "e", "open the file in $VISUAL or $EDITOR", "open_editor", DIFF, "edit", _any),
        Key("d", "d", "show the file with `git difftool`", "open_difftool", DIFF),
    ),
    "General": (
        Key("?", "?", "show all keys", "show_help", DIFF, "keys"),
        Key("c-l", "Ctrl-L", "redraw the screen", "redraw", EVERYWHERE),
        Key("c-z", "Ctrl-Z", "suspend; `fg` resumes", "suspend", EVERYWHERE),
        Key("escape", "Esc", "close what is open, or clear all marks", "back", EVERYWHERE),
        Key("q c-c", "q Ctrl-C", "quit", "leave", EVERYWHERE, "quit"),
    ),
}

FOOTER = [
    *("send_conflict", "delete_comment", "accept", "send_back", "discard", "put_off", "show_help", "comment", "mark"),
    *("next_job", "fold", "leave", "show_details", "open_editor"),
]
"""The actions in the footer, the most useful first: the last ones are left out where there is no room."""

MOUSE_HELP = "Click a line to select it, or a job to show it; use the wheel to scroll."

KEYS = KeyTable(GROUPS, FOOTER, MOUSE_HELP)
