"""The rows of the whole screen: a header, the job with its summary, its changes, the list of jobs, and the footer."""

from __future__ import annotations

from luzia_protocol.jobs import Job

from luzia_client.cli.show.activity import format_cost
from luzia_client.cli.show.collisions import describe_collisions
from luzia_client.cli.show.formatting import format_agent, format_duration, format_state
from luzia_client.cli.show.screen import Screen
from luzia_client.cli.show.text import format_quantity, harmless, one_line, wrap
from luzia_client.tui.fullscreen.rows import EMPTY, compose_page, message_rows
from luzia_client.tui.fullscreen.text_view import Fragments, fit
from luzia_client.tui.review.diff_rows import DiffPainter
from luzia_client.tui.review.entry import Entry
from luzia_client.tui.review.keys import DIFF, KEYS
from luzia_client.tui.review.state import Layout, ReviewState

LOW_ROWS = 16
"""A screen with fewer rows shows the task without the summary."""
HIGH_ROWS = 36
SUMMARY_ROWS = 3
MANY_SUMMARY_ROWS = 6
FAILURE_ROWS = 3
PAGE_KEYS = "Esc close  ↑↓ PgUp PgDn Home End move"
MESSAGE_ROWS = 3


def compose_screen(state: ReviewState, screen: Screen, painter: DiffPainter) -> list[Fragments]:
    """All rows of the screen."""
    columns, rows = screen.width or 80, screen.height
    state.columns = columns
    if state.page is not None:
        return compose_page(state, columns, rows, PAGE_KEYS, _most_message_rows(rows))
    header = [_header(state, columns)]
    if alert := _alert(state):
        header.append(fit([("class:alert", alert)], columns))
    footer = [] if state.typing else _footer(state, columns, rows)
    below = rows - len(header) - len(footer)
    side = state.sidebar
    room = columns - side - (1 if side else 0)
    above = _about(state, room, rows)[: max(below - 1, 0)]
    state.layout = Layout(len(header), len(header) + len(above), side, max(below - len(above), 0))
    body = [*above, *_changes(state, painter, room, state.layout.diff_rows)]
    body += [EMPTY] * (below - len(body))
    if side:
        bar = "│" if screen.blocks else "|"
        listed = _sidebar(state, side, below)
        body = [[*left, ("class:dim", bar), *right] for left, right in zip(listed, body, strict=False)]
    return [*header, *body[: max(below, 0)], *footer][:rows]


def _header(state: ReviewState, columns: int) -> Fragments:
    waiting = state.waiting
    count = len(waiting)
    words = [f"{waiting.place + 1} of {count}" if count else "no jobs wait"]
    words.append(str(waiting.order))
    if waiting.later:
        words.append(f"{waiting.later} later")
    if waiting.decided:
        words.append(f"{waiting.decided} decided")
    return fit([("class:header", f" luzia review  {' · '.join(words)}")], columns)


def _alert(state: ReviewState) -> str:
    """What is not as usual: no daemon, or decisions that are being carried out."""
    if state.connection.connection_error:
        return one_line(state.connection.connection_error, 1000)
    return " · ".join(f"{entry.busy} {entry.job.id}" for entry in state.waiting.busy)


def _about(state: ReviewState, columns: int, rows: int) -> list[Fragments]:
    """The job, its task, the agent's summary, and why the last decision was not carried out, or what will conflict."""
    entry = state.entry
    if entry is None:
        return []
    job = entry.job
    about: list[Fragments] = [fit([("class:dim", _facts(entry))], columns)]
    about.append(fit([("bold", one_line(job.task, 1000))], columns))
    if rows >= LOW_ROWS:
        most = MANY_SUMMARY_ROWS if rows >= HIGH_ROWS else SUMMARY_ROWS
        about += [fit([("", line)], columns) for line in _summary(job, columns, most)]
    trouble = entry.failure
    if not trouble and entry.work is not None and entry.work.conflicts:
        trouble = f"Conflicts with {entry.work.onto}: {', '.join(entry.work.conflicts)}"
    if not trouble and (planned := state.waiting.planned_conflict) is not None:
        trouble = f"Will conflict with {', '.join(planned.with_jobs) or planned.onto}: {', '.join(planned.conflicts)}"
    if not trouble:
        trouble = " · ".join(describe_collisions(job))
    if trouble:
        lines = wrap(one_line(trouble, 2000), columns)[: FAILURE_ROWS if rows >= LOW_ROWS else 1]
        about += [fit([("class:failed", line)], columns) for line in lines]
    about.append(fit([("class:heading", _heading(entry))], columns))
    return about


def _facts(entry: Entry) -> str:
    """`113754-a2f5 · overbits · Claude Code · completed · 12m 3s · $0.31 · verify succeeded`."""
    job = entry.job
    words = [
        job.id,
        one_line(job.project),
        format_agent(job.agent),
        format_state(job.state),
        "" if job.duration_s is None else format_duration(job.duration_s),
        "" if job.activity is None else f"cost {format_cost(job.activity)}",
        "" if entry.work is None else entry.work.verdict,
    ]
    return " · ".join(word for word in words if word)


def _summary(job: Job, columns: int, most: int) -> list[str]:
    """The agent's last message, or the reason of a failure, in at most `most` lines."""
    text = (job.activity.last_message if job.activity else None) or job.reason or ""
    lines: list[str] = []
    for line in text.split("\n"):
        if line.strip():
            lines += wrap(harmless(line.expandtabs(4).rstrip()), columns)
        if len(lines) > most:
            return [*lines[: most - 1], f"{lines[most - 1][: columns - 12]}… (i: all)"]
    return lines


def _heading(entry: Entry) -> str:
    work = entry.work
    if work is None:
        return f" {entry.problem or 'reading the changes…'}"
    added, deleted = (sum(getattr(file, name) or 0 for file in work.files) for name in ("added", "deleted"))
    words = [f"{format_quantity(len(work.files), 'file')} +{added:,} −{deleted:,}"]
    words.append(f"{work.branch} → {work.onto or 'no branch'}")
    if entry.marks:
        words.append(f"{len(entry.marks)} marked")
    if entry.comments:
        words.append(format_quantity(len(entry.comments), "comment"))
    return " " + harmless(" · ".join(words))


def _changes(state: ReviewState, painter: DiffPainter, columns: int, rows: int) -> list[Fragments]:
    entry = state.entry
    if entry is None:
        words = "Reading the jobs…" if state.connection.loading else "No finished work waits for a decision."
        return [] if state.connection.connection_error else [fit([("class:dim", words)], columns)]
    if entry.work is None:
        return (
            [fit([("class:failed", line)], columns) for line in wrap(entry.problem, columns)] if entry.problem else []
        )
    return painter.paint(entry, columns, rows, side_by_side=state.side_by_side)


def _sidebar(state: ReviewState, columns: int, rows: int) -> list[Fragments]:
    """The jobs that wait; the current one is always among those that are shown."""
    entries, place = state.waiting.entries, state.waiting.place
    first = max(min(place - rows // 2, len(entries) - rows), 0)
    state.sidebar_first = first
    shown: list[Fragments] = []
    for number, entry in enumerate(entries[first : first + rows], first):
        style = "class:selected" if number == place else "class:later" if entry.put_off else ""
        sign = "!" if entry.failure else "~" if entry.put_off else " "
        shown.append(fit([(style, f"{sign}{entry.job.id[-4:]} {one_line(entry.job.task)}")], columns))
    return shown + [fit([("", "")], columns)] * (rows - len(shown))


def _footer(state: ReviewState, columns: int, rows: int) -> list[Fragments]:
    shown = [] if state.entry is None else [state.entry]
    keys = fit([("class:keys", KEYS.format_footer(DIFF, shown, columns))], columns)
    return message_rows(state, columns, _most_message_rows(rows)) or [keys]


def _most_message_rows(rows: int) -> int:
    return MESSAGE_ROWS if rows >= LOW_ROWS else 1
