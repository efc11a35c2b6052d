"""`luzia top` as a user has it: the real command on a real terminal, with a real daemon behind it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from wcwidth import wcswidth

from luzia_protocol.jobs import Job, JobState

from git_projects import Repository
from luzia_client.api.client import Client
from private_luzia import DEADLINE_S, PrivateLuzia, count_wakeups, private_luzia, until
from terminal import WHEEL_DOWN, WHEEL_UP, Terminal, terminal

ASKING = Path(__file__).parents[1] / "data" / "programs" / "asking_claude.py"
WAITS = "until [ -e go ]; do sleep 0.02; done"


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


def top(luzia: PrivateLuzia, *words: str, columns: int = 80, rows: int = 24) -> AbstractContextManager[Terminal]:
    return terminal(luzia.command("top", *words), luzia.env, luzia.project, columns, rows)


def ended(luzia: PrivateLuzia, command: str) -> str:
    """The id of a job that has done this."""
    job = luzia.shell(command)
    client(luzia).wait([job], timeout_s=DEADLINE_S)
    return job


def running(luzia: PrivateLuzia, command: str) -> str:
    """The id of a job that does this, once it runs."""
    job = luzia.shell(command)
    until(lambda: state(luzia, job) is JobState.RUNNING, f"{job} runs")
    return job


def client(luzia: PrivateLuzia) -> Client:
    return Client(luzia.socket, autostart=False)


def status(luzia: PrivateLuzia, job: str) -> Job:
    with client(luzia) as asking:
        return asking.get_job(job)


def state(luzia: PrivateLuzia, job: str) -> JobState:
    return status(luzia, job).state


# What it shows


def test_jobs_appear_and_change_as_they_do(luzia: PrivateLuzia) -> None:
    first = ended(luzia, "echo done; exit 3")
    with top(luzia) as screen:
        screen.shows(first, "failed: exit code 3", "1 failed")
        second = luzia.shell(WAITS)
        screen.shows(second, "1 running")
        assert screen.row_of(second) < screen.row_of(first)
        Path(luzia.project, "go").touch()
        screen.shows("1 completed")
        screen.shows_no_more("1 running")


def test_the_selected_jobs_transcript_is_followed_as_it_grows(luzia: PrivateLuzia) -> None:
    other = ended(luzia, "echo the $(echo other) one")
    job = running(luzia, f"echo first $(echo line); {WAITS}; echo last $(echo line); sleep 1000")
    with top(luzia) as screen:
        screen.shows("first line", job, other)
        Path(luzia.project, "go").touch()
        screen.shows("last line")
        screen.press("down")
        screen.shows("the other one")
        screen.shows_no_more("last line")
        screen.press("k")
        screen.shows(f" {job} ·", "last line")


def test_a_retried_job_shows_what_its_new_attempt_writes(luzia: PrivateLuzia) -> None:
    job = ended(luzia, 'echo "this is attempt $LUZIA_ATTEMPT"; exit 1')
    with top(luzia) as screen:
        screen.shows("this is attempt 1")
        screen.press("r")
        screen.shows("this is attempt 2", "attempt 2 ·")
        assert status(luzia, job).attempt == 2


def test_a_transcript_on_the_whole_screen_is_moved_in_and_follows_again_at_its_end(luzia: PrivateLuzia) -> None:
    ended(luzia, "seq 1 100 | sed s/^/line-/")
    with top(luzia) as screen:
        screen.shows("line-100")
        screen.press("enter")
        screen.shows("line-81", "line-100")
        screen.press("home")
        screen.shows("line-1\n", "scrolled up")
        screen.press("pagedown", "down", "end")
        screen.shows("line-100")
        screen.press("escape")
        screen.shows("STATE")


def test_names_of_any_script_keep_the_columns_in_place(luzia: PrivateLuzia) -> None:
    tasks = ("true 日本語のとても長いタスク名 🚀 the end", "true مرحبا بالعالم", "true plain")
    jobs = [ended(luzia, task) for task in tasks]
    with top(luzia, columns=100) as screen:
        screen.shows("日本語", "مرحبا", "plain", *jobs)
        states = {line.index("completed") for line in screen.lines if line.startswith(tuple(jobs))}
        assert len(states) == 1
        assert all(wcswidth(line) <= 100 for line in screen.lines)


def test_nothing_that_a_job_says_steers_the_terminal(luzia: PrivateLuzia) -> None:
    ended(luzia, r"printf '\033]0;evil\007\033[2Jstays here\n' # $(printf x)")
    with top(luzia) as screen:
        screen.shows("^[]0;evil^G^[[2Jstays here")
        assert b"\x1b]0;evil" not in screen.raw


def test_a_search_in_the_full_screen_transcript_shows_the_latest_line_with_the_words_first(
    luzia: PrivateLuzia,
) -> None:
    ended(luzia, "seq -f 'pea %g' 2; seq 100; echo a pe$(echo a) here; seq 100; echo an apple; seq 93 193")
    with top(luzia) as screen:
        screen.shows("192", "193")
        screen.press("\r", "/", "P", "E", "A")
        screen.shows("Search: PEA")
        screen.press("enter")
        screen.shows("a pea here")
        screen.press("n", "n")
        screen.shows("pea 1", "pea 2")
        screen.press("N", "N")
        screen.shows("a pea here")
        screen.press("/", "x", "y", "enter")
        screen.shows("not found: xy")


def test_a_page_is_searched_from_its_beginning(luzia: PrivateLuzia) -> None:
    ended(luzia, "true")
    with top(luzia) as screen:
        screen.shows("completed")
        screen.press("?", "/", "q", "u", "i", "t", "enter")
        screen.shows("q Ctrl-C")


def test_the_cursor_stays_at_the_top_where_the_running_jobs_are(luzia: PrivateLuzia) -> None:
    first = running(luzia, WAITS)
    others = [ended(luzia, "true") for _ in range(30)]
    with top(luzia) as screen:
        screen.shows(first, others[-1])
        last = running(luzia, "until [ -e went ]; do sleep 0.02; done")
        screen.shows(last)
        Path(luzia.project, "go").touch()
        client(luzia).wait([first], timeout_s=DEADLINE_S)
        screen.until(lambda screen: screen.row_of(last) < screen.row_of(first), "the running job is first")
        screen.until(lambda screen: screen.row_of(last) == 2, "the running job is in the first row")
        Path(luzia.project, "went").touch()


def test_a_filter_narrows_the_list_as_it_is_typed(luzia: PrivateLuzia) -> None:
    apples, pears = ended(luzia, "true apples"), ended(luzia, "true pears")
    with top(luzia) as screen:
        screen.shows(apples, pears)
        screen.press("/", "p", "e", "a")
        screen.shows_no_more(apples)
        screen.shows(pears, "Filter: pea")
        screen.press("enter")
        screen.shows("filter: pea, 1 of 2")
        screen.press("escape")
        screen.shows(apples, pears)


def test_a_filter_finds_what_the_list_does_not_have(luzia: PrivateLuzia) -> None:
    """The list has only the beginning of a task; the daemon knows all of it."""
    apples = ended(luzia, ": " + "fruit " * 100 + "apples")
    pears = ended(luzia, "true pears")
    with top(luzia) as screen:
        screen.shows(apples, pears)
        screen.press("/", *"apples")
        screen.shows_no_more(pears)
        screen.shows(apples, "Filter: apples")
        screen.press("enter")
        screen.shows("filter: apples, 1 of 2")


def test_a_slow_terminal_keeps_up_with_many_changes(luzia: PrivateLuzia) -> None:
    luzia.client()
    with terminal(luzia.command("top"), luzia.env, luzia.project, bytes_per_s=4000) as screen:
        screen.shows("No jobs yet")
        with client(luzia) as dispatching:
            jobs = [dispatching.dispatch(luzia.project, "seq 1000", agent="shell").job for _ in range(40)]
            dispatching.wait(jobs, timeout_s=DEADLINE_S)
        screen.shows("40 completed")
        screen.press("/", *jobs[0][-4:])
        screen.shows(f" {jobs[0]} ·", "1000")


def test_only_what_has_changed_is_sent_to_the_terminal(luzia: PrivateLuzia) -> None:
    """A slow connection has to carry two rows and the pane when the selection moves, and not the list."""
    jobs = [ended(luzia, f"true number-{number}") for number in range(6)]
    with top(luzia) as screen:
        screen.shows(*jobs, "6 completed")
        before = len(screen.raw)
        screen.press("j")
        screen.shows(f" {jobs[4]} ·")
        screen.press("q")
        assert screen.ended() == 0
        sent = screen.raw[before:].partition(b"?1049l")[0].decode()
        assert "number-4" in sent
        assert not any(job in sent for job in jobs[:3])


def test_an_empty_list_says_what_to_do(luzia: PrivateLuzia) -> None:
    with top(luzia) as screen:
        screen.shows("No jobs yet")
        screen.press("c")
        screen.shows("no job selected")


def test_every_size_is_drawn(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "echo hello")
    with top(luzia) as screen:
        screen.shows(job, "hello", "/ filter")
        for columns, rows in ((20, 5), (200, 50), (8, 2), (1, 1), (80, 24)):
            screen.resize(columns, rows)
            if columns >= 20:
                screen.until(lambda shown: job in shown.lines[1 if rows < 7 else 2], f"{columns}x{rows}")  # noqa: B023
        screen.shows("hello")
        screen.press("q")
        assert screen.ended() == 0


def test_without_colours_the_selection_is_seen_all_the_same(luzia: PrivateLuzia) -> None:
    job = ended(luzia, r"printf '\033[31mred\033[0m\n'; exit 1")
    with top(luzia) as screen:
        screen.shows("red")
        assert screen.styles_of("exit code 1") & {("red", False), ("default", True)}
    luzia.env["NO_COLOR"] = "1"
    with top(luzia) as screen:
        screen.shows("red")
        assert screen.styles_of(job) == {("default", True)}
        assert not re.search(rb"\x1b\[(\d+;)*3\dm", screen.raw)


def test_the_help_shows_every_key_and_details_all_about_a_job(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "true")
    with top(luzia, rows=70) as screen:
        screen.shows(job)
        screen.press("?")
        screen.shows("cancel it, after confirmation", "close what is open")
        screen.press("escape")
        screen.shows(job)
        screen.press("i")
        screen.shows(f"Job {job}", "Directory:", f"luzia logs {job}")
        screen.press("q")
        screen.shows("STATE")


def test_what_an_operator_has_paused_stands_at_the_top(luzia: PrivateLuzia) -> None:
    luzia.client()
    luzia.run("pause", "--all", "--queue-only")
    with top(luzia) as screen:
        screen.shows("paused since")


# What it does


def test_a_cancel_is_asked_about_and_then_done(luzia: PrivateLuzia) -> None:
    job = running(luzia, "sleep 1000")
    with top(luzia) as screen:
        screen.shows(job)
        screen.press("c")
        screen.shows(f"Cancel {job}", "y/N")
        screen.press("n")
        screen.shows("aborted")
        assert state(luzia, job) is JobState.RUNNING
        screen.press("c")
        screen.shows(f"Cancel {job}")
        screen.press("y")
        screen.shows("1 cancelled")
        assert state(luzia, job) is JobState.CANCELLED


def test_a_completed_job_is_run_again_only_after_asking(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "true")
    with top(luzia) as screen:
        screen.shows(job)
        screen.press("r")
        screen.shows("has already completed. Run it again?")
        screen.press("escape")
        screen.shows("aborted")
        screen.press("r")
        screen.shows("Run it again?")
        screen.press("y")
        screen.shows("attempt 2")
        assert status(luzia, job).attempt == 2


def test_a_job_is_paused_and_resumed_by_one_key(luzia: PrivateLuzia) -> None:
    job = running(luzia, "sleep 1000")
    with top(luzia) as screen:
        screen.shows(job)
        screen.press("p")
        screen.shows("1 paused", "paused: job")
        assert state(luzia, job) is JobState.PAUSED
        screen.press("p")
        screen.shows("1 running", "resumed: job")
        assert state(luzia, job) is JobState.RUNNING


def test_a_queued_job_is_held_and_released_by_the_same_key(luzia: PrivateLuzia) -> None:
    with luzia.client() as dispatching:
        job = dispatching.dispatch(luzia.project, "true", agent="shell", start_in_s=10_000).job
    with top(luzia, columns=120) as screen:
        screen.shows(job, "1 queued", "starts at")
        screen.press("p")
        screen.shows("held since")
        assert status(luzia, job).held_at is not None
        screen.press("p")
        screen.shows("released: job", "starts at")
        assert status(luzia, job).held_at is None


def test_what_the_daemon_refuses_is_told_with_what_to_do(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "true")
    with top(luzia, columns=160) as screen:
        screen.shows(job)
        screen.press("p")
        screen.shows(f"job {job} has already completed")
        screen.press("d")
        screen.shows(f"job {job} has no worktree. ")
        screen.press("a")
        screen.shows(f"job {job} is not waiting for an answer")


def asking(luzia: PrivateLuzia, *steps: object) -> str:
    """The id of a job whose agent asks for these steps."""
    programs = Path(luzia.root, "bin")
    programs.mkdir()
    program = programs / "claude"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {ASKING} "$@"\n')
    program.chmod(0o755)
    luzia.env["PATH"] = f"{programs}:{luzia.env['PATH']}"
    Path(luzia.root, "config.toml").write_text("[daemon]\nlinger_s = 1000\n")
    done = luzia.run("--agent", "claude", "--ask", ".", json.dumps(steps))
    job = done.stdout.decode().strip().rpartition(":")[2]
    assert job, done.stderr
    until(lambda: state(luzia, job) is JobState.WAITING, f"{job} asks")
    return job


def told(luzia: PrivateLuzia) -> str:
    file = Path(luzia.project, "told")
    return file.read_text() if file.exists() else ""


def test_an_agents_question_is_shown_and_allowed_or_denied_by_a_key(luzia: PrivateLuzia) -> None:
    ways = {"rm -rf one": ("y",), "rm -rf two": ("n",), "rm -rf three": ("t", "use make clean", "enter")}
    job = asking(luzia, *(["Bash", {"command": command}] for command in ways))
    with top(luzia) as screen:
        for command, keys in ways.items():
            screen.shows(job, "1 waiting for an answer", f"permission to use Bash: {command}", "press a to answer")
            screen.press("a")
            screen.shows("y allow  n deny")
            screen.press(*keys)
            screen.shows_no_more("y allow", f"permission to use Bash: {command}")
        screen.shows("1 completed")
    answers = [json.loads(line)["response"] for line in told(luzia).splitlines()]
    assert [answer["behavior"] for answer in answers] == ["allow", "deny", "deny"]
    assert "use make clean" in answers[2]["message"]


def test_a_question_with_parts_gets_a_line_for_each(luzia: PrivateLuzia) -> None:
    colours = {"question": "Which colour?", "options": [{"label": "Red"}, {"label": "Blue"}], "multiSelect": False}
    reason = {"question": "Why?", "options": [], "multiSelect": False}
    asking(luzia, ["AskUserQuestion", {"questions": [colours, reason]}])
    with top(luzia) as screen:
        screen.shows("press a to answer", "Which colour?")
        screen.press("a")
        screen.shows("1/2 Which colour? (1 Red, 2 Blue):")
        screen.press("2", "enter")
        screen.shows("2/2 Why?:")
        screen.press("it is calm", "enter")
        screen.shows("1 completed")
    assert "Blue" in told(luzia)
    assert "it is calm" in told(luzia)


def test_what_a_job_has_changed_is_shown_as_luzia_diff_shows_it(luzia: PrivateLuzia) -> None:
    repository = Repository(Path(luzia.project), Path(luzia.root, "home")).init()
    luzia.env = {**luzia.env, **{name: repository.env[name] for name in ("HOME", "LC_ALL")}}
    with luzia.client() as dispatching:
        job = dispatching.dispatch(luzia.project, "echo second >> README", agent="shell", worktree=True).job
        dispatching.wait([job], timeout_s=DEADLINE_S)
    with top(luzia) as screen:
        screen.shows(job)
        screen.press("d")
        screen.shows("diff --git a/README b/README", "+second", f"Changes of job {job}")
        screen.press("escape")
        screen.shows("STATE")


def test_the_mouse_selects_by_a_click_and_scrolls_by_its_wheel(luzia: PrivateLuzia) -> None:
    jobs = [ended(luzia, f"seq 1 50 | sed s/^/{name}-/") for name in ("one", "two")]
    with top(luzia) as screen:
        screen.shows("two-50")
        screen.click(5, screen.row_of(jobs[0]))
        screen.shows("one-50", f" {jobs[0]} ·")
        for _ in range(5):
            screen.wheel(5, 18, WHEEL_UP)
        screen.shows("one-35", "scrolled up")
        screen.shows_no_more("one-50")
        for _ in range(6):
            screen.wheel(5, 18, WHEEL_DOWN)
        screen.shows("one-50")
        screen.shows_no_more("scrolled up")


# Over restarts, and its own end


def test_it_goes_on_after_a_crash_of_the_daemon(luzia: PrivateLuzia) -> None:
    job = running(luzia, f"echo just $(echo before); {WAITS}; echo right $(echo after); sleep 1000")
    with top(luzia) as screen:
        screen.shows(job, "just before")
        luzia.kill_daemon()
        Path(luzia.project, "go").touch()
        screen.shows("right after")
        other = luzia.shell("true")
        screen.shows(other, "1 completed", "1 running")
        assert "Traceback" not in screen.raw.decode(errors="replace")


def test_it_says_so_while_the_daemon_is_stopped_and_comes_back_with_it(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "true")
    with top(luzia, columns=160) as screen:
        screen.shows(job)
        luzia.run("daemon", "stop")
        screen.shows("retrying", job)
        screen.press("r", "y")
        screen.shows("no daemon answers")
        other = luzia.shell("true again")
        screen.shows(other)
        screen.shows_no_more("retrying")
        screen.press("q")
        assert screen.ended() == 0


def test_leaving_gives_the_terminal_back_as_it_was(luzia: PrivateLuzia) -> None:
    luzia.client()
    for how in ("q", "ctrl-c"):
        with top(luzia) as screen:
            screen.shows("No jobs yet")
            screen.press(how)
            assert screen.ended() == 0
            assert screen.is_as_before()
            for on, off in ((b"?1049h", b"?1049l"), (b"?1000h", b"?1000l"), (b"?25l", b"?25h")):
                assert screen.raw.rfind(on) < screen.raw.rfind(off)


def test_sigterm_gives_the_terminal_back_too(luzia: PrivateLuzia) -> None:
    luzia.client()
    with top(luzia) as screen:
        screen.shows("No jobs yet")
        os.kill(screen.process.pid, signal.SIGTERM)
        assert screen.ended() == 128 + signal.SIGTERM
        assert screen.is_as_before()


def test_a_screen_on_which_nothing_changes_does_not_wake_up(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "true")
    with top(luzia) as screen:
        screen.shows(job, "1 completed")
        counts: list[int] = []

        def has_slept() -> bool:
            counts.append(count_wakeups(screen.process.pid))
            return len(counts) > 50 and len(set(counts[-50:])) == 1  # a second without a wakeup

        until(has_slept, "a second without a wakeup")


def test_it_can_be_stopped_for_a_while_as_any_program(luzia: PrivateLuzia) -> None:
    job = ended(luzia, "true")
    with terminal(["bash", "--norc", "--noprofile", "-i"], luzia.env, luzia.project) as screen:
        screen.press(shlex.join(luzia.command("top")), "enter")
        screen.shows(job, "/ filter")
        screen.press("ctrl-z")
        screen.shows("Stopped")
        screen.press("fg", "enter")
        screen.shows_no_more("Stopped")
        screen.shows(job, "/ filter")
        screen.press("q")
        screen.until(lambda shown: shown.raw.rfind(b"?1049l") > shown.raw.rfind(b"?1049h"), "it has left")
        screen.press("exit", "enter")
        assert screen.ended() == 0


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_without_a_terminal_that_can_draw_another_command_is_named(luzia: PrivateLuzia, term: str) -> None:
    luzia.env["TERM"] = term
    if term == "dumb":
        with terminal(luzia.command("top"), luzia.env, luzia.project, term="dumb") as screen:
            assert screen.ended() == 2
            assert "luzia jobs --watch" in screen.text
    else:
        done = subprocess.run(
            luzia.command("top"), env=luzia.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert "luzia jobs --watch" in done.stderr


def test_keys_tell_why_copy_the_id_and_find_the_job_that_needs_the_user(luzia: PrivateLuzia) -> None:
    failed, busy = ended(luzia, "exit 3"), running(luzia, "sleep 1000")
    with top(luzia) as screen:
        screen.shows(failed, busy)
        screen.press("Z")
        screen.shows("Z has no effect; ? shows all keys")
        screen.press("!", "y")
        screen.shows(f"copied {failed}")
        assert f"\x1b]52;c;{b64encode(failed.encode()).decode()}\x07".encode() in screen.raw
        screen.press("w")
        screen.shows(f"Why: job {failed}", "attempt 1 failed", "exit code 3")
        screen.press("escape")
        screen.press("R", "y")
        screen.shows("dispatched: job ")
