"""The older names, used as older code uses them, against a real daemon."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import JobState

from luzia_client import Client, legacy
from luzia_client.legacy.processes import TrackedProcess
from luzia_client.legacy.status import OLD_WORDS, states_of
from private_luzia import PrivateLuzia, private_luzia, until

CLAUDE = Path(__file__).parents[3] / "data" / "programs" / "telling_claude.py"
PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
KEYS = {
    "id",
    "project",
    "task",
    "status",
    "progress",
    "message",
    "dispatched_at",
    "started_at",
    "updated_at",
    "completed_at",
    "exit_code",
    "history",
}


@pytest.fixture(autouse=True)
def home() -> None:
    """The environment is that of `luzia`, which all tests of this module share."""


@pytest.fixture(scope="module")
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        before = dict(os.environ)
        program = Path(luzia.root, "bin", "claude")
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -I {CLAUDE} "$@"\n')
        program.chmod(0o755)
        luzia.env |= {"PATH": f"{program.parent}:{luzia.env['PATH']}", "LUZIA_CACHE_TTL": "3600"}
        os.environ.update(luzia.env)
        luzia.client().add_project("overbits", luzia.project, "shell")
        yield luzia
        legacy.get_enhanced_dispatcher.cache_clear()
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def dispatcher(luzia: PrivateLuzia) -> legacy.ResponseiveDispatcher:
    return legacy.ResponseiveDispatcher()


def test_both_spellings_are_one_class() -> None:
    assert legacy.ResponsiveDispatcher is legacy.ResponseiveDispatcher


def test_every_state_has_an_older_word_and_finds_its_way_back() -> None:
    assert set(OLD_WORDS) == set(JobState)
    assert JobState.CANCELLED in states_of("killed")
    assert states_of("cancelled") == states_of("killed")
    assert states_of("timed_out") == [JobState.TIMED_OUT]
    assert states_of(None) == []
    with pytest.raises(ValueError, match="nonsense"):
        states_of("nonsense")


def test_a_task_is_dispatched_waited_for_and_told(dispatcher: legacy.ResponseiveDispatcher) -> None:
    job_id, elapsed_ms = dispatcher.dispatch_task("overbits", "echo done")
    assert elapsed_ms > 0
    status = dispatcher.wait_for_job(job_id, timeout=60, poll_interval=0.5)
    assert set(status) == KEYS
    assert (status["id"], status["project"], status["task"]) == (job_id, "overbits", "echo done")
    assert (status["status"], status["progress"], status["exit_code"]) == ("completed", 100, 0)
    assert datetime.fromisoformat(status["completed_at"]) >= datetime.fromisoformat(status["dispatched_at"])


def test_the_history_tells_each_change_in_order(dispatcher: legacy.ResponseiveDispatcher) -> None:
    job_id, _ = dispatcher.dispatch_task("overbits", "exit 4")
    history = dispatcher.wait_for_job(job_id)["history"]
    assert [each["status"] for each in history] == ["pending", "running", "failed"]
    assert "4" in history[-1]["message"]
    moments = [datetime.fromisoformat(each["at"]) for each in history]
    assert moments == sorted(moments)


def test_a_failure_has_its_exit_code_and_a_message(dispatcher: legacy.ResponseiveDispatcher) -> None:
    job_id, _ = dispatcher.dispatch_task("overbits", "exit 3", "shell")
    status = dispatcher.wait_for_job(job_id)
    assert (status["status"], status["exit_code"]) == ("failed", 3)
    assert "3" in status["message"]


def test_an_unknown_job_is_none_and_takes_no_news(dispatcher: legacy.ResponseiveDispatcher) -> None:
    assert dispatcher.get_status("no-such-job") is None
    assert not dispatcher.update_status("no-such-job", "running", 5)


def test_progress_is_reported_and_a_job_is_killed(dispatcher: legacy.ResponseiveDispatcher) -> None:
    job_id, _ = dispatcher.dispatch_task("overbits", "sleep 1000")
    until(lambda: dispatcher.update_status(job_id, "running", 40, "half way"), "progress is taken")
    status = dispatcher.get_status(job_id, use_cache=False)
    assert status is not None
    assert (status["status"], status["progress"], status["message"]) == ("running", 40, "half way")
    assert job_id in [job["id"] for job in dispatcher.list_jobs("overbits", status_filter="running")]
    assert dispatcher.wait_for_job(job_id, timeout=0.01)["status"] == "running"
    assert dispatcher.update_status(job_id, "killed")
    assert dispatcher.wait_for_job(job_id)["status"] == "killed"
    assert not dispatcher.update_status(job_id, "running", 50)


def test_the_monitor_is_one_daemon_thread_and_keeps_answers_fresh(
    dispatcher: legacy.ResponseiveDispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = dispatcher.start_background_monitor()
    assert isinstance(thread, threading.Thread)
    assert thread.daemon
    assert dispatcher.start_background_monitor() is thread
    job_id, _ = dispatcher.dispatch_task("overbits", "sleep 1000")
    until(lambda: (dispatcher.get_status(job_id) or {}).get("status") == "running", "the job is seen running")
    dispatcher.update_status(job_id, "killed")
    until(lambda: (dispatcher.get_status(job_id) or {}).get("status") == "killed", "its end is seen")


def test_another_jobs_directory_than_the_daemons_is_warned_about(luzia: PrivateLuzia) -> None:
    with pytest.warns(UserWarning, match="the daemon keeps its jobs in"):
        legacy.ResponseiveDispatcher("/somewhere/else")


def test_the_enhanced_dispatcher_prints_what_it_does(luzia: PrivateLuzia, capsys: pytest.CaptureFixture[str]) -> None:
    enhanced = legacy.get_enhanced_dispatcher()
    assert enhanced is legacy.get_enhanced_dispatcher()
    job_id, status = enhanced.dispatch_and_report("overbits", "sleep 1000")
    assert status["id"] == job_id
    assert f"agent:overbits:{job_id}" in capsys.readouterr().out
    enhanced.show_concurrent_summary()
    assert job_id in capsys.readouterr().out
    enhanced.show_jobs_summary("overbits")
    out = capsys.readouterr().out
    assert "Task Summary:" in out
    assert job_id in out
    enhanced.dispatcher.update_status(job_id, "killed")
    enhanced.dispatcher.wait_for_job(job_id)
    shown = enhanced.get_status_and_display(job_id, show_full=True)
    assert shown == legacy.track_existing_job(job_id)
    assert "killed" in capsys.readouterr().out
    assert enhanced.get_status_and_display("no-such-job") is None


def told(luzia: PrivateLuzia, job_id: str) -> tuple[list[str], str]:
    """The arguments and the task that the stand-in for Claude received."""
    output = luzia.client().read_output(job_id, max_bytes=1 << 20).data
    words, task = json.loads(json.loads(output.splitlines()[-1])["result"])
    return words, task


def test_claude_is_spawned_with_the_context_in_its_system_prompt(
    luzia: PrivateLuzia, capsys: pytest.CaptureFixture[str]
) -> None:
    context, task = "# Project\nUse tabs; never push.", "fix the login button"
    job_id = legacy.enhanced_spawn_claude_agent("overbits", task, context, {"path": luzia.project})
    printed = capsys.readouterr().out.splitlines()
    status = legacy.get_enhanced_dispatcher().dispatcher.wait_for_job(job_id, timeout=60)
    assert (status["status"], status["task"]) == ("completed", task)
    assert luzia.client().get_job(job_id).agent == "claude"
    words, prompt = told(luzia, job_id)
    assert f"--append-system-prompt={context}" in words
    assert prompt == task
    assert printed[-1] == f"agent:overbits:{job_id}" == luzia.client().get_job(job_id).name
    assert sum(line.startswith("agent:") for line in printed) == 1


@pytest.mark.parametrize("context", ["", "  \n", None])
def test_claude_is_spawned_without_a_context(luzia: PrivateLuzia, context: Any) -> None:
    job_id = legacy.enhanced_spawn_claude_agent(project="overbits", task="-x", context=context, config=None)
    legacy.get_enhanced_dispatcher().dispatcher.wait_for_job(job_id, timeout=60)
    words, prompt = told(luzia, job_id)
    assert not any("system-prompt" in word for word in words)
    assert prompt == "-x"


@pytest.mark.parametrize("size", [1000, 200_000])
def test_another_agent_and_a_long_context_get_it_before_the_task(luzia: PrivateLuzia, size: int) -> None:
    context = "# " + "x" * size
    dispatcher = legacy.get_enhanced_dispatcher().dispatcher
    job_id = legacy.enhanced_spawn_claude_agent("overbits", "echo did it", context, {"agent": "shell"})
    status = dispatcher.wait_for_job(job_id, timeout=60)
    assert (status["status"], status["task"]) == ("completed", "echo did it")
    assert luzia.client().read_output(job_id).data == "did it\n"
    if size > 100_000:
        job_id = legacy.enhanced_spawn_claude_agent("overbits", "go", context)
        dispatcher.wait_for_job(job_id, timeout=60)
        assert told(luzia, job_id)[1] == f"{context}\n\ngo"


def test_a_context_that_cannot_be_passed_is_refused(luzia: PrivateLuzia) -> None:
    with pytest.raises(Refused, match="NUL"):
        legacy.enhanced_spawn_claude_agent("overbits", "true", "a\0b")
    with pytest.raises(Refused, match="a command has no system prompt"):
        Client().dispatch("overbits", argv=["true"], system_prompt="use tabs")


@pytest.mark.parametrize(
    "config",
    [
        {"path": "PATH"},
        {"projects": {"unheard-of": {"path": "PATH"}}},
        {"projects": {"unheard-of": "PATH"}},
        {"projects": ["unheard-of"], "path": "PATH"},
    ],
)
def test_an_unknown_project_with_a_path_is_used_by_its_path_and_printed_by_its_name(
    luzia: PrivateLuzia, capsys: pytest.CaptureFixture[str], config: dict[str, Any]
) -> None:
    with pytest.raises(Refused):
        legacy.enhanced_spawn_claude_agent("unheard-of", "true")
    with pytest.raises(Refused):
        legacy.enhanced_spawn_claude_agent("unheard-of", "true", config={"projects": {"another": {}}})
    config = json.loads(json.dumps(config).replace("PATH", luzia.project))
    job_id = legacy.enhanced_spawn_claude_agent("unheard-of", "true", config=config)
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == luzia.client().get_job(job_id).name
    assert luzia.project not in printed
    job_id, status = legacy.get_enhanced_dispatcher().dispatch_and_report(luzia.project, "true")
    assert capsys.readouterr().out.splitlines()[-1] == f"agent:{status['project']}:{job_id}"


@pytest.mark.parametrize("show_details", [True, False, None])
@pytest.mark.parametrize("show_feedback", [True, False])
def test_a_dispatch_is_reported_as_requested(
    luzia: PrivateLuzia, capsys: pytest.CaptureFixture[str], show_details: bool | None, show_feedback: bool
) -> None:
    enhanced = legacy.EnhancedDispatcher()
    job_id, status = enhanced.dispatch_and_report(
        project="overbits", task="true", show_details=show_details, show_feedback=show_feedback
    )
    assert (status["id"], status["task"]) == (job_id, "true")
    said = capsys.readouterr().out
    assert ("✓ Dispatched" in said) == show_feedback
    assert ("Task:" in said) == (show_feedback and show_details is not False)
    assert said.count("agent:") == (show_feedback and show_details is None)
    if show_feedback:
        assert f"  Use: luzia jobs to view status\n       luzia jobs {job_id} for details\n" in said
    job_id, _ = enhanced.dispatch_and_report("overbits", "true", show_details, show_feedback)
    assert (job_id in capsys.readouterr().out) == show_feedback


def test_a_job_type_is_an_agent_or_else_the_default_one(luzia: PrivateLuzia) -> None:
    dispatcher = legacy.ResponseiveDispatcher()
    with pytest.warns(UserWarning, match="no agent is named docker"):
        job_id, _ = dispatcher.dispatch_task("overbits", "true", job_type="docker")
    assert luzia.client().get_job(job_id).agent == "shell"
    job_id, _ = dispatcher.dispatch_task("overbits", "true", "")
    assert luzia.client().get_job(job_id).agent == "shell"
    with pytest.raises(Refused):
        legacy.enhanced_spawn_claude_agent("overbits", "true", "", {"agent": "docker"})


NO_JOBS: list[Any] = ["no-such-job", "", "a b", "../x", "x" * 10_000, "a\0b", "\ud800", None, 7, [], b"x"]


@pytest.mark.parametrize("job_id", NO_JOBS, ids=range(len(NO_JOBS)))
def test_a_job_that_does_not_exist_is_none_or_false_everywhere(
    dispatcher: legacy.ResponseiveDispatcher, capsys: pytest.CaptureFixture[str], job_id: Any
) -> None:
    assert dispatcher.get_status(job_id) is None
    assert dispatcher.get_status(job_id, use_cache=False) is None
    assert dispatcher.wait_for_job(job_id, timeout=60, poll_interval=0.5) is None
    assert legacy.track_existing_job(job_id) is None
    for status in ("running", "completed", "failed", "killed", "pending", "nonsense", "", None, 7):
        assert dispatcher.update_status(job_id, status, 5, "text") is False  # type: ignore[arg-type]
    assert legacy.EnhancedDispatcher().get_status_and_display(job_id) is None
    legacy.show_job_status_interactive(job_id)
    assert capsys.readouterr().out.count("✗ There is no job") == 2


def test_lists_of_nothing_are_empty(dispatcher: legacy.ResponseiveDispatcher) -> None:
    assert dispatcher.list_jobs("no-such-project") == []
    assert dispatcher.list_jobs(status_filter="nonsense") == []
    assert dispatcher.list_jobs(project="overbits", status_filter="") == dispatcher.list_jobs("overbits")


def test_updates_of_a_running_job_are_true_or_false_and_never_an_exception(
    dispatcher: legacy.ResponseiveDispatcher,
) -> None:
    def shown() -> tuple[str, int, str]:
        status = dispatcher.get_status(job_id, use_cache=False)
        assert status is not None
        return status["status"], status["progress"], status["message"]

    job_id, _ = dispatcher.dispatch_task("overbits", "sleep 1000")
    until(lambda: dispatcher.update_status(job_id, "running", 30, "reading"), "the job runs")
    assert dispatcher.update_status(job_id, "running") is True
    assert dispatcher.update_status(job_id, "running", None, "writing") is True
    assert shown() == ("running", 30, "writing")
    assert dispatcher.update_status(job_id, "running", 31) is True
    assert dispatcher.update_status(job_id, status="running", progress="31.9", message="") is True  # type: ignore[arg-type]
    assert shown() == ("running", 31, "writing")
    assert dispatcher.update_status(job_id, "running", 150) is True
    assert shown()[1] == 99
    assert dispatcher.update_status(job_id, "running", float("inf")) is True
    assert dispatcher.update_status(job_id, "running", -5) is True
    assert shown() == ("running", 0, "writing")
    assert dispatcher.update_status(job_id, "running", 40, "x" * 100_000) is True
    before = shown()
    for progress in (float("nan"), "a lot", [], object()):
        assert dispatcher.update_status(job_id, "running", progress, "no") is False  # type: ignore[arg-type]
    for status in ("completed", "failed", "pending", "paused", "nonsense", "", None, 7):
        assert dispatcher.update_status(job_id, status, 50, "no", 0) is False  # type: ignore[arg-type]
    assert dispatcher.update_status(job_id, "running", 50, "\ud800") in (True, False)
    dispatcher.update_status(job_id, "running", before[1], before[2])
    assert shown() == before
    assert dispatcher.update_status(job_id, "running", 41, 7) is True  # type: ignore[arg-type]
    assert shown() == ("running", 41, "7")
    assert dispatcher.update_status(job_id, "cancelled") is True
    assert dispatcher.wait_for_job(job_id) is not None
    for status in ("running", "completed", "failed", "killed", "pending"):
        assert dispatcher.update_status(job_id, status, 50) is False
    assert shown()[0] == "killed"


def test_an_update_of_a_job_that_has_not_started_is_false(dispatcher: legacy.ResponseiveDispatcher) -> None:
    job_id = Client().dispatch("overbits", "true", hold=True).job
    assert dispatcher.update_status(job_id, "running") is False
    assert dispatcher.update_status(job_id, "running", 5, "text") is False
    assert dispatcher.update_status(job_id, "pending") is False
    assert dispatcher.update_status(job_id, "killed") is True
    assert dispatcher.update_status(job_id, "killed") is False


def test_updates_of_a_tracked_process_are_true_or_false_too(luzia: PrivateLuzia) -> None:
    dispatcher = legacy.ResponseiveDispatcher()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        dispatcher.track("mine", process.pid)
        assert dispatcher.update_status("mine", "running", 30, "reading") is True
        assert dispatcher.update_status("mine", "running") is True
        assert dispatcher.update_status("mine", "running", None, "writing") is True
        status = dispatcher.get_status("mine")
        assert status is not None
        assert (status["progress"], status["message"]) == (30, "writing")
        assert dispatcher.update_status("mine", "running", -5) is True
        assert dispatcher.update_status("mine", "running", float("nan")) is False
        assert dispatcher.update_status("mine", "nonsense", 5) is False
        for timeout in (-1, 0, 0.01):
            status = dispatcher.wait_for_job("mine", timeout=timeout)
            assert (status["status"], status["message"]) == ("running", "writing")
        assert dispatcher.update_status("mine", "completed", None, None, 0) is True
        assert dispatcher.update_status("mine", "running") is False
        for endless in (None, float("inf"), 1e300):
            ended = dispatcher.wait_for_job("mine", timeout=endless)
            assert ended["status"] == "completed"
        process.communicate()


def test_a_wait_takes_any_timeout_and_a_list_any_project(
    luzia: PrivateLuzia, dispatcher: legacy.ResponseiveDispatcher
) -> None:
    job_id, _ = dispatcher.dispatch_task("overbits", "sleep 1000")
    for timeout in (-1, 0):
        status = dispatcher.wait_for_job(job_id, timeout, 0.1)
        assert status["status"] in ("pending", "running")
    dispatcher.update_status(job_id, "killed")
    for endless in (None, float("inf"), 1e300, float("nan"), "60"):
        status = dispatcher.wait_for_job(job_id, endless)  # type: ignore[arg-type]
        assert status["status"] == "killed"
    for project in (luzia.project, Path(luzia.project)):
        assert job_id in [job["id"] for job in dispatcher.list_jobs(project, "killed")]
    assert dispatcher.list_jobs("overbits", ["killed"]) == []  # type: ignore[arg-type]


def test_all_threads_share_one_dispatcher_and_one_monitor(luzia: PrivateLuzia) -> None:
    legacy.get_enhanced_dispatcher.cache_clear()
    barrier = threading.Barrier(8)

    def start() -> threading.Thread:
        barrier.wait()
        return legacy.start_background_monitoring()

    with ThreadPoolExecutor(8) as threads:
        found = [each.result() for each in [threads.submit(start) for _ in range(8)]]
    assert len(set(found)) == 1
    assert legacy.get_enhanced_dispatcher().dispatcher.start_background_monitor() is found[0]


def test_bars_and_messages_print_nothing_that_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert legacy.ProgressBar.bar(60) == "[████████████░░░░░░░░] 60%"
    assert legacy.ProgressBar.bar(250, width=4) == "[████] 100%"
    legacy.ResponseiveOutput.error("bad \x1b[2J")
    legacy.CLIFeedback.job_dispatched("113754-a2f5", "over\x1bbits", "task\x07")
    assert "\x1b" not in capsys.readouterr().out


def test_a_process_of_somebody_else_is_tracked_by_its_pid(luzia: PrivateLuzia) -> None:
    dispatcher = legacy.get_enhanced_dispatcher().dispatcher
    with subprocess.Popen(["sh", "-c", "read line; exit 3"], stdin=subprocess.PIPE) as process:
        status = legacy.track_existing_job("mine-1", process.pid, "overbits", "an agent of my own")
        assert status is not None
        assert set(status) == KEYS
        assert (status["status"], status["progress"], status["completed_at"]) == ("running", 0, None)
        assert dispatcher.update_status("mine-1", "running", 100, "nearly there")
        status = dispatcher.get_status("mine-1")
        assert status is not None
        assert (status["progress"], status["message"]) == (99, "nearly there")
        assert "mine-1" in [job["id"] for job in dispatcher.list_jobs("overbits", "running")]
        assert "mine-1" not in [job["id"] for job in dispatcher.list_jobs("another")]
        assert dispatcher.wait_for_job("mine-1", timeout=0.01)["status"] == "running"
        process.communicate(b"go\n")
        status = dispatcher.wait_for_job("mine-1")
    assert (status["status"], status["project"]) == ("failed", "overbits")
    assert status["history"][-1]["status"] == "failed"
    assert not dispatcher.update_status("mine-1", "running", 50)


def test_the_exit_code_of_a_child_is_known_and_of_a_stranger_only_if_somebody_says_it() -> None:
    with subprocess.Popen(["sh", "-c", "read line; exit 3"], stdin=subprocess.PIPE) as child:
        tracked = TrackedProcess("child", child.pid)
        assert child.stdin is not None
        child.stdin.close()
        status = tracked.wait(None)
    assert (status["status"], status["exit_code"]) == ("failed", 3)
    with subprocess.Popen(["sleep", "1000"]) as child:
        tracked = TrackedProcess("killed", child.pid)
        child.kill()
        assert tracked.wait(None)["status"] == "killed"
    with subprocess.Popen(["sh", "-c", "sleep 1000 & echo $!; exec cat"], **PIPES) as parent:
        assert parent.stdout is not None
        grandchild = int(parent.stdout.readline())
        stranger, told = TrackedProcess("stranger", grandchild), TrackedProcess("told", grandchild)
        assert told.update("completed", 100, "it wrote its report", 0)
        os.kill(grandchild, signal.SIGTERM)
        status = stranger.wait(None)
        assert (status["status"], status["exit_code"]) == ("failed", None)
        assert "only its parent" in status["message"]
        status = told.status()
        assert (status["status"], status["progress"], status["exit_code"]) == ("completed", 100, 0)
        parent.communicate()


def test_a_process_that_is_gone_already_has_ended() -> None:
    with subprocess.Popen(["true"]) as child:
        pass
    status = TrackedProcess("gone", child.pid).wait(5)
    assert status["status"] == "failed"
    assert "before it was tracked" in status["message"]
    for pid in (0, -1, 2**70):
        assert TrackedProcess("none", pid).wait(5)["status"] == "failed"


def test_a_job_is_shown_until_it_ends(luzia: PrivateLuzia, capsys: pytest.CaptureFixture[str]) -> None:
    job_id, _ = legacy.ResponseiveDispatcher().dispatch_task("overbits", "exit 4")
    capsys.readouterr()
    legacy.show_job_status_interactive(job_id)
    shown = capsys.readouterr().out
    assert shown.startswith(f"Monitoring job: {job_id}\n")
    assert "exit code 4" in shown


def test_each_kind_of_message_is_one_harmless_line(capsys: pytest.CaptureFixture[str]) -> None:
    output = legacy.ResponseiveOutput
    for show in (output.success, output.error, output.warning, output.info):
        show("two\nlines \x1b[2J")
        said = capsys.readouterr().out
        assert said.count("\n") == 1
        assert "\x1b" not in said
    output.progress(150, "nearly")
    assert capsys.readouterr().out.endswith("] 100% nearly\n")


def test_a_step_tells_its_start_and_its_success_with_its_duration(capsys: pytest.CaptureFixture[str]) -> None:
    with legacy.ResponseiveOutput("reading \x1b[2J") as output:
        assert capsys.readouterr().out == "reading ^[[2J…\n"
        output.progress(50, "half way")
        output.info("nearly")
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [f"{legacy.ProgressBar.bar(50)} half way", "nearly"]
    assert re.fullmatch(r"✓ reading \^\[\[2J \(\d+ms\)", said[-1])
    with output:  # used once more
        pass
    assert len(capsys.readouterr().out.splitlines()) == 2
    with legacy.ResponseiveOutput(message="leaving"), pytest.raises(SystemExit):
        sys.exit(0)
    assert "✓ leaving" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no such\nfile"), "ValueError: no such"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(3), "SystemExit: 3"),
    ],
)
def test_a_step_tells_its_failure_and_lets_the_exception_through(
    capsys: pytest.CaptureFixture[str], error: BaseException, said: str
) -> None:
    def work() -> None:
        with legacy.ResponseiveOutput("outer"), legacy.ResponseiveOutput("inner"):
            raise error

    with pytest.raises(type(error)) as raised:
        work()
    assert raised.value is error
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["outer…", "inner…"]
    assert re.fullmatch(rf"✗ inner \(\d+ms\): {said}", lines[2])
    assert re.fullmatch(rf"✗ outer \(\d+ms\): {said}", lines[3])


def test_a_step_lets_an_exception_through_whose_text_cannot_be_made(capsys: pytest.CaptureFixture[str]) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with pytest.raises(Odd), legacy.ResponseiveOutput("odd"):
        raise Odd
    assert re.search(r"✗ odd \(\d+ms\): Odd\n", capsys.readouterr().out)


def test_messages_may_be_of_any_type(capsys: pytest.CaptureFixture[str]) -> None:
    output = legacy.ResponseiveOutput
    output.error(ValueError("no network"))
    output.success(5)
    output.info(None)
    output.progress(50, None)
    legacy.CLIFeedback.job_dispatched("113754-a2f5", None, None)  # type: ignore[arg-type]
    legacy.CLIFeedback.show_jobs_list([None, {"id": "a", "status": "running"}])
    legacy.CLIFeedback.show_concurrent_jobs([None])
    said = capsys.readouterr().out
    assert said.startswith("✗ no network\n✓ 5\n\n")
    assert "None" not in said


@pytest.mark.parametrize(
    "status",
    [{}, {"id": "a"}, {"status": "running", "progress": 30}, {"message": None, "progress": None, "status": "running"}],
)
def test_a_status_may_lack_any_key(capsys: pytest.CaptureFixture[str], status: dict[str, Any]) -> None:
    for full in (False, True):
        legacy.CLIFeedback.show_status(status, show_full=full)
    legacy.CLIFeedback.show_jobs_list([status])
    legacy.CLIFeedback.show_concurrent_jobs([status])
    said = capsys.readouterr().out
    assert "None" not in said
    assert ("30%" in said) == (status.get("progress") == 30)
    legacy.CLIFeedback.show_status(None)
    assert "does not exist" in capsys.readouterr().out


@pytest.mark.parametrize("percent", [None, "", "many", float("nan"), []])
def test_a_bar_of_what_is_no_number_is_empty(percent: Any) -> None:
    assert legacy.ProgressBar.bar(percent, width=4) == "[░░░░] 0%"
    assert legacy.ProgressBar.bar(50, width=-1) == "[] 50%"
