"""The older names, used as older code uses them, against a real daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import JobState

from luzia_client import legacy
from luzia_client.legacy.processes import TrackedProcess
from luzia_client.legacy.status import OLD_WORDS, states_of
from private_luzia import PrivateLuzia, private_luzia, until

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


def test_an_agent_is_spawned_with_its_context_before_the_task(luzia: PrivateLuzia) -> None:
    job_id = legacy.enhanced_spawn_claude_agent("overbits", "echo task", context="# context")
    status = legacy.track_existing_job(job_id)
    assert status is not None
    assert status["task"] == "# context\n\necho task"


def test_an_unknown_project_with_a_path_is_used_by_its_path(luzia: PrivateLuzia) -> None:
    with pytest.raises(Refused):
        legacy.enhanced_spawn_claude_agent("unheard-of", "true")
    config = {"path": luzia.project, "agent": "shell"}
    assert legacy.enhanced_spawn_claude_agent("unheard-of", "true", config=config)


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


def test_a_job_is_shown_until_it_ends(luzia: PrivateLuzia, capsys: pytest.CaptureFixture[str]) -> None:
    job_id = legacy.enhanced_spawn_claude_agent("overbits", "exit 4")
    capsys.readouterr()
    legacy.show_job_status_interactive(job_id)
    shown = capsys.readouterr().out
    assert job_id in shown
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
