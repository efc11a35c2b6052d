"""`luzia shell` as a person uses it: the real one, on a pseudo-terminal, with a real daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from luzia_protocol.jobs import Job, JobState

from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until
from terminal import Terminal, terminal

AGENT = Path(__file__).parents[1] / "data" / "programs" / "asking_claude.py"
PASTE, PASTED = "\x1b[200~", "\x1b[201~"


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    """One with the project `overbits`, whose agent is the shell."""
    with private_luzia() as made:
        Path(made.env["LUZIA_CONFIG"]).write_text(
            f'[projects.overbits]\npath = "{made.project}"\nagent = "shell"\n'
            f'[projects.docs]\npath = "{made.project}"\nagent = "shell"\n'
        )
        made.env.pop("VISUAL", None)
        yield made


@contextmanager
def shell(luzia: PrivateLuzia, *words: str, columns: int = 80, rows: int = 24) -> Iterator[Terminal]:
    """A shell that is ready for a key."""
    with terminal(luzia.command("shell", *words), luzia.env, luzia.project, columns, rows) as screen:
        screen.shows("luzia>", "running", "queued")
        yield screen


def ready(screen: Terminal) -> None:
    """Wait until the shell has its prompt, with nothing on it, above the toolbar."""

    def is_ready(shown: Terminal) -> bool:
        filled = [line for line in shown.lines if line]
        return len(filled) > 1 and filled[-2].endswith(">") and filled[-1].startswith(" ")

    screen.until(is_ready, "an empty prompt")


def enter(screen: Terminal, line: str) -> None:
    """Type a line at an empty prompt, and Enter when the shell has it."""
    ready(screen)
    screen.type(line)
    screen.until(lambda shown: line[-20:] in shown.text.replace("\n", ""), f"{line} at the prompt")
    screen.press("enter")


def only_job(luzia: PrivateLuzia) -> Job:
    (job,) = luzia.client().iter_jobs()
    return luzia.client().get_job(job.id)


def test_a_task_is_dispatched_and_its_end_told_above_what_is_being_typed(luzia: PrivateLuzia) -> None:
    with shell(luzia) as screen:
        go = Path(luzia.project, "go")
        os.mkfifo(go)
        enter(screen, "overbits cat go")
        screen.shows("Dispatched", "1 running, 0 queued")
        screen.type("logs --stde")
        screen.shows("luzia> logs --stde", "print stderr instead of stdout")
        go.write_text("")
        screen.shows("overbits completed after", "cat go", "0 running, 0 queued")
        screen.until(lambda shown: shown.row_of("completed after") < shown.row_of("> logs --stde"), "the news above")
        screen.type("rr @last")
        screen.shows("luzia> logs --stderr @last")


def test_what_other_terminals_dispatch_is_counted_but_told_only_when_that_is_wanted(luzia: PrivateLuzia) -> None:
    with shell(luzia) as mine, shell(luzia, "--news=all") as everything:
        luzia.client().dispatch("overbits", "sleep 600")
        mine.shows("1 running")
        job = luzia.client().dispatch("docs", "false").job
        everything.shows(f"{job} docs failed after")
        enter(mine, "overbits true")
        mine.shows("overbits completed")
        assert f"{job} docs" not in mine.text


def test_what_an_agent_asks_is_told_with_how_to_answer(luzia: PrivateLuzia) -> None:
    programs = Path(luzia.root, "bin")
    programs.mkdir()
    claude = programs / "claude"
    claude.write_text(f'#!/bin/sh\nexec {sys.executable} {AGENT} "$@"\n')
    claude.chmod(0o755)
    luzia.env["PATH"] = f"{programs}:{luzia.env['PATH']}"
    with shell(luzia, columns=120) as screen:
        enter(screen, """--ask -a claude . '[["Bash", {"command": "rm -rf build"}]]'""")
        screen.shows("waits for an answer", "permission to use Bash: rm -rf build", "1 waiting for an answer")
        enter(screen, "answer @last deny")
        screen.shows("0 waiting")


def test_the_menu_shows_jobs_with_their_tasks_and_tab_takes_one(luzia: PrivateLuzia) -> None:
    first = luzia.shell("echo the login button \x1b]0;evil\x07日本")
    second = luzia.shell("echo something else")
    luzia.client().wait([first, second])
    with shell(luzia) as screen:
        screen.type("logs ")
        screen.shows(first, "echo the login button ^[]0;evil^G日本", second, "echo something else")
        screen.type("login")
        screen.shows_no_more(second)
        screen.press("tab")
        screen.shows(f"luzia> logs {first}")
        screen.press("enter")
        screen.shows("the login button")
        assert b"\x1b]0;evil" not in screen.raw


def test_commands_options_projects_and_states_are_completed(luzia: PrivateLuzia) -> None:
    with shell(luzia) as screen:
        for typed, shown in (
            ("ca", "cancel jobs and terminate their processes"),
            ("ove", luzia.project[:30]),
            ("jobs --wat", "show jobs live until all"),
            ("jobs --state timed", "timed_out"),
            ("--agent cla", "claude"),
        ):
            screen.type(typed)
            screen.shows(shown)
            screen.press("ctrl-c")
            screen.shows_no_more(shown)
            ready(screen)


def test_a_task_of_many_lines_arrives_whole(luzia: PrivateLuzia) -> None:
    def typed(screen: Terminal) -> str:
        screen.type("overbits : fix this")
        screen.press("escape", "enter")
        screen.type("  - one 日本 🎉")
        screen.press("escape", "enter")
        screen.type("  - two")
        screen.shows("· ", "- two")
        return ": fix this\n  - one 日本 🎉\n  - two"

    def quoted(screen: Terminal) -> str:
        screen.type("overbits ': it is")
        screen.shows("' is open")
        screen.press("enter")
        screen.type("so'")
        screen.shows_no_more("is open")
        return ": it is\nso"

    def pasted(screen: Terminal) -> str:
        text = ': it\'s\n\t"so" \\n\n\n  done'
        screen.type("overbits ")
        screen.type(f"{PASTE}{text}\n{PASTED}")
        screen.shows("done")
        return text

    def edited(screen: Terminal) -> str:
        screen.type("overbits")
        screen.press("\x18\x05")
        screen.shows("edited")
        return ': it\'s\n"edited"'

    editor = Path(luzia.root, "editor")
    editor.write_text('#!/bin/sh\nprintf ": it\'s\\n\\"edited\\"\\n" >> "$1"\n')
    editor.chmod(0o755)
    luzia.env["EDITOR"] = str(editor)
    tasks: list[str] = []
    with shell(luzia) as screen:
        for write in (typed, quoted, pasted, edited):
            ready(screen)
            tasks.append(write(screen))
            assert len(luzia.client().list_jobs().jobs) == len(tasks) - 1
            screen.press("enter")
            until(lambda: len(luzia.client().list_jobs().jobs) == len(tasks), "the job")
    assert [job.task for job in luzia.client().iter_jobs()] == tasks[::-1]


def test_lines_are_remembered_over_shells_in_a_private_file(luzia: PrivateLuzia) -> None:
    with shell(luzia) as screen:
        enter(screen, "agents --json")
        screen.shows('"name":"pi"')
        enter(screen, " projects --json")
        screen.shows('"name":"docs"')
        ready(screen)
        screen.press("ctrl-d")
        assert screen.ended() == 0
    with shell(luzia) as screen:
        screen.press("up")
        screen.shows("luzia> agents --json")
        screen.press("ctrl-c")
        ready(screen)
        screen.press("ctrl-r")
        screen.type("ents")
        screen.shows("search", "agents --json")
    kept = Path(luzia.env["LUZIA_STATE_DIR"], "shell_history")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_text() == '"agents --json"\n'


def test_a_failed_command_shows_its_exit_status_until_one_succeeds(luzia: PrivateLuzia) -> None:
    with shell(luzia) as screen:
        enter(screen, "logs nothere")
        screen.shows("there is no job 'nothere'", "[exit 4] luzia>")
        enter(screen, "version")
        screen.shows("protocol")
        ready(screen)
        screen.until(lambda screen: screen.lines[screen.row_of("pid") + 1] == "luzia>", "the prompt without a status")


def test_ctrl_c_ends_the_command_and_keeps_the_shell(luzia: PrivateLuzia) -> None:
    with shell(luzia) as screen:
        enter(screen, "overbits echo begun; sleep 600")
        screen.shows("1 running")
        enter(screen, "logs -f @last")
        screen.until(lambda shown: "begun" in shown.lines, "the output")
        screen.press("ctrl-c")
        screen.shows("[exit 130] luzia>")
        enter(screen, "jobs --watch")
        screen.shows("Running: 1")
        screen.press("ctrl-c")
        screen.until(lambda shown: shown.text.count("[exit 130]") == 2, "another prompt")
        screen.type("half a li")
        screen.press("ctrl-c")
        enter(screen, "cancel @last")
        screen.shows("cancelled", "0 running")


def test_news_wait_until_the_command_that_runs_is_over(luzia: PrivateLuzia) -> None:
    with shell(luzia) as screen:
        enter(screen, "overbits sleep 600")
        screen.shows("1 running")
        enter(screen, "wait @last")
        job = only_job(luzia)
        client = luzia.client()
        until(
            lambda: client.get_info().connections >= 4, "the command waits, beside the shell's two connections and this"
        )
        client.cancel(job.id)
        screen.shows("[exit 5] luzia>", f"{job.id} overbits cancelled", "0 running")
        assert screen.row_of(f"{job.id}  cancelled") < screen.row_of(f"{job.id} overbits cancelled")


def test_a_line_that_is_no_command_starts_nothing_unasked(luzia: PrivateLuzia) -> None:
    with shell(luzia) as screen:
        enter(screen, "cancle it")
        screen.shows("project 'cancle' not found", "Did you mean `luzia cancel`?")
        enter(screen, "use nowhere")
        screen.shows("unknown project 'nowhere'")
        enter(screen, "use overbits")
        screen.shows("overbits>")
        enter(screen, "cancle it")
        screen.shows("did you mean `cancel`?", "[y/N]")
        screen.press("enter")
        screen.shows("Aborted.")
        assert luzia.client().list_jobs().jobs == []
        enter(screen, ": really it")
        screen.shows(": really it? [y/N]")
        screen.press("y")
        screen.shows("Dispatched")
        enter(screen, "use")
        screen.shows("luzia>")
    assert (only_job(luzia).task, only_job(luzia).project) == (": really it", "overbits")


def test_a_restart_of_the_daemon_is_survived(luzia: PrivateLuzia) -> None:
    with shell(luzia) as screen:
        enter(screen, "overbits sleep 600")
        screen.shows("1 running")
        job = only_job(luzia).id
        enter(screen, "daemon stop")
        screen.shows("daemon unreachable: the daemon was stopped")
        screen.type("jo")
        screen.shows("list jobs, show their details")
        screen.press("ctrl-c")
        enter(screen, "daemon start")
        screen.shows("1 running")
        luzia.kill_daemon()
        luzia.client().cancel(job)
        screen.shows(f"{job} overbits cancelled", "0 running")


def test_a_shell_that_nobody_uses_sleeps(luzia: PrivateLuzia) -> None:
    def wakes(screen: Terminal) -> int:
        threads = Path(f"/proc/{screen.process.pid}/task").iterdir()
        counts = [
            (thread / "status").read_text().partition("voluntary_ctxt_switches:")[2].split()[0] for thread in threads
        ]
        return sum(map(int, counts))

    def sleeps(screen: Terminal) -> bool:
        before = wakes(screen)
        time.sleep(1.5)  # whatever polls would wake in this time
        return wakes(screen) == before

    with shell(luzia) as screen:
        enter(screen, "overbits sleep 600")
        screen.shows("1 running")
        ready(screen)
        screen.until(sleeps, "a while without a wakeup")


def test_the_terminal_is_as_it_was_after_every_end(luzia: PrivateLuzia) -> None:
    def by_ctrl_d(screen: Terminal) -> None:
        screen.press("ctrl-d")

    def by_a_word(screen: Terminal) -> None:
        enter(screen, "exit")

    def by_a_signal(screen: Terminal) -> None:
        screen.type("half a li")
        screen.shows("half a li")
        screen.process.send_signal(signal.SIGTERM)

    for end, status in ((by_ctrl_d, 0), (by_a_word, 0), (by_a_signal, 143)):
        with shell(luzia) as screen:
            end(screen)
            assert screen.ended() == status
            assert screen.is_as_before()


def test_help_explains_the_shell_and_lists_the_commands(luzia: PrivateLuzia) -> None:
    with shell(luzia, rows=200) as screen:
        enter(screen, "help")
        screen.shows("Ctrl-X Ctrl-E", "Alt-Enter", "cancel jobs and terminate", "use overbits")
        enter(screen, "help ids")
        screen.shows("@last")


def test_a_terminal_that_cannot_move_its_cursor_gets_an_error(luzia: PrivateLuzia) -> None:
    with terminal(luzia.command("shell"), luzia.env, luzia.project, term="dumb") as screen:
        assert screen.ended() == 2
        assert "needs a terminal" in screen.text


def script(luzia: PrivateLuzia, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        luzia.command("shell"),
        input=text,
        env=luzia.env,
        cwd=luzia.project,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def test_lines_from_a_pipe_are_run_up_to_the_first_that_fails(luzia: PrivateLuzia) -> None:
    ended = script(luzia, "# a remark\nluzia overbits 'echo one\necho two'\n\nwait @last\nlogs @last\n")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-2:] == ["one", "two"]
    ended = script(luzia, "jobs --json\n\nwait nothere\noverbits true\n")
    assert ended.returncode == 4
    assert "line 3 failed with exit status 4: wait nothere" in ended.stderr
    assert len(luzia.client().list_jobs().jobs) == 1


def test_a_script_that_makes_no_sense_says_where(luzia: PrivateLuzia) -> None:
    ended = script(luzia, "version\n\noverbits 'never\nclosed\n")
    assert ended.returncode == 2
    assert "line 3: unclosed quote" in ended.stderr
    ended = script(luzia, "use overbits\nfix it\n")
    assert ended.returncode == 2
    assert "line 1: `use` is only available at the prompt" in ended.stderr
    assert luzia.client().list_jobs(states=[JobState.QUEUED]).jobs == []


def test_a_command_in_a_script_does_not_read_the_script(luzia: PrivateLuzia) -> None:
    ended = script(luzia, "overbits -\nversion\n")
    assert ended.returncode == 2
    assert "stdin" in ended.stderr
