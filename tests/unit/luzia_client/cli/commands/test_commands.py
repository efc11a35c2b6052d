from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from luzia_protocol.jobs import Job, JobState

from luzia_client import __version__
from luzia_client.cli.commands import daemon
from luzia_client.cli.commands.graph import draw_graph
from luzia_client.cli.show.screen import Screen
from unit.luzia_client.fake_daemon import JOB, FakeDaemon, Script, info, job, luzia

Serve = Callable[[Script], FakeDaemon]


def changed(request: dict[str, Any]) -> Any:
    if request["job"] == "none":
        return {"error": {"code": "unknown_job", "message": "no job none", "hint": "Look."}}
    if request["op"] == "status":
        return {"ok": {"job": job("running", request["job"])}}
    return {"ok": {"job": request["job"], "state": "stopping"}}


@pytest.mark.parametrize(
    ("command", "act"),
    [
        ("cancel", "cancelling"),
        ("retry", "retried"),
        ("remove", "removed"),
        ("hold", "held"),
        ("release", "released"),
        ("pause", "paused"),
        ("accept", "accepted"),
        ("reject", "rejected"),
        ("resume", "resumed"),
    ],
)
def test_each_job_is_told_of_and_a_refusal_does_not_stop_the_others(serve: Serve, command: str, act: str) -> None:
    daemon = serve(changed)
    result = luzia(command, "a", "none", "b")
    assert result.returncode == 4
    order = "ba" if command == "cancel" else "ab"  # the oldest first, but the newest is cancelled first
    assert result.stdout == "".join(f"{name}  {act}\n" for name in order)
    assert result.stderr == "luzia: no job none\n  Look.\n"
    assert [op for op in daemon.ops() if op != "status"] == [command] * 3


def test_changes_as_json_are_one_object_a_line(serve: Serve) -> None:
    serve(changed)
    lines = luzia("cancel", "--json", "a", "b").stdout.splitlines()
    assert [json.loads(line)["job"] for line in lines] == ["b", "a"]


@pytest.mark.parametrize(
    ("states", "timed_out", "status"),
    [
        (["completed"], False, 0),
        (["failed", "completed"], False, 1),
        (["cancelled"], False, 5),
        (["timed_out"], False, 6),
        (["lost"], False, 7),
        (["skipped"], False, 8),
        (["failed", "running"], True, 124),
    ],
)
def test_wait_exits_with_the_worst_outcome(serve: Serve, states: list[str], timed_out: bool, status: int) -> None:
    jobs = [job(state, f"12000{number}-a2f5") for number, state in enumerate(states)]
    daemon = serve(lambda _: {"ok": {"jobs": jobs, "timed_out": timed_out, "counts": {}}})
    result = luzia("wait", "--timeout", "90", *(one["id"] for one in jobs))
    assert result.returncode == status
    assert result.stdout.splitlines() == [f"{one['id']}  {one['state']}" for one in jobs]
    request = next(each for each in daemon.requests if each["op"] == "wait")
    assert request["jobs"] == [one["id"] for one in jobs]


def test_wait_tells_why(serve: Serve) -> None:
    serve(lambda _: {"ok": {"jobs": [job("failed", reason="exit code 2")], "counts": {}}})
    assert luzia("wait", JOB).stdout == f"{JOB}  failed  exit code 2\n"


def test_progress_names_the_job_it_runs_in(serve: Serve) -> None:
    daemon = serve(lambda _: {"ok": {"job": JOB, "state": "running"}})
    result = luzia("progress", "65%", "running", "tests", env={"LUZIA_JOB_ID": JOB})
    assert (result.returncode, result.stdout) == (0, "")
    assert daemon.requests == [{"op": "progress", "job": JOB, "percent": 65.0, "label": "running tests"}]


def test_progress_outside_of_a_job_needs_one(serve: Serve) -> None:
    daemon = serve(lambda _: {"ok": {"job": JOB, "state": "running"}})
    assert luzia("progress", "65").returncode == 2
    assert luzia("progress", "65", "--job", "a2f5").returncode == 0
    assert daemon.requests[0]["job"] == "a2f5"


@pytest.mark.parametrize("percent", ["101", "-1", "nan", "half"])
def test_a_percentage_is_between_0_and_100(percent: str) -> None:
    result = luzia("progress", "--job", "x", "--", percent)
    assert result.returncode == 2
    assert "it must be from 0 to 100" in result.stderr


def test_projects_are_listed_added_and_removed(serve: Serve, home: Path) -> None:
    project = {"name": "überbits", "path": "/gone", "exists": False, "running": 1, "agent": "shell"}
    daemon = serve(lambda _: {"ok": {"projects": [project], "config_file": "/etc/c.toml"}})
    assert "überbits  shell  1        0       /gone  (missing)" in luzia("projects").stdout
    assert luzia("projects", "add", "x", "~/x", "--agent", "vibe", env={"HOME": "/home/ada"}).returncode == 0
    assert luzia("projects", "remove", "x").stdout == "Removed x from /etc/c.toml\n"
    assert json.loads(luzia("projects", "--json", "list").stdout)["name"] == "überbits"
    assert daemon.requests[1] == {"op": "project_add", "name": "x", "path": "/home/ada/x", "agent": "vibe"}
    assert daemon.requests[2] == {"op": "project_remove", "name": "x"}


def test_without_projects_it_says_how_to_add_one(serve: Serve) -> None:
    serve(lambda _: {"ok": {"projects": [], "config_file": "/etc/c.toml"}})
    assert "luzia projects add NAME PATH" in luzia("projects").stdout


def test_a_project_without_a_path_is_a_usage_error() -> None:
    result = luzia("projects", "add", "x")
    assert result.returncode == 2
    assert result.stderr == (
        "luzia: missing PATH\n  Usage: luzia projects add [options] NAME PATH; see `luzia projects add --help`.\n"
    )


def test_agents_show_their_program_or_how_to_get_it(serve: Serve) -> None:
    agents = [
        {
            "name": "claude",
            "source": "built-in",
            "installed": True,
            "path": "/bin/claude",
            "default": True,
            "version": "2.1.330",
        },
        {"name": "codex", "source": "built-in", "installed": True, "path": "/bin/codex", "problem": "exit code 127"},
        {"name": "vibe", "source": "built-in", "installed": False, "install_hint": "uv tool install it"},
    ]
    serve(lambda _: {"ok": {"agents": agents}})
    shown = luzia("agents").stdout
    assert "claude (default)  built-in  yes        2.1.330  /bin/claude" in shown
    assert "codex             built-in  broken     -        /bin/codex does not start: exit code 127" in shown
    assert "vibe              built-in  no         -        uv tool install it" in shown
    assert len(luzia("agents", "--json").stdout.splitlines()) == 3


def test_version_shows_both_sides_and_starts_no_daemon(serve: Serve) -> None:
    assert "luziad: not running" in luzia("version", env={"LUZIA_NO_AUTOSTART": ""}).stdout
    serve(lambda _: {"ok": info(version="0.0.9")})
    result = luzia("version")
    assert f"luzia:  {__version__} (protocol 1, " in result.stdout
    assert "luzia daemon restart" in result.stdout
    assert json.loads(luzia("version", "--json").stdout)["daemon"] == "0.0.9"


def test_daemon_status_tells_how_it_does(serve: Serve) -> None:
    serve(lambda _: {"ok": info(notices=["the store was restored"])})
    result = luzia("daemon", "status")
    assert result.returncode == 0
    assert "up 1m05s" in result.stdout
    assert "Running: 2  Pending: 1" in result.stdout
    assert "! the store was restored" in result.stdout
    assert json.loads(luzia("daemon", "status", "--json").stdout)["slots"] == 4


def test_daemon_status_without_one_exits_with_3() -> None:
    result = luzia("daemon", "status", env={"LUZIA_NO_AUTOSTART": ""})
    assert result.returncode == 3
    assert "no daemon answers" in result.stderr
    assert luzia("daemon", "status", "--json").stdout == '{"running":false}\n'


def test_stopping_a_daemon_that_does_not_run_is_fine() -> None:
    result = luzia("daemon", "stop")
    assert (result.returncode, result.stdout) == (0, "luziad is not running\n")


def test_daemon_stop_returns_when_the_process_is_gone(serve: Serve) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    with process:

        def script(request: dict[str, Any]) -> Any:
            if request["op"] == "info":
                return {"ok": info(pid=process.pid)}
            assert process.stdin is not None
            process.stdin.close()
            return {"ok": {"pid": process.pid, "running": 0}}

        serve(script)
        result = luzia("daemon", "stop")
        assert (result.returncode, result.stdout) == (0, f"Stopped luziad (pid {process.pid})\n")
        # Nobody has reaped it yet, but it has ended.
        assert os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


@pytest.mark.parametrize("verb", ["stop", "restart"])
def test_a_daemon_of_systemd_s_is_left_to_systemd(serve: Serve, home: Path, verb: str) -> None:
    fake = serve(lambda _: {"ok": info(managed_by="systemd")})
    (home / "bin").mkdir()
    (home / "bin" / "systemctl").write_text('#!/bin/sh\necho "$@"\n')
    (home / "bin" / "systemctl").chmod(0o755)
    result = luzia("daemon", verb, env={"PATH": f"{home}/bin:{os.environ['PATH']}"})
    units = "luziad.service" if verb == "restart" else "luziad.socket luziad.service"
    assert (result.returncode, result.stdout) == (0, f"--user {verb} {units}\n")
    assert result.stderr == f"systemd manages luziad; running systemctl --user {verb} {units}\n"
    assert fake.ops() == ["info"]


def test_daemon_reload_tells_what_holds_now(serve: Serve) -> None:
    serve(lambda _: {"ok": {"config_file": "/c", "projects": 1, "agents": 6, "restart_needed": ["max_running"]}})
    result = luzia("daemon", "reload")
    assert (
        result.stdout
        == "Reloaded /c (projects: 1, agents: 6)\nRestart needed (`luzia daemon restart`) for: max_running\n"
    )


def test_every_daemon_action_is_in_its_help() -> None:
    shown = luzia("daemon", "--help").stdout
    assert all(f"\n  {action} " in shown for action in daemon.ACTIONS)


def test_a_project_cannot_be_named_like_a_command(serve: Serve) -> None:
    daemon = serve(lambda _: {"ok": {"projects": [], "config_file": "/c"}})
    result = luzia("projects", "add", "jobs", "/")
    assert (result.returncode, daemon.requests) == (2, [])
    assert "'jobs' is the name of a command" in result.stderr


def test_a_project_that_has_the_name_of_a_command_can_be_dispatched_to_and_the_way_is_told(serve: Serve) -> None:
    project = {"name": "jobs", "path": "/", "exists": True, "running": 0, "agent": "shell"}
    serve(lambda _: {"ok": {"projects": [project], "config_file": "/c"}})
    assert luzia("projects").stderr == (
        "luzia: 'jobs' is also the name of a command\n"
        "  Dispatch with `luzia dispatch jobs TASK`, or rename the project.\n"
    )


def test_a_text_for_a_command_is_told_how_to_reach_the_project_of_that_name(serve: Serve) -> None:
    project = {"name": "jobs", "path": "/", "exists": True, "running": 0, "agent": "shell"}

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "projects":
            return {"ok": {"projects": [project], "config_file": "/c"}}
        return {"error": {"code": "unknown_job", "message": "there is no job 'fix it'"}}

    serve(answer)
    assert luzia("jobs", "fix it").stderr.endswith("\n  To dispatch to the project 'jobs': luzia dispatch jobs TASK\n")
    assert "luzia dispatch" not in luzia("logs", "fix it").stderr, "no project has this name"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("wait",), "missing ID"),
        (("jobs", "--sort"), "--sort requires a value"),
        (("logs", "-n", "x"), "--lines: invalid number 'x'"),
        (("logs", "-n"), "--lines requires a value"),
        (("jobs", "--watch=x"), "--watch takes no value"),
        (("jobs", "--all", "-n", "3"), "--limit cannot be combined with --all"),
        (("agents", "read", "claude"), "missing --stdout"),
    ],
)
def test_a_wrong_command_line_is_told_in_luzias_words(words: tuple[str, ...], said: str) -> None:
    result = luzia(*words)
    assert result.returncode == 2
    assert result.stderr.startswith(f"luzia: {said}")


@pytest.mark.parametrize("words", [("send", "a2f5", "use", "--force"), ("answer", "a2f5", "deny", "use", "--force")])
def test_an_unknown_option_among_the_words_of_a_text_is_refused_with_the_way_out(words: tuple[str, ...]) -> None:
    refused = luzia(*words)
    assert refused.returncode == 2
    assert refused.stderr.endswith("To pass it as text, put `--` before the text.\n")
    assert "as text" not in luzia("wait", "--force").stderr


def test_a_value_that_is_refused_is_named_by_its_option(serve: Serve) -> None:
    error = {"code": "bad_request", "message": "`max_cost_usd` must be a number above 0"}
    serve(lambda request: {"ok": {}} if request["op"] == "info" else {"error": error})
    said = luzia("--max-cost", "-1", "overbits", "fix it").stderr
    assert said == "luzia: --max-cost must be a number above 0\n  See `luzia dispatch --help`.\n"
    error["message"] = "`retry_on[1]`: invalid value 'tired'"
    said = luzia("--retry-on", "failed,tired", "overbits", "fix it").stderr
    assert said == "luzia: --retry-on: invalid value 'tired'\n  See `luzia dispatch --help`.\n"


def test_cleaning_says_that_there_is_nothing_to_clean(serve: Serve) -> None:
    serve(lambda _: {"ok": {"jobs": [], "counts": {}, "seq": 1}})
    result = luzia("clean")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "luzia: no finished job has a worktree\n"


def test_a_skipped_job_of_a_graph_names_what_it_needed() -> None:
    start = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    build, lint = (
        Job(id=each, name="", project="p", agent="shell", task="", state=JobState.FAILED, created_at=start, node=node)
        for each, node in (("113754-a2f5", "build"), ("113754-b2f5", "lint"))
    )
    lint = msgspec.structs.replace(
        lint, state=JobState.SKIPPED, after=[build.id], reason=f"{build.id} failed, and this job needed it completed"
    )
    drawn = draw_graph([build, lint], Screen(), start)
    assert drawn[1].endswith("skipped: build failed, and this job needed it completed")
