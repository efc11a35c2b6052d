from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from luzia_client import __version__
from luzia_client.cli.args.command_line import COMMANDS
from unit.luzia_client.fake_daemon import DEADLINE_S, DISPATCHED, HUNG_UP, JOB, FakeDaemon, Script, luzia

Serve = Callable[[Script], FakeDaemon]


def test_without_words_it_says_how_to_begin() -> None:
    result = luzia()
    assert result.returncode == 0
    assert result.stdout.startswith("luzia PROJECT TASK")


def test_help_lists_every_command_and_loads_none() -> None:
    script = (
        "import sys; from luzia_client.cli.main import main; sys.argv = ['luzia', '--help']; main()\n"
        "print([name for name in sys.modules if name.startswith('luzia_client.cli.commands.')])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=DEADLINE_S)
    assert all(f"\n  {name} " in result.stdout for name in COMMANDS)
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help(name: str) -> None:
    result = luzia(name, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("usage: luzia ")


def test_the_version_can_be_asked_for_as_an_option() -> None:
    assert luzia("--version").stdout == f"luzia {__version__}\n"


def test_one_bare_word_that_is_nearly_a_command_asks_what_was_meant() -> None:
    result = luzia("dctor")
    assert result.returncode == 2
    assert "Did you mean `luzia doctor`?" in result.stderr


def test_one_bare_word_that_is_a_project_asks_for_the_task() -> None:
    result = luzia("overbits")
    assert result.returncode == 2
    assert result.stderr.startswith("luzia: no task for project 'overbits'\n")


def test_a_mistake_in_a_command_s_options_is_told_in_two_lines() -> None:
    result = luzia("wait", "--timeout", "soon", "x")
    assert result.returncode == 2
    assert (
        result.stderr
        == "luzia: --timeout: invalid duration 'soon': write 90, 0.5 or 1h30m\n  See `luzia wait --help`.\n"
    )


def test_broken_utf8_in_a_command_s_words_is_a_usage_error() -> None:
    result = luzia("cancel", b"\xff")
    assert result.returncode == 2
    assert "is not valid UTF-8" in result.stderr


def test_a_bug_is_one_line_and_the_traceback_is_for_those_who_ask(serve: Serve) -> None:
    script = "import sys; from luzia_client.cli import main; main.run = lambda words: 1 // 0; sys.exit(main.main())"
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
    assert result.returncode == 70
    assert result.stderr.startswith("luzia: internal error: ZeroDivisionError: ")
    assert "Traceback" not in result.stderr
    env = {**os.environ, "LUZIA_DEBUG": "1"}
    assert "Traceback" in subprocess.run(command, capture_output=True, text=True, env=env, timeout=DEADLINE_S).stderr


def test_a_reader_that_went_away_is_no_traceback(serve: Serve) -> None:
    serve(lambda _: {"ok": DISPATCHED})
    read_end, write_end = os.pipe()
    os.close(read_end)
    script = "import sys; from luzia_client.cli.main import main; sys.exit(main())"
    result = subprocess.run(
        [sys.executable, "-c", script, "p", "x"], stdout=write_end, stderr=subprocess.PIPE, timeout=DEADLINE_S
    )
    os.close(write_end)
    assert (result.returncode, result.stderr) == (141, b"")


def test_a_full_disk_behind_stdout_is_told(serve: Serve) -> None:
    serve(lambda _: {"ok": DISPATCHED})
    script = "import sys; from luzia_client.cli.main import main; sys.exit(main())"
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [sys.executable, "-c", script, "p", "x"], stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE_S
        )
    assert result.returncode == 74
    assert result.stderr == b"luzia: No space left on device\n"


def test_a_closed_stdout_does_not_matter(serve: Serve) -> None:
    daemon = serve(lambda _: {"ok": DISPATCHED})
    script = "import sys; from luzia_client.cli.main import main; sys.exit(main())"
    shell = 'exec "$@" >&-'
    result = subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, "-c", script, "p", "x"], stderr=subprocess.PIPE, timeout=DEADLINE_S
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert daemon.ops() == ["dispatch"]


def test_an_encoding_without_the_characters_gets_others(serve: Serve) -> None:
    serve(lambda _: {"ok": {**DISPATCHED, "name": f"agent:Übung✓:{JOB}"}})
    result = luzia("p", "x", env={"PYTHONIOENCODING": "ascii"})
    assert (result.returncode, result.stdout) == (0, f"agent:?bung?:{JOB}\n")


def test_ctrl_c_exits_with_130_and_says_nothing(serve: Serve) -> None:
    daemon = serve(lambda _: [])
    script = "import sys; from luzia_client.cli.main import main; sys.exit(main())"
    with subprocess.Popen([sys.executable, "-c", script, "p", "x"], stderr=subprocess.PIPE) as process:

        def interrupt(_request: object) -> object:
            process.send_signal(signal.SIGINT)
            return []

        daemon.script = interrupt
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 130


def test_control_characters_in_an_error_cannot_steer_the_terminal(serve: Serve) -> None:
    serve(lambda _: {"error": {"code": "bad_request", "message": "no \x1b[31m\nyes", "hint": ""}})
    assert luzia("p", "x").stderr == "luzia: no ^[[31m\nyes\n  See `luzia dispatch --help`.\n"


def test_a_daemon_that_hangs_up_is_told(serve: Serve) -> None:
    serve(lambda _: HUNG_UP)
    result = luzia("p", "x")
    assert result.returncode == 3
    assert result.stderr.startswith("luzia: the daemon closed the connection before it replied\n")
