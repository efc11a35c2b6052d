"""The four steps of the older integration and its examples run as written, with only their import lines changed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luzia_client import legacy
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until

CLAUDE = Path(__file__).parents[1] / "data" / "programs" / "telling_claude.py"

STEP_1 = """
from dispatcher_enhancements import (
    EnhancedDispatcher, enhanced_spawn_claude_agent, get_enhanced_dispatcher, show_job_status_interactive,
    start_background_monitoring, track_existing_job,
)
from responsive_dispatcher import ResponseiveDispatcher
from cli_feedback import CLIFeedback, Colors, ProgressBar, ResponseiveOutput
"""

STEP_2 = """
def route_project_task(config, args, kwargs):
    project, task = args[0], " ".join(args[1:])
    is_natural_language = not task.startswith("sh ")
    enhanced = get_enhanced_dispatcher()
    job_id, status = enhanced.dispatch_and_report(
        project=project,
        task=task,
        show_details=is_natural_language,
        show_feedback=True,
    )
    print(f"agent:{project}:{job_id}")
    return job_id
"""

STEP_3 = """
def route_jobs(config, args, kwargs):
    enhanced = get_enhanced_dispatcher()
    if not args:
        enhanced.show_jobs_summary()
        enhanced.show_concurrent_summary()
    elif "--watch" in args:
        show_job_status_interactive(args[0])
    else:
        enhanced.get_status_and_display(args[0], show_full=True)
    return 0
"""

STEP_4 = """
monitor = start_background_monitoring()
"""

MODULES = re.compile(r"^from (dispatcher_enhancements|responsive_dispatcher|cli_feedback) import", re.MULTILINE)


@pytest.fixture
def luzia(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        program = Path(luzia.root, "bin", "claude")
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -I {CLAUDE} "$@"\n')
        program.chmod(0o755)
        for name in filter(lambda name: name.startswith("LUZIA_"), [*os.environ]):
            monkeypatch.delenv(name)
        luzia.env["PATH"] = f"{program.parent}:{luzia.env['PATH']}"
        for name in ("LUZIA_RUNTIME_DIR", "LUZIA_STATE_DIR", "LUZIA_CONFIG", "LUZIA_MONITOR_INTERVAL", "PATH"):
            monkeypatch.setenv(name, luzia.env[name])
        legacy.get_enhanced_dispatcher.cache_clear()
        yield luzia
        legacy.get_enhanced_dispatcher.cache_clear()


@pytest.fixture
def guide(luzia: PrivateLuzia) -> dict[str, Any]:
    """The names that the four steps define, before any daemon runs."""
    code = STEP_1 + STEP_4 + STEP_2 + STEP_3
    changed = MODULES.sub("from luzia_client.legacy import", code)
    assert sum(old != new for old, new in zip(code.splitlines(), changed.splitlines(), strict=True)) == 3
    names: dict[str, Any] = {}
    exec(changed, names)
    luzia.client().add_project("overbits", luzia.project, "shell")
    os.mkfifo(os.path.join(luzia.project, "gate"))
    return names


def open_gate(luzia: PrivateLuzia) -> None:
    os.close(os.open(os.path.join(luzia.project, "gate"), os.O_WRONLY))


def test_a_task_is_confirmed_at_once_and_named_once(guide: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    job_id = guide["route_project_task"]({}, ["overbits", "echo", "fixed"], {})
    assert capsys.readouterr().out == (
        "✓ Dispatched\n"
        f"  Job ID:  {job_id}\n"
        "  Project: overbits\n"
        "  Task:    echo fixed\n"
        "\n"
        "  Use: luzia jobs to view status\n"
        f"       luzia jobs {job_id} for details\n"
        "\n"
        f"agent:overbits:{job_id}\n"
    )
    guide["route_project_task"]({}, ["overbits", "sh", "-c", "true"], {})
    said = capsys.readouterr().out
    assert "Task:" not in said
    assert said.count("agent:") == 1


def test_jobs_are_listed_shown_and_watched(
    luzia: PrivateLuzia, guide: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    route_jobs = guide["route_jobs"]
    dispatcher = guide["get_enhanced_dispatcher"]().dispatcher
    job_id = guide["route_project_task"]({}, ["overbits", "cat gate >/dev/null"], {})
    until(lambda: dispatcher.update_status(job_id, "running", 30, "tests"), "the job runs")
    capsys.readouterr()
    route_jobs({}, [], {})
    said = capsys.readouterr().out
    assert said.startswith("Task Summary:\n  Pending: 0  Running: 1  Completed: 0")
    assert said.count(f"{job_id}  overbits  running  [██████░░░░░░░░░░░░░░] 30%  tests") == 2
    route_jobs({}, [job_id], {})
    assert f"{job_id}  overbits  running  [██████░░░░░░░░░░░░░░] 30%  tests" in capsys.readouterr().out
    open_gate(luzia)
    route_jobs({}, [job_id, "--watch"], {})
    said = capsys.readouterr().out
    assert said.startswith(f"Monitoring job: {job_id}\n")
    assert re.search(rf"{job_id} overbits completed \[██████████\] 100% after", said)
    for words in (["nosuch"], ["nosuch", "--watch"]):
        route_jobs({}, words, {})
        assert capsys.readouterr().out == "✗ There is no job nosuch.\n"


def test_the_command_line_prints_the_same_lines(luzia: PrivateLuzia, guide: dict[str, Any]) -> None:
    job_id = guide["route_project_task"]({}, ["overbits", "true"], {})
    watched = luzia.run("jobs", job_id, "--watch")
    assert watched.returncode == 0
    said = watched.stdout.decode()
    assert said.startswith(f"Monitoring job: {job_id}\n")
    assert "Task Summary:" in said
    assert luzia.run("overbits", "true").stdout.decode().startswith("agent:overbits:")


def test_the_monitor_that_was_started_before_the_daemon_follows(luzia: PrivateLuzia, guide: dict[str, Any]) -> None:
    monitor = guide["monitor"]
    assert monitor.is_alive()
    assert guide["start_background_monitoring"]() is monitor
    dispatcher = guide["get_enhanced_dispatcher"]().dispatcher
    job_id = guide["route_project_task"]({}, ["overbits", "cat gate >/dev/null"], {})
    until(lambda: dispatcher.get_status(job_id)["status"] == "running", "its start is seen")
    open_gate(luzia)
    until(lambda: dispatcher.get_status(job_id)["status"] == "completed", "its end is seen")


EXAMPLES = """
dispatcher = ResponseiveDispatcher()
with ResponseiveOutput("working"):
    job_id, elapsed_ms = dispatcher.dispatch_task("overbits", "exit 0", job_type="docker")
final = dispatcher.wait_for_job(job_id, timeout=60, poll_interval=0.5)
missing = dispatcher.wait_for_job("nosuch"), dispatcher.get_status("nosuch", use_cache=False)
late = [
    dispatcher.update_status(job_id, "running", 50),
    dispatcher.update_status(job_id, "completed", 100, "done", exit_code=0),
    dispatcher.update_status("nosuch", "running", progress=50, message="half"),
]
try:
    with ResponseiveOutput("failing"):
        raise ValueError("no network")
except ValueError as error:
    raised = str(error)
CLIFeedback.show_status({"id": job_id, "project": "overbits", "status": "running", "progress": 30})
print(f"{Colors.GREEN}{Colors.BOLD}{ProgressBar.bar(60, width=10)}{Colors.RESET}")
spawned = enhanced_spawn_claude_agent("overbits", "fix it", "You know the project.", {"path": "/nowhere"})
found = track_existing_job(spawned)
concurrent = dispatcher.list_jobs(project="overbits", status_filter="running")
"""


@pytest.mark.filterwarnings("ignore:no agent is named docker")
def test_the_examples_do_what_they_did(
    luzia: PrivateLuzia, guide: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    exec(EXAMPLES, guide)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "working…"
    assert re.fullmatch(r"✓ working \([\d.]+m?s\)", said[1])
    assert said[2] == "failing…"
    assert re.fullmatch(r"✗ failing \(\d+ms\): ValueError: no network", said[3])
    assert said[4] == f"  {guide['job_id']}  overbits  running  [██████░░░░░░░░░░░░░░] 30%"
    assert said[5] == "\x1b[32m\x1b[1m[██████░░░░] 60%\x1b[0m"
    assert said[-1] == f"agent:overbits:{guide['spawned']}"
    assert (guide["final"]["status"], guide["final"]["progress"]) == ("completed", 100)
    assert guide["missing"] == (None, None)
    assert guide["late"] == [False, False, False]
    assert guide["raised"] == "no network"
    assert guide["found"]["task"] == "fix it"
    job = luzia.client().wait(guide["spawned"], timeout_s=DEADLINE_S).jobs[0]
    assert (job.agent, job.name) == ("claude", f"agent:overbits:{guide['spawned']}")
    assert "--append-system-prompt=You know the project." in luzia.client().read_output(job).data
