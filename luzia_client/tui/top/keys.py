"""The effect of each key: the one table behind the bindings, the footer, the help screen and docs/top.md. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Flag, auto

from luzia_protocol.jobs import Job, JobState

from luzia_client.tui.fullscreen.keys import Key, KeyTable


class Where(Flag):
    """What has the keys."""

    LIST = auto()
    TRANSCRIPT = auto()
    PAGE = auto()


LIST, TEXT = Where.LIST, Where.TRANSCRIPT | Where.PAGE
JOBS = Where.LIST | Where.TRANSCRIPT
EVERYWHERE = JOBS | Where.PAGE


def _is_live(job: Job) -> bool:
    return not job.state.is_final


def _has_ended(job: Job) -> bool:
    return job.state.is_final


def _has_question(job: Job) -> bool:
    return job.question is not None


def _has_work(job: Job) -> bool:
    return job.worktree is not None


def _has_final_work(job: Job) -> bool:
    return job.worktree is not None and job.state.is_final


def _can_pause(job: Job) -> bool:
    return job.state in (JobState.QUEUED, JobState.RUNNING, JobState.PAUSED)


def one_of_each_kind(jobs: Sequence[Job]) -> list[Job]:
    """Jobs with all that the functions above ask: of thousands that are marked, a footer asks about a few."""
    if len(jobs) == 1:
        return [*jobs]
    return list({(job.state, job.question is None, job.worktree is None): job for job in jobs}.values())


GROUPS: dict[str, tuple[Key[Job], ...]] = {
    "Move": (
        Key("up k", "↑ k", "move up one job, or one line in a text", "up", EVERYWHERE),
        Key("down j", "↓ j", "move down", "down", EVERYWHERE),
        Key("pageup c-b", "PgUp Ctrl-B", "move up one page", "page_up", EVERYWHERE),
        Key("pagedown c-f", "PgDn Ctrl-F", "move down one page; Space does it in a text", "page_down", EVERYWHERE),
        Key("c-u", "Ctrl-U", "move up half a page", "half_page_up", EVERYWHERE),
        Key("c-d", "Ctrl-D", "move down half a page", "half_page_down", EVERYWHERE),
        Key("home g", "Home g", "move to the top", "first", EVERYWHERE),
        Key("end G", "End G", "move to the end; the transcript follows again", "last", EVERYWHERE),
        Key("!", "!", "move to the next job with a question or a failure", "next_urgent", JOBS),
        Key("tab", "Tab", "switch between the list and the transcript", "switch_pane", JOBS),
        Key("enter", "Enter", "show the transcript on the full screen, or return", "zoom", JOBS),
    ),
    "Arrange the list": (
        Key("/", "/", "filter the list, and find older jobs", "filter", LIST, "filter"),
        Key("o", "o", "sort the list; the same order again reverses it", "sort", LIST, "sort"),
        Key("b", "b", "group the list", "group", LIST),
        Key("f", "f", "hide finished jobs, or show them again", "hide_finished", LIST),
        Key("h", "h", "list the jobs of one host, or of all", "choose_host", LIST),
        Key("v", "v", "choose the columns", "choose_columns", LIST),
        Key("space", "Space", "mark the job: keys and commands act on all marked jobs", "mark", LIST, "mark"),
        Key("*", "*", "mark all jobs of the list, or none", "mark_all", LIST),
    ),
    "Inspect": (
        Key("i", "i", "show the details of the job", "show_details", JOBS, "info"),
        Key("w", "w", "show why it is waiting, or how it ended", "show_why", JOBS, "why"),
        Key("d", "d", "show the changes in its worktree", "show_diff", JOBS, "diff", _has_work),
        Key("y", "y", "copy its id to the clipboard of the terminal", "copy_id", JOBS),
        Key("/", "/", "search the text", "search_text", TEXT, "search"),
        Key("n", "n", "find the next match: up in a transcript, down in other text", "search_next", TEXT),
        Key("N", "N", "search in the opposite direction", "search_previous", TEXT),
        Key("space", "Space", "move down one page in the text", "page_down", TEXT),
    ),
    "Control": (
        Key("a", "a", "answer its question", "answer", JOBS, "answer", _has_question),
        Key("c", "c", "cancel it, after confirmation", "cancel", JOBS, "cancel", _is_live),
        Key("r", "r", "retry it, or start its next attempt now", "retry", JOBS, "retry", _has_ended),
        Key("R", "R", "dispatch a new job like it, after confirmation", "again", JOBS),
        Key("e", "e", "edit its task in the queue, or that of a new job like it", "edit_task", JOBS, "edit"),
        Key("p", "p", "pause or resume it; hold or release a queued job", "pause", JOBS, "pause", _can_pause),
        Key("m", "m", "merge its work, after confirmation", "merge", JOBS, "merge", _has_final_work),
        Key("D", "D", "discard its work, after confirmation", "discard", JOBS, "discard", _has_final_work),
    ),
    "Run": (
        Key(":", ":", "run a command of luzia on the job, or on the marked jobs", "command", JOBS, "command"),
        Key("n", "n", "dispatch a new task", "new_task", LIST, "new"),
        Key("s", "s", "open a shell in its directory", "open_shell", JOBS),
        Key("E", "E", "open $VISUAL or $EDITOR in its directory", "open_editor", JOBS),
    ),
    "General": (
        Key("?", "?", "show all keys", "show_help", JOBS, "keys"),
        Key("c-l", "Ctrl-L", "redraw the screen", "redraw", EVERYWHERE),
        Key("c-z", "Ctrl-Z", "suspend; `fg` resumes", "suspend", EVERYWHERE),
        Key("escape", "Esc", "close what is open, unmark all jobs, or clear the filter", "back", EVERYWHERE),
        Key("q c-c", "q Ctrl-C", "quit", "leave", EVERYWHERE, "quit"),
    ),
}

FOOTER = [
    *("answer", "filter", "search_text", "show_help", "cancel", "retry", "merge", "pause", "show_diff", "leave"),
    *("command", "mark", "new_task", "show_details", "edit_task", "sort", "show_why", "discard"),
]
"""The actions in the footer, the most useful first: the last ones are left out where there is no room."""

MOUSE_HELP = "Click to select a job or the transcript; use the wheel to scroll."

KEYS = KeyTable(GROUPS, FOOTER, MOUSE_HELP)
