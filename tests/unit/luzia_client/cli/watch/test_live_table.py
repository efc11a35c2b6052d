from __future__ import annotations

import io
import os
import pty
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TextIO

import msgspec
import pytest

from luzia_protocol.events import Held, Released
from luzia_protocol.jobs import JobState, Progress

from luzia_client.cli.show.painter import Painter
from luzia_client.cli.show.screen import Screen, detect_screen
from luzia_client.cli.show.text import width
from luzia_client.cli.watch.live_table import compose_frame, select_jobs
from luzia_client.cli.watch.watch_jobs import describe_end, describe_results, format_change, format_header
from luzia_client.cli.watch.watched_jobs import WatchedJobs
from unit.luzia_client.cli.conftest import MakeJob


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """A terminal, as the program that writes to it has it."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        yield stream
    os.close(ours)


@pytest.mark.parametrize("rows", [3, 10, 24])
def test_the_picture_fits_the_terminal(make_job: MakeJob, now: datetime, rows: int) -> None:
    board = WatchedJobs(make_job(JobState.QUEUED, id=f"120000-{n:04x}", seq=n + 1) for n in range(100))
    lines = compose_frame(board, now, Screen(width=80, height=rows, live=True))
    assert len(lines) <= rows - 1
    assert all(width(line) <= 80 for line in lines)
    assert rows < 5 or any("more" in line for line in lines)
    assert lines[-1].startswith("Running: 0  Pending: 100")


def test_what_runs_is_shown_before_what_waits(make_job: MakeJob) -> None:
    board = WatchedJobs(make_job(JobState.QUEUED, id=f"120000-{n:04x}", seq=n + 1) for n in range(100))
    board.put(make_job(JobState.RUNNING, id="130000-0000", seq=200))
    shown, hidden = select_jobs(board, 5)
    assert "130000-0000" in [job.id for job in shown]
    assert hidden == 96


def test_ended_jobs_do_not_crowd_out_what_is_to_come(make_job: MakeJob) -> None:
    board = WatchedJobs(make_job(JobState.COMPLETED, id=f"120000-{n:04x}", seq=n + 1) for n in range(100))
    board.put(make_job(JobState.QUEUED, id="130000-0000", seq=200))
    shown, _ = select_jobs(board, 8)
    assert "130000-0000" in [job.id for job in shown]


def test_at_every_redraw_what_asks_is_above_what_runs_and_what_waits(make_job: MakeJob, now: datetime) -> None:
    """A job that begins to ask, or to run, later than the others moves to its place."""

    def put(number: int, state: JobState, seq: int) -> None:
        at = now + timedelta(minutes=number)
        board.put(msgspec.structs.replace(make_job(state, id=f"12000{number}-0000", seq=seq), created_at=at))

    def order() -> str:
        lines = compose_frame(board, now, Screen(width=80, height=24, live=True))
        return "".join(line[5] for line in lines if line.startswith("12000"))

    board = WatchedJobs()
    states = [JobState.QUEUED, JobState.RUNNING, JobState.COMPLETED, JobState.RUNNING, JobState.QUEUED]
    for number, state in enumerate(states, 1):
        put(number, state, number)
    assert order() == "42153"
    put(2, JobState.WAITING, 10)
    assert order() == "24153"
    put(5, JobState.STARTING, 11)
    assert order() == "25413"
    put(2, JobState.CANCELLED, 12)
    assert order()[:3] == "541"


def test_held_jobs_come_after_those_that_will_start_and_are_counted_apart(make_job: MakeJob, now: datetime) -> None:
    board = WatchedJobs()
    for number in (1, 2, 3):
        at = now + timedelta(minutes=number)
        job = make_job(JobState.QUEUED, id=f"12000{number}-0000", seq=number)
        board.put(msgspec.structs.replace(job, created_at=at))

    def frame() -> tuple[str, str]:
        lines = compose_frame(board, now, Screen(width=80, height=24, live=True))
        return "".join(line[5] for line in lines if line.startswith("12000")), lines[-1]

    board.apply(Held(seq=10, at=now, job="120001-0000", project="overbits", state=JobState.QUEUED))
    order, summary = frame()
    assert order == "231"
    assert summary.startswith("Running: 0  Pending: 2  ")
    assert summary.endswith("  Held: 1")
    board.apply(Released(seq=11, at=now, job="120001-0000", project="overbits", state=JobState.QUEUED))
    assert frame()[0] == "123"
    assert "Held" not in frame()[1]


def test_a_change_on_a_pipe_is_one_line(make_job: MakeJob) -> None:
    line = format_change(make_job(progress=Progress(percent=60, label="tests")), Screen())
    assert line == "113754-a2f5 overbits running [██████░░░░] 60% tests"


def test_the_end_of_the_only_job_has_a_bar_on_a_pipe_too(make_job: MakeJob) -> None:
    def line(state: JobState, percent: int | None, reason: str | None = None) -> str:
        progress = None if percent is None else Progress(percent=percent, label="tests")
        return format_change(make_job(state, progress=progress, reason=reason), Screen(), single=True)

    assert line(JobState.RUNNING, 30) == "113754-a2f5 overbits running [███░░░░░░░] 30% tests"
    assert line(JobState.COMPLETED, None) == "113754-a2f5 overbits completed [██████████] 100%"
    assert line(JobState.COMPLETED, 100) == "113754-a2f5 overbits completed [██████████] 100%"
    assert line(JobState.FAILED, 30, "exit code 3") == "113754-a2f5 overbits failed: exit code 3 [███░░░░░░░] 30%"
    assert line(JobState.FAILED, None, "exit code 3") == "113754-a2f5 overbits failed: exit code 3"


@pytest.mark.parametrize("columns", [24, 40, 80, 200])
@pytest.mark.parametrize("percent", [0, 30, 99])
def test_the_bar_of_the_only_job_fits_the_width(make_job: MakeJob, now: datetime, columns: int, percent: int) -> None:
    job = make_job(JobState.RUNNING, progress=Progress(percent=percent, label="a rather long label of the tests"))
    lines = compose_frame(WatchedJobs([job]), now, Screen(width=columns, height=24, live=True), single=True)
    assert columns - 1 <= width(lines[-1]) + len(" 100%") - len(f" {percent:>2}%") <= columns
    assert re.match(r"running \[█*░+\] +\d+%", lines[-1])
    assert all(width(line) <= columns for line in lines)
    ended = msgspec.structs.replace(job, state=JobState.COMPLETED)
    (last,) = describe_end(WatchedJobs([ended]), Screen(width=columns))
    assert re.fullmatch(r"completed \[█+\] 100%", last)
    assert width(last) == columns


def test_the_header_names_each_watched_job() -> None:
    assert format_header(["113754-a2f5"]) == "Monitoring job: 113754-a2f5"
    assert format_header(["113754-a2f5", "113755-17c0"]) == "Monitoring jobs: 113754-a2f5, 113755-17c0"


def test_the_end_tells_counts_durations_and_failures(make_job: MakeJob) -> None:
    board = WatchedJobs(
        [
            make_job(JobState.COMPLETED, id="120000-0001", seq=1, started=50, ended=40),
            make_job(JobState.FAILED, id="120000-0002", seq=2, started=50, ended=30, reason="exit code 3"),
        ]
    )
    lines = describe_results(board, Screen(width=80), table=True)
    assert lines[-3:] == [
        "Task Summary:",
        "  Running: 0  Pending: 0  Completed: 1  Failed: 1  Cancelled: 0  in 1m10s",
        "  ✗ 120000-0002 failed: exit code 3  (luzia logs 120000-0002)",
    ]
    assert any("120000-0001" in line and "10s" in line for line in lines)


def test_the_painter_gives_the_terminal_back_whatever_happens() -> None:
    terminal = io.StringIO()

    def interrupted() -> None:
        with Painter(terminal, None) as painter:
            painter.draw(["one", "two"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert terminal.getvalue().startswith("\x1b[?25l\x1b[?7l")
    assert terminal.getvalue().endswith("\x1b[?7h\x1b[?25h")


def test_the_painter_goes_up_over_its_own_lines_and_clears_nothing_else() -> None:
    terminal = io.StringIO()
    with Painter(terminal, None) as painter:
        painter.draw(["one", "two"])
        before = len(terminal.getvalue())
        painter.draw(["one", "2"])
        said = terminal.getvalue()[before:]
        painter.draw(["one", "2"])
        assert terminal.getvalue()[before:] == said
    assert said.startswith("\x1b[2A\r\rone\x1b[K")
    assert "\x1b[2J" not in said
    assert "\x1b[3J" not in said


def test_keys_are_not_echoed_into_the_picture_and_are_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    import termios

    ours, theirs = pty.openpty()
    # Whether this process is in the foreground of that terminal is not what is tested here.
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
    try:
        with Painter(io.StringIO(), theirs):
            assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        assert termios.tcgetattr(theirs)[3] & termios.ECHO
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    ("variables", "colour", "live"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_the_environment_decides_on_colour(
    terminal: TextIO,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    colour: bool,
    live: bool,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    screen = detect_screen(terminal)
    assert (screen.colour, screen.live) == (colour, live)


def test_a_pipe_is_no_screen() -> None:
    with os.fdopen(os.memfd_create("out"), "w", encoding="utf-8") as stream:
        screen = detect_screen(stream)
    assert (screen.width, screen.colour, screen.live, screen.blocks) == (None, False, False, True)


def test_an_encoding_without_block_characters_is_noticed() -> None:
    with os.fdopen(os.memfd_create("out"), "w", encoding="latin-1") as stream:
        assert not detect_screen(stream).blocks
