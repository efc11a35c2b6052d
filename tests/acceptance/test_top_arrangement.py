"""`luzia top`: the order, the groups and the columns of the list, the header, and what is kept over restarts."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from luzia_client.api.client import Client
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until
from terminal import Terminal, terminal


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


def top(luzia: PrivateLuzia, columns: int = 80, rows: int = 24) -> AbstractContextManager[Terminal]:
    return terminal(luzia.command("top"), luzia.env, luzia.project, columns, rows)


def ended(luzia: PrivateLuzia, command: str) -> str:
    job = luzia.shell(command)
    with Client(luzia.socket, autostart=False) as client:
        client.wait([job], timeout_s=DEADLINE_S)
    return job


def in_order(screen: Terminal, *jobs: str) -> None:
    screen.shows(*jobs)
    screen.until(lambda now: sorted(jobs, key=now.row_of) == list(jobs), f"the order {jobs}")


def test_the_list_is_sorted_reversed_and_grouped_and_stays_so_after_a_restart(luzia: PrivateLuzia) -> None:
    long, failed, short = ended(luzia, "sleep 0.3"), ended(luzia, "exit 1"), ended(luzia, "true")
    with top(luzia) as screen:
        in_order(screen, short, failed, long)
        screen.press("o")
        screen.shows("Sort by: ", "c created", "s state")
        screen.press("i")
        screen.shows("sorted by time")
        screen.until(lambda now: now.row_of(long) == 2, "the longest on top")
        screen.press("o", "c", "o", "c")
        screen.shows("sorted by created, reversed")
        in_order(screen, long, failed, short)
        screen.press("b")
        screen.shows("Group by: ", "s state")
        screen.press("s")
        screen.shows("completed (2)", "failed (1)")
        in_order(screen, long, short, failed)
        screen.click(3, screen.row_of(failed))
        screen.shows(f" {failed} ·")
        screen.press("home")
        screen.shows(f" {long} ·")
    with top(luzia) as screen:
        screen.shows("completed (2)", "failed (1)", "by created, reversed")
        in_order(screen, long, short, failed)
        screen.press("b", "n")
        screen.shows_no_more("completed (2)")


def test_the_selection_stays_in_view_below_the_headings_of_groups(luzia: PrivateLuzia) -> None:
    for number in range(12):
        ended(luzia, f"exit {number % 2}")
    with top(luzia) as screen:
        screen.shows("6 completed", "6 failed")
        screen.press("b", "s")
        screen.shows("completed (6)")
        for _ in range(12):
            screen.press("j")
        screen.shows("failed (6)")
        screen.until(is_selection_in_list, "the selected row in the list")


def is_selection_in_list(screen: Terminal) -> bool:
    return any(row[0].reverse for row in screen.cells()[2:11])


def test_finished_jobs_are_hidden_and_shown_again(luzia: PrivateLuzia) -> None:
    done = ended(luzia, "true")
    live = luzia.shell("sleep 1000")
    with top(luzia) as screen:
        screen.shows(done, live)
        screen.press("f")
        screen.shows_no_more(done)
        screen.shows(live, "finished hidden: f shows them")
    with top(luzia) as screen:
        screen.shows(live, "finished hidden")
        assert done not in screen.text
        screen.press("f")
        screen.shows(done, live)


def test_columns_are_chosen_checked_and_kept(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "exit 7")
    with top(luzia) as screen:
        screen.shows(job)
        screen.press("v")
        screen.shows("Columns (empty: default): id project status duration task")
        screen.press(*["backspace"] * 40, "id exiit", "enter")
        screen.shows("unknown column 'exiit'", "exit")
        screen.press("v", *["backspace"] * 40, "id,exit,attempt task", "enter")
        screen.shows("ID          EXIT ATTEMPT TASK")
        assert re.search(rf"{job} 7 +1 +exit 7", screen.text)
    with top(luzia) as screen:
        screen.shows("ID          EXIT ATTEMPT TASK")
        screen.press("v", *["backspace"] * 40, "enter")
        screen.shows("ID          PROJECT    STATE")
    assert json.loads(Path(luzia.env["LUZIA_STATE_DIR"], "top.json").read_text())["columns"] == []


@pytest.mark.parametrize("text", ["{", '{"columns": ["nothing"]}', '{"arrangement": {"sort": "luck"}}'])
def test_a_file_that_cannot_be_used_is_named_and_the_defaults_are_used(luzia: PrivateLuzia, text: str) -> None:
    job = ended(luzia, "true")
    file = Path(luzia.env["LUZIA_STATE_DIR"], "top.json")
    file.write_text(text)
    with top(luzia, columns=200) as screen:
        screen.shows(job, "STATE", f"{file} is not used: ")
    assert file.read_text() == text


# The header


def test_the_header_has_the_host_the_slots_and_the_counts(luzia: PrivateLuzia) -> None:
    Path(luzia.root, "config.toml").write_text("[daemon]\nmax_running = 3\n")
    ended(luzia, "true")
    running = luzia.shell("sleep 1000")
    with top(luzia) as screen:
        screen.shows(running, f" luzia  {socket.gethostname()[:19]}", "1/3 slots", "1 running", "1 completed")


def limited(luzia: PrivateLuzia, text: str) -> str:
    """A job whose agent ends with an error of its account."""
    programs = Path(luzia.root, "bin")
    programs.mkdir()
    program = programs / "claude"
    result = {"type": "result", "subtype": "success", "is_error": True, "result": text, "session_id": "s"}
    program.write_text(f"#!/bin/sh\ncat <<'E'\n{json.dumps(result)}\nE\nexit 1\n")
    program.chmod(0o755)
    luzia.env["PATH"] = f"{programs}:{luzia.env['PATH']}"
    done = luzia.run("--agent", "claude", "-q", ".", "work")
    return done.stdout.decode().strip().rpartition(":")[2]


@pytest.mark.parametrize("watching", [False, True])
def test_at_80_columns_the_time_of_a_reset_is_whole_wherever_jobs_are_listed(
    luzia: PrivateLuzia, watching: bool
) -> None:
    resets = (datetime.now().astimezone() + timedelta(hours=3)).replace(minute=0)
    hour = resets.strftime("%I%p").lstrip("0").lower()
    job = limited(luzia, f"You've hit your limit · resets {hour}")
    until(lambda: "until" in (Client(luzia.socket).get_job(job).reason or ""), "the limit is known")
    words = ("jobs", "--watch") if watching else ("top",)
    with terminal(luzia.command(*words), luzia.env, luzia.project, 80, 24) as screen:
        screen.shows(job, f"queued until {resets:%H:%M}")
        if not watching:
            screen.shows(f"usage limit of claude until {resets:%H:%M}")
    env = {**luzia.env, "COLUMNS": "80"}
    with terminal(luzia.command("jobs"), env, luzia.project, 80, 24) as screen:
        assert screen.ended() == 0
        assert re.search(f"queued until {resets:%H:%M}(:\\d\\d)?: ", screen.text)


def test_the_header_counts_the_agents_that_are_held(luzia: PrivateLuzia) -> None:
    job = limited(luzia, "Credit balance is too low")
    assert job
    with top(luzia) as screen:
        screen.shows(job, "1 agent held: claude")
        screen.press(":", "resume --agent claude", "enter")
        screen.shows("Press Enter")
        screen.press("enter")
        screen.shows("STATE")


def test_the_transcripts_of_all_jobs_are_searched_by_a_command_and_the_screen_returns(luzia: PrivateLuzia) -> None:
    job = luzia.shell("echo the needle of this job")
    luzia.client().wait([job])
    until(lambda: job.encode() in luzia.run("search", "needle").stdout, "the index has it")
    with top(luzia) as screen:
        screen.shows(job)
        screen.press(":", "search needle", "enter")
        screen.shows(job, "the needle of this job", "Press Enter")
        screen.press("enter")
        screen.shows("STATE")
