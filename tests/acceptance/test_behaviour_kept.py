"""What code written for older luzias relies on: eleven behaviours under their old names, against a real daemon."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from luzia_client import legacy
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until

WAITS = "cat gate >/dev/null"
"""A task that runs until somebody opens the project's FIFO `gate` for writing."""


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        before = dict(os.environ)
        os.environ.update(luzia.env)
        os.environ["LUZIA_CACHE_TTL"] = "3600"
        os.mkfifo(os.path.join(luzia.project, "gate"))
        luzia.client().add_project("overbits", luzia.project, "shell")
        try:
            yield luzia
        finally:
            legacy.get_enhanced_dispatcher.cache_clear()
            os.environ.clear()
            os.environ.update(before)


@pytest.fixture
def dispatcher(luzia: PrivateLuzia) -> legacy.ResponsiveDispatcher:
    return legacy.ResponsiveDispatcher()


def open_gate(luzia: PrivateLuzia) -> None:
    os.close(os.open(os.path.join(luzia.project, "gate"), os.O_WRONLY))


def state(dispatcher: legacy.ResponsiveDispatcher, job_id: str) -> str:
    status = dispatcher.get_status(job_id, use_cache=False)
    assert status is not None
    return str(status["status"])


def test_immediate_dispatch(luzia: PrivateLuzia, dispatcher: legacy.ResponsiveDispatcher) -> None:
    job_id, elapsed_ms = dispatcher.dispatch_task("overbits", WAITS)
    assert state(dispatcher, job_id) in ("pending", "running")  # the answer came before the task ended
    assert elapsed_ms > 0
    open_gate(luzia)
    assert dispatcher.wait_for_job(job_id, timeout=DEADLINE_S)["status"] == "completed"


def test_status_retrieval(dispatcher: legacy.ResponsiveDispatcher) -> None:
    job_id, _ = dispatcher.dispatch_task("overbits", "exit 7")
    dispatcher.wait_for_job(job_id, timeout=DEADLINE_S)
    status = dispatcher.get_status(job_id, use_cache=False)
    assert status is not None
    assert (status["id"], status["project"], status["task"]) == (job_id, "overbits", "exit 7")
    assert (status["status"], status["exit_code"]) == ("failed", 7)
    assert dispatcher.get_status("no-such-job") is None


def test_status_updates(luzia: PrivateLuzia, dispatcher: legacy.ResponsiveDispatcher) -> None:
    job_id, _ = dispatcher.dispatch_task("overbits", WAITS)
    until(lambda: dispatcher.update_status(job_id, "running", 25, "a quarter"), "the job takes news")
    for percent, message in ((50, "half"), (75, "three quarters")):
        assert dispatcher.update_status(job_id, "running", percent, message)
        status = dispatcher.get_status(job_id, use_cache=False)
        assert status is not None
        assert (status["progress"], status["message"]) == (percent, message)
    open_gate(luzia)
    status = dispatcher.wait_for_job(job_id, timeout=DEADLINE_S)
    assert (status["status"], status["progress"]) == ("completed", 100)
    assert [each["status"] for each in status["history"]] == ["pending", "running", "completed"]


def test_concurrent_jobs(luzia: PrivateLuzia, dispatcher: legacy.ResponsiveDispatcher) -> None:
    barrier = 'touch $LUZIA_JOB_ID.here; until [ "$(ls *.here | wc -l)" = 3 ]; do sleep 0.02; done'
    with ThreadPoolExecutor(3) as threads:
        jobs = [job for job, _ in threads.map(lambda _: dispatcher.dispatch_task("overbits", barrier), range(3))]
    assert len(set(jobs)) == 3
    assert [dispatcher.wait_for_job(job, timeout=DEADLINE_S)["status"] for job in jobs] == ["completed"] * 3
    assert set(jobs) == {status["id"] for status in dispatcher.list_jobs("overbits")}


def test_cache_behavior(luzia: PrivateLuzia, dispatcher: legacy.ResponsiveDispatcher) -> None:
    job_id, _ = dispatcher.dispatch_task("overbits", WAITS)
    until(lambda: state(dispatcher, job_id) == "running", "the job runs")
    remembered = dispatcher.get_status(job_id)
    open_gate(luzia)
    luzia.client().wait([job_id], timeout_s=DEADLINE_S)
    assert dispatcher.get_status(job_id) == remembered  # an hour has not passed
    fresh = dispatcher.get_status(job_id, use_cache=False)
    assert fresh is not None
    assert fresh["status"] == "completed"
    assert dispatcher.get_status(job_id) == fresh  # and a fresh answer is the one to remember


def test_cli_feedback(luzia: PrivateLuzia, capsys: pytest.CaptureFixture[str]) -> None:
    legacy.CLIFeedback.job_dispatched("113754-a2f5", "overbits", "fix the login button")
    said = capsys.readouterr().out
    assert "✓ Dispatched" in said
    assert "113754-a2f5" in said
    assert "overbits" in said
    assert "luzia jobs" in said
    assert said.splitlines()[-1] == "agent:overbits:113754-a2f5"
    command = luzia.run("overbits", "true")  # and the command itself, where nobody looks
    assert command.stdout.decode().startswith("agent:overbits:")
    assert len(command.stdout.splitlines()) == 1


def test_progress_bar() -> None:
    assert legacy.ProgressBar.bar(0) == "[░░░░░░░░░░░░░░░░░░░░] 0%"
    assert legacy.ProgressBar.bar(60) == "[████████████░░░░░░░░] 60%"
    assert legacy.ProgressBar.bar(100) == "[████████████████████] 100%"
    assert legacy.ProgressBar.bar(30, width=10) == "[███░░░░░░░] 30%"
    assert legacy.ProgressBar.bar(-5) == legacy.ProgressBar.bar(0)
    assert legacy.ProgressBar.bar(130) == legacy.ProgressBar.bar(100)


def test_background_monitoring(luzia: PrivateLuzia, dispatcher: legacy.ResponsiveDispatcher) -> None:
    thread = dispatcher.start_background_monitor()
    assert isinstance(thread, threading.Thread)
    assert thread.daemon
    assert dispatcher.start_background_monitor() is thread
    job_id, _ = dispatcher.dispatch_task("overbits", WAITS)
    until(lambda: (dispatcher.get_status(job_id) or {}).get("status") == "running", "its start is pushed")
    open_gate(luzia)
    until(lambda: (dispatcher.get_status(job_id) or {}).get("status") == "completed", "its end is pushed")
    assert legacy.start_background_monitoring().is_alive()


def test_enhanced_dispatcher_dispatch(luzia: PrivateLuzia, capsys: pytest.CaptureFixture[str]) -> None:
    enhanced = legacy.EnhancedDispatcher()
    job_id, status = enhanced.dispatch_and_report("overbits", "true", show_feedback=False)
    assert capsys.readouterr().out == ""
    assert (status["id"], status["task"]) == (job_id, "true")
    job_id, _ = enhanced.dispatch_and_report("overbits", "true")
    assert f"agent:overbits:{job_id}" in capsys.readouterr().out
    spawned = legacy.enhanced_spawn_claude_agent("overbits", "true", context="", config={"agent": "shell"})
    assert legacy.track_existing_job(spawned) is not None


def test_enhanced_dispatcher_display(luzia: PrivateLuzia, capsys: pytest.CaptureFixture[str]) -> None:
    enhanced = legacy.EnhancedDispatcher()
    job_id, _ = enhanced.dispatch_and_report("overbits", WAITS, show_feedback=False)
    until(lambda: enhanced.dispatcher.update_status(job_id, "running", 30, "thinking"), "the job takes news")
    shown = enhanced.get_status_and_display(job_id, show_full=True)
    assert shown is not None
    said = capsys.readouterr().out
    assert job_id in said
    assert "30%" in said
    assert "thinking" in said
    open_gate(luzia)
    enhanced.dispatcher.wait_for_job(job_id, timeout=DEADLINE_S)
    assert enhanced.get_status_and_display("no-such-job") is None
    assert "no job no-such-job" in capsys.readouterr().out


def test_enhanced_dispatcher_summary(luzia: PrivateLuzia, capsys: pytest.CaptureFixture[str]) -> None:
    enhanced = legacy.EnhancedDispatcher()
    done, _ = enhanced.dispatch_and_report("overbits", "true", show_feedback=False)
    enhanced.dispatcher.wait_for_job(done, timeout=DEADLINE_S)
    runs, _ = enhanced.dispatch_and_report("overbits", WAITS, show_feedback=False)
    until(lambda: state(enhanced.dispatcher, runs) == "running", "the job runs")
    enhanced.show_jobs_summary("overbits")
    said = capsys.readouterr().out
    assert said.startswith("Task Summary:")
    assert "Running: 1" in said
    assert "Completed: 1" in said
    enhanced.show_concurrent_summary()
    said = capsys.readouterr().out
    assert runs in said
    assert done not in said
    open_gate(luzia)
    assert enhanced.dispatcher.wait_for_job(runs, timeout=DEADLINE_S)["status"] == "completed"
