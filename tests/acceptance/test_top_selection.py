"""`luzia top`: marked jobs, the palette, and the programs that keys start, on a real terminal with a real daemon."""

from __future__ import annotations

import os
import signal
from base64 import b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from luzia_protocol.jobs import JobState

from git_projects import Repository
from luzia_client.api.client import Client
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until
from terminal import Terminal, terminal


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


def top(luzia: PrivateLuzia, columns: int = 120, rows: int = 30) -> AbstractContextManager[Terminal]:
    return terminal(luzia.command("top"), luzia.env, luzia.project, columns, rows)


def client(luzia: PrivateLuzia) -> Client:
    return Client(luzia.socket, autostart=False)


def states(luzia: PrivateLuzia, *jobs: str) -> list[str]:
    with client(luzia) as asking:
        return [asking.get_job(job).state.value for job in jobs]


def waiting_jobs(luzia: PrivateLuzia, count: int) -> list[str]:
    with luzia.client() as dispatching:
        return [
            dispatching.dispatch(luzia.project, f"true {number}", agent="shell", start_in_s=10_000).job
            for number in range(count)
        ]


def editor(luzia: PrivateLuzia, script: str) -> None:
    """Let $EDITOR run a script with the file as $1."""
    program = Path(luzia.root, "editor")
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    luzia.env |= {"EDITOR": str(program), "VISUAL": str(program)}


# Marks


def test_marked_jobs_are_cancelled_together_and_others_are_not(luzia: PrivateLuzia) -> None:
    first, second, third = waiting_jobs(luzia, 3)
    with top(luzia) as screen:
        screen.shows(first, second, third, "3 queued")
        screen.press(" ", " ")
        screen.shows("2 marked", f"{first}*", f"{second}*", f"{third} ")
        screen.press("c")
        screen.shows("Cancel 2 marked jobs", "y/N")
        screen.press("y")
        screen.shows("cancelled: 2 jobs", "2 cancelled", "1 queued")
        screen.shows_no_more("marked", f"{first}*")
    assert states(luzia, first, second, third) == ["cancelled", "cancelled", "queued"]


def test_all_jobs_of_the_list_are_marked_and_unmarked(luzia: PrivateLuzia) -> None:
    jobs = waiting_jobs(luzia, 3)
    with top(luzia) as screen:
        screen.shows(*jobs)
        screen.press("*")
        screen.shows("3 marked")
        screen.press("*")
        screen.shows_no_more("marked")
        screen.press("*")
        screen.shows("3 marked")
        screen.press("y")
        screen.shows("copied the ids of 3 jobs")
        assert b64encode(" ".join(sorted(jobs)).encode()) in screen.raw
        screen.press("escape")
        screen.shows_no_more("marked")
        screen.press("*", "p")
        screen.shows("held: 3 jobs")
        screen.press("*", "p")
        screen.shows("released: 3 jobs")
    assert states(luzia, *jobs) == ["queued"] * 3


def test_what_is_refused_for_a_marked_job_is_told_and_the_rest_is_done(luzia: PrivateLuzia) -> None:
    busy, done = luzia.shell("sleep 1000"), luzia.shell("true")
    client(luzia).wait([done], timeout_s=DEADLINE_S)
    with top(luzia) as screen:
        screen.shows(busy, done, "1 running", "1 completed")
        screen.press("*", "r", "y")
        screen.shows("retried: 1 job; 1 error, the first: ")
        screen.until(lambda _: states(luzia, done) == ["completed"], "it has run again")
    with client(luzia) as asking:
        assert asking.get_job(done).attempt == 2


# The palette


def test_the_palette_completes_commands_and_runs_them_on_the_selection(luzia: PrivateLuzia) -> None:
    job, other = waiting_jobs(luzia, 2)
    with top(luzia) as screen:
        screen.shows(job, other)
        screen.press(":")
        screen.shows("cancel jobs and terminate their processes")
        screen.press("hol")
        screen.shows("keep queued jobs from starting")
        screen.press("tab", "enter")
        screen.shows(f"$ luzia hold {job}", "Press Enter to return to luzia top")
        assert "STATE" not in screen.text
        screen.press("enter")
        screen.shows("STATE", "held since")
    with client(luzia) as asking:
        assert [asking.get_job(each).held_at is not None for each in (job, other)] == [True, False]


def test_the_palette_acts_on_all_marked_jobs_and_a_command_for_one_job_on_each(luzia: PrivateLuzia) -> None:
    jobs = waiting_jobs(luzia, 2)
    with top(luzia, rows=70) as screen:
        screen.shows(*jobs)
        screen.press("*", ":", "why", "enter")
        screen.shows(f"$ luzia why {jobs[0]}", f"$ luzia why {jobs[1]}", "Press Enter")
        screen.press("enter")
        screen.shows("STATE")
        screen.press("*", ":", "cancel", "enter")
        screen.shows(f"$ luzia cancel {' '.join(sorted(jobs))}", "Press Enter")
        screen.press("enter")
        screen.shows("2 cancelled")


def test_the_palette_tells_what_is_wrong_and_quits_as_editors_do(luzia: PrivateLuzia) -> None:
    waiting_jobs(luzia, 1)
    with top(luzia) as screen:
        screen.shows("1 queued")
        screen.press(":", "jobs 'x", "enter")
        screen.shows("Close it with '")
        screen.press(":", "canel", "enter")
        screen.shows("Press Enter")
        assert "cancel" in screen.text
        screen.press("enter")
        screen.shows("STATE")
        screen.press(":", "q", "enter")
        assert screen.ended() == 0
        assert screen.is_as_before()


def test_ctrl_c_interrupts_the_command_and_not_the_screen(luzia: PrivateLuzia) -> None:
    job = luzia.shell("echo the $(echo output); sleep 1000")
    with top(luzia) as screen:
        screen.shows(job, "the output")
        screen.press(":", "logs -f", "enter")
        screen.shows(f"$ luzia logs {job} -f", "the output")
        screen.press("ctrl-c")
        screen.shows("Press Enter to return to luzia top")
        screen.press("enter")
        screen.shows("STATE", job)


def test_sigterm_ends_the_screen_while_a_command_has_the_terminal(luzia: PrivateLuzia) -> None:
    job = luzia.shell("echo the $(echo output); sleep 1000")
    with top(luzia) as screen:
        screen.shows(job, "the output")
        screen.press(":", "logs -f", "enter")
        screen.shows(f"$ luzia logs {job} -f", "the output")
        os.kill(screen.process.pid, signal.SIGTERM)
        assert screen.ended() == 128 + signal.SIGTERM
        assert screen.is_as_before()


# Tasks, shells, work


def test_a_new_task_is_dispatched_from_the_line_or_the_editor(luzia: PrivateLuzia) -> None:
    Path(luzia.root, "config.toml").write_text(f'[projects.overbits]\npath = "{luzia.project}"\nagent = "shell"\n')
    luzia.client()
    editor(luzia, 'echo "echo from the editor" > "$1"')
    with top(luzia) as screen:
        screen.shows("No jobs yet")
        screen.press("n")
        screen.shows("New task")
        screen.press("overbits echo typed", "enter")
        screen.shows("dispatched: agent:overbits:", "echo typed", "1 completed")
        screen.press("n")
        screen.shows("New task, PROJECT TASK: overbits")
        screen.press("enter")
        screen.shows("echo from the editor", "2 completed")
        screen.press("n", "--no-such-option x", "enter")
        screen.shows("no-such-option")


def test_a_task_is_edited_in_the_queue_and_for_a_new_job(luzia: PrivateLuzia) -> None:
    (job,) = waiting_jobs(luzia, 1)
    editor(luzia, 'echo "true edited" > "$1"')
    with top(luzia) as screen:
        screen.shows(job, "true 0")
        screen.press("e")
        screen.shows("true edited")
        assert states(luzia, job) == ["queued"]
        client(luzia).cancel(job)
        screen.shows("1 cancelled")
        editor(luzia, 'echo "true once more" > "$1"')
        screen.press("e")
        screen.shows("true once more", "1 completed", "1 cancelled")


def test_a_shell_and_an_editor_are_opened_in_the_jobs_directory(luzia: PrivateLuzia) -> None:
    job = luzia.shell("true")
    client(luzia).wait([job], timeout_s=DEADLINE_S)
    luzia.env |= {"SHELL": "/bin/sh", "PS1": "here> "}
    editor(luzia, 'echo "$1" > "$1/opened"')
    with top(luzia) as screen:
        screen.shows(job, "1 completed")
        screen.press("s")
        screen.shows("Exit the shell to return.")
        screen.press("pwd > where; exit", "enter")
        screen.shows("STATE", job)
        assert Path(luzia.project, "where").read_text().strip() == os.path.realpath(luzia.project)
        screen.press("E")
        until(lambda: Path(luzia.project, "opened").exists(), "the editor has been opened")
        screen.shows("STATE", job)


def test_work_is_merged_and_discarded_after_confirmation(luzia: PrivateLuzia) -> None:
    repository = Repository(Path(luzia.project), Path(luzia.root, "home")).init()
    luzia.env = {**luzia.env, **{name: repository.env[name] for name in ("HOME", "LC_ALL")}}
    with luzia.client() as dispatching:
        merged, discarded = (
            dispatching.dispatch(luzia.project, f"echo more >> {name}", agent="shell", worktree=True).job
            for name in ("README", "NOTES")
        )
        dispatching.wait([merged, discarded], timeout_s=DEADLINE_S)
    with top(luzia) as screen:
        screen.shows("2 completed")
        screen.click(3, screen.row_of(merged))
        screen.shows(f" {merged} ·", "m merge")
        screen.press("m")
        screen.shows(f"Merge the work of {merged}", "c commit its changes first")
        screen.press("c")
        screen.shows(f"merged: job {merged}")
        assert "more" in Path(luzia.project, "README").read_text()
        screen.click(3, screen.row_of(discarded))
        screen.shows(f" {discarded} ·")
        screen.press("D")
        screen.shows(f"Discard the work of {discarded}", "1 changed file?")
        screen.press("y")
        screen.shows(f"discarded: job {discarded}")
    with client(luzia) as asking:
        assert asking.get_job(discarded).discarded is not None
        assert asking.get_job(merged).state is JobState.COMPLETED


def test_work_whose_verification_fails_is_not_merged(luzia: PrivateLuzia) -> None:
    repository = Repository(Path(luzia.project), Path(luzia.root, "home")).init()
    luzia.env = {**luzia.env, **{name: repository.env[name] for name in ("HOME", "LC_ALL")}}
    table = f'[projects.overbits]\npath = "{luzia.project}"\nagent = "shell"\nverify = "test ! -e broken"\n'
    Path(luzia.root, "config.toml").write_text(table)
    with luzia.client() as dispatching:
        job = dispatching.dispatch("overbits", "touch broken", worktree=True).job
        dispatching.wait(job, timeout_s=DEADLINE_S)
    with top(luzia) as screen:
        screen.shows("1 completed")
        screen.press("m")
        screen.shows(f"Merge the work of {job}")
        screen.press("c")
        screen.shows("failed on the merged files")
    assert not Path(luzia.project, "broken").exists()
