from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unit.luzia_client.fake_daemon import DEADLINE_S, DISPATCHED, HUNG_UP, JOB, FakeDaemon, Script, luzia

Serve = Callable[[Script], FakeDaemon]

# What a dispatch may load. Each one costs a part of a millisecond on every dispatch: add nothing lightly.
DISPATCH_LOADS = {
    "__future__",
    "_json",
    "_socket",
    "luzia_client",
    "luzia_protocol.environment",
    "luzia_client.cli",
    "luzia_client.cli.args",
    "luzia_client.cli.args.command_line",
    "luzia_client.cli.commands",
    "luzia_client.cli.commands.dispatch",
    "luzia_client.cli.main",
    "luzia_protocol",
}


def accept(_request: dict[str, Any]) -> Any:
    return {"ok": DISPATCHED}


def test_a_dispatch_loads_only_the_modules_that_it_needs(serve: Serve) -> None:
    serve(accept)
    script = (
        "import sys; before = set(sys.modules); sys.argv = ['luzia', '.', 'true']\n"
        "from luzia_client.cli.main import main\n"
        "status = main(); print(*sorted(set(sys.modules) - before)); sys.exit(status)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=DEADLINE_S)
    assert result.returncode == 0, result.stderr
    name, loaded = result.stdout.splitlines()
    assert name == DISPATCHED["name"]
    assert set(loaded.split()) == DISPATCH_LOADS


def test_on_a_pipe_only_the_name_is_printed(serve: Serve) -> None:
    daemon = serve(accept)
    result = luzia("--agent", "shell", "-e", "A=é", "overbits", "fix", 'the "login"\n\x01')
    assert (result.returncode, result.stdout, result.stderr) == (0, f"agent:overbits:{JOB}\n", "")
    (request,) = daemon.requests
    assert request["task"] == 'fix the "login"\n\x01'
    assert request["env"] == {"A": "é"}
    assert request["agent"] == "shell"
    assert request["client_env"]["PATH"] == os.environ["PATH"]


def test_the_job_inherits_only_the_documented_variables(serve: Serve) -> None:
    daemon = serve(accept)
    luzia("p", "x", env={"LC_TIME": "C", "https_proxy": "http://proxy", "AWS_SECRET": "s3cret", "TERM": "vt100"})
    inherited = daemon.requests[0]["client_env"]
    assert inherited["LC_TIME"] == "C"
    assert inherited["https_proxy"] == "http://proxy"
    assert not {"AWS_SECRET", "TERM", "LUZIA_RUNTIME_DIR"} & set(inherited)


def test_a_terminal_gets_a_confirmation_and_the_name_last(serve: Serve) -> None:
    serve(accept)
    shown = on_a_terminal(["overbits", "fix"], {"TERM": "xterm"})
    lines = shown.splitlines()
    assert lines[0] == "\x1b[32m✓ Dispatched\x1b[0m"
    assert lines[1:3] == [f"Job ID:  {JOB}", "Project: overbits"]
    assert lines[4:6] == ["Use: luzia jobs to view status", f"     luzia jobs {JOB} for details"]
    assert lines[-1] == f"agent:overbits:{JOB}"


@pytest.mark.parametrize("env", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_colour_is_left_out_where_it_is_not_wanted(serve: Serve, env: dict[str, str]) -> None:
    serve(accept)
    assert on_a_terminal(["overbits", "fix"], env).startswith("✓ Dispatched")


def test_quiet_prints_the_name_only_on_a_terminal_too(serve: Serve) -> None:
    serve(accept)
    assert on_a_terminal(["-q", "overbits", "fix"], {"TERM": "xterm"}) == f"agent:overbits:{JOB}\n"


def test_a_terminal_is_told_why_the_job_does_not_start(serve: Serve) -> None:
    held = {"id": JOB, "state": "queued", "reason": "paused since 10:00"}
    daemon = serve(lambda request: {"ok": {"job": held}} if request["op"] == "status" else accept(request))
    lines = on_a_terminal(["overbits", "fix"], {"TERM": "xterm"}).splitlines()
    assert "  queued: paused since 10:00" in lines
    assert lines[-1] == f"agent:overbits:{JOB}"
    held["reason"] = "about to start"
    assert "queued:" not in on_a_terminal(["overbits", "fix"], {"TERM": "xterm"})
    assert daemon.requests[1] == {"op": "status", "job": JOB, "confirm": True}


def test_one_line_confirms_where_the_daemon_says_so(serve: Serve) -> None:
    job = {"id": JOB, "state": "queued", "reason": "paused since 10:00"}
    serve(lambda request: {"ok": {"job": job, "confirm": "line"}} if request["op"] == "status" else accept(request))
    assert on_a_terminal(["overbits", "fix"], {"TERM": "xterm"}) == (
        f"agent:overbits:{JOB}  queued: paused since 10:00\n"
    )
    job["state"] = "running"
    assert on_a_terminal(["overbits", "fix"], {"TERM": "xterm"}) == f"agent:overbits:{JOB}\n"


def test_json_prints_the_answer(serve: Serve) -> None:
    serve(accept)
    assert json.loads(luzia("--json", "overbits", "fix").stdout) == DISPATCHED


def test_names_with_escapes_and_answers_of_another_shape_are_understood(serve: Serve) -> None:
    serve(lambda _: {"ok": {"job": JOB, "project": "/a\n", "new": 1, "name": f"agent:/a\n:{JOB}"}})
    assert luzia("p", "x").stdout == f"agent:/a\n:{JOB}\n"


def test_the_task_may_come_from_stdin(serve: Serve) -> None:
    daemon = serve(accept)
    assert luzia("p", "-", stdin=" do\nit ✓\n".encode()).returncode == 0
    assert daemon.requests[0]["task"] == " do\nit ✓\n"


def test_run_sends_the_exact_argv(serve: Serve) -> None:
    daemon = serve(accept)
    assert luzia("run", "--timeout", "5", "p", "--", "make", "-j2", "a b", "--", "").returncode == 0
    assert daemon.requests[0]["argv"] == ["make", "-j2", "a b", "--", ""]
    assert daemon.requests[0]["timeout_s"] == 5.0
    assert "task" not in daemon.requests[0]


@pytest.mark.parametrize(
    "option", ["--ask", "--no-ask", "--max-turns=3", "--max-cost=2", "--no-auto-resume", "--model=m"]
)
def test_run_refuses_and_does_not_list_what_only_an_agent_can_follow(serve: Serve, option: str) -> None:
    daemon = serve(accept)
    result = luzia("run", option, "p", "--", "make")
    name = option.partition("=")[0]
    assert (result.returncode, daemon.requests) == (2, [])
    assert result.stderr.startswith(f"luzia: `luzia run` takes no {name}\n  It runs a plain command.")
    assert name not in luzia("run", "--help").stdout
    assert name in luzia("dispatch", "--help").stdout


@pytest.mark.parametrize(("words", "message"), [(["p"], "no command given"), (["-a", "x", "p", "y"], "no --agent")])
def test_run_without_a_command_or_with_an_agent_is_an_error(words: list[str], message: str) -> None:
    result = luzia("run", *words)
    assert result.returncode == 2
    assert message in result.stderr


def test_the_long_form_reaches_a_project_that_is_named_like_a_command(serve: Serve) -> None:
    daemon = serve(accept)
    assert luzia("dispatch", "jobs", "list", "them").returncode == 0
    assert (daemon.requests[0]["project"], daemon.requests[0]["task"]) == ("jobs", "list them")


def test_broken_utf8_in_a_word_is_refused_before_anything_is_sent(serve: Serve) -> None:
    daemon = serve(accept)
    result = luzia("--env", b"A=\xff", "p", "x")
    assert (result.returncode, daemon.requests) == (2, [])
    assert "not valid UTF-8" in result.stderr


@pytest.mark.parametrize("words", [("canel", "@last"), ("canel", "--help"), ("canel", "a2f5", "b2f5", "--json")])
def test_a_mistyped_command_is_reported_before_what_follows_it(serve: Serve, words: tuple[str, ...]) -> None:
    unknown = {"code": "unknown_project", "message": "project 'canel' not found", "hint": "List the projects."}
    daemon = serve(lambda _: {"error": unknown})
    result = luzia(*words)
    assert (result.returncode, result.stdout) == (2, "")
    message, hint = "unknown command or project 'canel'", "Did you mean `luzia cancel`?"
    if "--json" in words:
        error = {"code": "usage", "message": message, "hint": hint, "status": 2}
        assert json.loads(result.stderr) == {"error": error}
    else:
        assert result.stderr == f"luzia: {message}\n  {hint}\n"
    assert [request["op"] for request in daemon.requests if request["op"] != "hello"] == ["list"]


def test_a_file_that_is_missing_is_reported_if_the_project_exists(serve: Serve) -> None:
    serve(lambda _: {"ok": {"jobs": [], "counts": {}, "next": None, "seq": 0}})
    result = luzia("canel", "@last")
    assert "cannot read the task from last" in result.stderr
    assert "put `--` before it" in result.stderr


def test_a_refusal_prints_message_and_hint_and_exits_with_4(serve: Serve) -> None:
    serve(lambda _: {"error": {"code": "unknown_project", "message": "no project wiat", "hint": "Add it."}})
    result = luzia("wiat", "x")
    assert result.returncode == 4
    assert result.stderr == "luzia: no project wiat\n  Did you mean `luzia wait`? Add it.\n"
    assert result.stdout == ""


def test_a_refusal_before_the_request_was_read_is_told(home: Path) -> None:
    """The daemon closes on whom it does not know, while a large request is still on its way."""
    path = home / "task"
    path.write_bytes(b"x" * 1_000_000)
    refusal = b'{"error":{"code":"not_allowed","message":"you may not","hint":"Ask."}}\n'
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print(flush=True)\n"
        f"c, _ = s.accept(); c.sendall({refusal!r}); c.close(); s.accept()"
    )
    socket_path = str(home / "r" / "luzia.sock")
    with subprocess.Popen([sys.executable, "-c", script, socket_path], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        result = luzia("p", f"@{path}")
        server.kill()
    assert (result.returncode, result.stderr) == (4, "luzia: you may not\n  Ask.\n")


def test_without_a_daemon_the_exit_status_is_3() -> None:
    result = luzia("p", "x")
    assert result.returncode == 3
    assert result.stderr.startswith("luzia: no daemon answers on ")
    assert "LUZIA_NO_AUTOSTART is set" in result.stderr


def test_a_dispatch_that_got_no_answer_is_sent_again_with_the_same_key(serve: Serve) -> None:
    daemon = serve(accept)
    daemon.script = lambda _: HUNG_UP if len(daemon.requests) == 1 else {"ok": DISPATCHED}
    assert luzia("p", "x").stdout == f"agent:overbits:{JOB}\n"
    first, second = daemon.requests
    assert first["key"] == second["key"]


def test_an_answer_that_is_none_is_told(serve: Serve) -> None:
    serve(lambda _: b"HTTP/1.1 400 Bad Request\n")
    result = luzia("p", "x")
    assert result.returncode == 3
    assert "is invalid" in result.stderr


def on_a_terminal(words: list[str], env: dict[str, str]) -> str:
    """What `luzia` shows when its stdout is a terminal."""
    main_end, terminal = pty.openpty()
    script = "import sys; from luzia_client.cli.main import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", script, *words], stdout=terminal, env={**os.environ, **env}
    ) as process:
        os.close(terminal)
        shown = b""
        while data := _read(main_end):
            shown += data
    os.close(main_end)
    assert process.returncode == 0
    return shown.decode().replace("\r\n", "\n")


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 4096)
    except OSError:  # EIO: the terminal's last user is gone
        return b""
