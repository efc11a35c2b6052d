"""`luzia jobs --watch` on real terminals of all kinds, and without one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from luzia_protocol.jobs import JobState

from luzia_client.api.client import Client
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until
from terminal import Terminal, terminal

STOP, RESUME_PROMPT = "\x13", "\x11"
"""Ctrl-S, after which a terminal takes nothing more, and Ctrl-Q."""


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        Path(luzia.env["LUZIA_CONFIG"]).write_text("[daemon]\nmax_running = 3\n")
        luzia.client()
        yield luzia


def watching(luzia: PrivateLuzia, *words: str, term: str = "xterm-256color") -> AbstractContextManager[Terminal]:
    """A terminal in which jobs are watched."""
    return terminal(luzia.command("jobs", "--watch", *words), luzia.env, luzia.project, term=term)


def waits(luzia: PrivateLuzia, name: str, then: str = "true", words: str = "") -> str:
    """A job that waits for a file in the project; returns its id."""
    task = f": {words}; until [ -e {name} ]; do sleep 0.02; done; {then}"
    return asking(luzia).dispatch(luzia.project, task, agent="shell").job


def asking(luzia: PrivateLuzia) -> Client:
    """A client of the daemon that runs."""
    return Client(luzia.socket, autostart=False)


def go(luzia: PrivateLuzia, name: str = "go") -> None:
    Path(luzia.project, name).touch()


def runs(luzia: PrivateLuzia, job: str) -> None:
    until(lambda: asking(luzia).get_job(job).state is JobState.RUNNING, f"{job} runs")


def test_each_job_has_one_line_with_its_bar_whatever_its_task_is_written_in(luzia: PrivateLuzia) -> None:
    tasks = ["修复登录按钮" * 9, "🚀👩 ship it 🚀" * 9, "תקן את הכפתור إصلاح الزر" * 9]
    jobs = [waits(luzia, "go", words=f"'{task}'") for task in tasks]
    for job in jobs:
        runs(luzia, job)
    with watching(luzia) as screen:
        for percent, job in zip((30, 60, 99), jobs, strict=True):
            asking(luzia).report_progress(job, percent=percent)
            screen.shows(f"{percent}%")
        rows = [next(line for line in screen.lines if line.startswith(job)) for job in jobs]
        for row, said in zip(rows, ("[███░░░░░░░] 30%", "[██████░░░░] 60%", "[█████████░] 99%"), strict=True):
            assert f"running {said}" in row
            assert row.endswith("…")
        go(luzia)
        assert screen.ended() == 0
        assert screen.is_as_before()


def test_more_jobs_than_rows_are_counted_and_what_runs_is_shown(luzia: PrivateLuzia) -> None:
    jobs = [waits(luzia, "go") for _ in range(40)]
    for job in jobs[:3]:
        runs(luzia, job)
    with watching(luzia) as screen:
        screen.shows("Running: 3  Pending: 37", "… and 21 more", *jobs[:3])
        screen.resize(50, 10)
        asking(luzia).cancel(jobs[-1])
        screen.shows("Running: 3  Pending: 36", "… and 35 more", *jobs[:3])
        screen.press("ctrl-c")
        assert screen.ended() == 130
        assert screen.is_as_before()


def test_the_end_tells_outcomes_and_durations(luzia: PrivateLuzia) -> None:
    good, bad = waits(luzia, "go"), waits(luzia, "go", then="exit 3")
    runs(luzia, bad)
    with watching(luzia) as screen:
        screen.shows("Running: 2")
        go(luzia)
        assert screen.ended() == 0
        lines = [line for line in screen.lines if line]
    assert any(re.match(rf"{good} .* completed +\d[\dms.]* ", line) for line in lines), lines
    assert any(re.match(rf"{bad} .* failed: exit code 3 +\d[\dms.]* ", line) for line in lines), lines
    (summary,) = [line for line in lines if line.startswith("  Running")]
    assert re.fullmatch(r"  Running: 0  Pending: 0  Completed: 1  Failed: 1  Cancelled: 0  in \d[\dms.]*", summary)
    assert lines[-1] == f"  ✗ {bad} failed: exit code 3  (luzia logs {bad})"


def test_the_title_and_the_bell_are_there_for_those_who_want_them(luzia: PrivateLuzia) -> None:
    job = waits(luzia, "go")
    runs(luzia, job)
    with watching(luzia) as plain, watching(luzia, "--title", "--bell") as signs:
        plain.shows("running")
        signs.until(lambda screen: b"\x1b[22;2t\x1b]2;running " in screen.raw, "a title")
        asking(luzia).report_progress(job, percent=40)
        title = f"\x1b]2;running 40% project {job}\a"
        signs.until(lambda screen: title.encode() in screen.raw, "another title")
        go(luzia)
        assert (plain.ended(), signs.ended()) == (0, 0)
        assert b"\x1b[23;2t" in signs.raw
        assert signs.raw.endswith(b"\a")
        assert b"\x1b]2;" not in plain.raw
        assert b"\a" not in plain.raw


def test_a_setting_wants_the_title_and_the_bell_and_an_option_does_not(luzia: PrivateLuzia) -> None:
    luzia.env["LUZIA_WATCH"] = "title,bell"
    job = waits(luzia, "go")
    with watching(luzia, "--no-title", job) as screen:
        screen.shows("running")
        go(luzia)
        assert screen.ended() == 0
        assert b"\x1b]2;" not in screen.raw
        assert screen.raw.endswith(b"\a")
    luzia.env["LUZIA_WATCH"] = "fireworks"
    assert luzia.run("jobs", "--watch").returncode == 2
    assert luzia.run("jobs", "--bell").returncode == 2


def test_a_terminal_that_takes_nothing_holds_up_nobody_and_gets_only_the_newest_picture(luzia: PrivateLuzia) -> None:
    job = waits(luzia, "go")
    runs(luzia, job)
    with watching(luzia, job) as screen:
        screen.shows("running")
        screen.type(STOP)
        before = len(screen.raw)
        for percent in range(1, 91):
            asking(luzia).report_progress(job, percent=percent)
        go(luzia)
        assert [each.state for each in asking(luzia).wait([job], DEADLINE_S).jobs] == [JobState.COMPLETED]
        screen.type(RESUME_PROMPT)
        assert screen.ended() == 0
        assert len(set(re.findall(rb"\d+%", screen.raw[before:]))) < 20
        assert screen.is_as_before()


def test_ctrl_c_ends_it_on_a_frozen_terminal_too(luzia: PrivateLuzia) -> None:
    job = waits(luzia, "go")
    runs(luzia, job)
    with watching(luzia, job) as screen:
        screen.shows("running")
        screen.type(STOP)
        asking(luzia).report_progress(job, percent=50)
        screen.press("ctrl-c")
        assert screen.ended() == 130
        assert screen.is_as_before()


def plain_changes(luzia: PrivateLuzia, job: str, said: Callable[[], str], ended: Callable[[], int]) -> None:
    """Let a job change that is watched without a screen, and check what is written of it."""
    until(lambda: "running" in said(), "the job is shown")
    asking(luzia).report_progress(job, percent=30, label="tests")
    until(lambda: "30%" in said(), "the change is shown")
    go(luzia)
    assert ended() == 0
    lines = said().splitlines()
    assert re.fullmatch(rf"\d\d:\d\d:\d\d {job} project running", lines[0])
    assert re.fullmatch(rf"\d\d:\d\d:\d\d {job} project running \[███░░░░░░░\] 30% tests", lines[1])
    assert re.fullmatch(rf"\d\d:\d\d:\d\d {job} project failed: exit code 3 after \d[\dms.]*", lines[2])
    assert lines[3:5] == ["", "Task Summary:"]
    assert "\x1b" not in said()


def test_in_a_pipe_each_change_is_one_plain_line(luzia: PrivateLuzia) -> None:
    job = waits(luzia, "go", then="exit 3")
    runs(luzia, job)
    seen = Path(luzia.root, "seen")
    with seen.open("wb") as output:
        process = luzia.start("jobs", "--watch", stdout=output.fileno())
    plain_changes(luzia, job, seen.read_text, lambda: process.wait(DEADLINE_S))


def test_on_a_dumb_terminal_each_change_is_one_plain_line(luzia: PrivateLuzia) -> None:
    job = waits(luzia, "go", then="exit 3")
    runs(luzia, job)
    with watching(luzia, "--bell", term="dumb") as screen:
        plain_changes(luzia, job, lambda: screen.raw.rstrip(b"\a").decode(errors="ignore"), screen.ended)
        assert screen.raw.endswith(b"\a")
