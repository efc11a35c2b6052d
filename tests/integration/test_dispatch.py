"""A job from dispatch to its end, over the socket of a real daemon."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol.tracing import traceparent

from support import Connection, PrivateDaemon, eventually, private_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    config = (
        '[projects.busy]\npath = "{root}/overbits"\nagent = "shell"\nmax_running = 1\nenv = { FROM_PROJECT = "yes" }\n'
    )
    with private_daemon(config) as running:
        yield running


def run(wire: Connection, task: str, project: str = "overbits", **more: object) -> dict[str, Any]:
    """Dispatch, wait, and return the job as `status` shows it."""
    job = wire.ok(op="dispatch", project=project, task=task, **more)["job"]
    assert wire.ok(op="wait", jobs=[job], timeout_s=60)["timed_out"] is False
    result: dict[str, Any] = wire.ok(op="status", job=job)["job"]
    return result


def output(wire: Connection, job: str, **more: object) -> str:
    text: str = wire.ok(op="logs", job=job, **more)["data"]
    return text


def test_a_dispatch_answers_with_an_id_of_the_designed_form(wire: Connection) -> None:
    answer = wire.ok(op="dispatch", project="overbits", task="true")
    assert re.fullmatch(r"\d{6}-[0-9a-f]{4}", answer["job"])
    assert answer["name"] == f"agent:overbits:{answer['job']}"
    assert answer["created"] is True


def test_a_job_ends_with_its_exit_code_and_its_output(wire: Connection) -> None:
    job = run(wire, "echo out; echo err >&2; exit 3")
    assert (job["state"], job["outcome"], job["exit_code"], job["signal"]) == ("failed", "failed", 3, None)
    assert job["reason"] == "exit code 3"
    assert output(wire, job["id"]) == "out\nerr\n"
    assert job["usage"]["max_rss_bytes"] > 0


def test_a_signal_and_its_exit_code_are_told_apart(wire: Connection) -> None:
    killed, exited = run(wire, "kill -KILL $$"), run(wire, "exit 137")
    assert (killed["exit_code"], killed["signal"], killed["reason"]) == (None, "SIGKILL", "killed by SIGKILL")
    assert (exited["exit_code"], exited["signal"], exited["reason"]) == (137, None, "exit code 137")


def test_an_exact_argv_runs_without_a_shell(wire: Connection) -> None:
    job = wire.ok(op="dispatch", project="overbits", argv=["printf", "%s|", "a b", "$HOME", "-n"])["job"]
    wire.ok(op="wait", jobs=[job])
    assert output(wire, job) == "a b|$HOME|-n|"


@pytest.mark.parametrize("task", ["echo -n x; # -rf --help", "-n; echo x", "echo 'naïve ✓ 日本語 🎉'"])
def test_a_task_is_text_whatever_it_looks_like(wire: Connection, task: str) -> None:
    job = run(wire, task)
    assert job["task"] == task


def test_a_path_needs_no_configuration_and_a_configured_one_keeps_its_name(
    wire: Connection, tmp_path: Path, daemon: PrivateDaemon
) -> None:
    job = run(wire, "pwd", project=str(tmp_path), agent="shell")
    assert job["project"] == tmp_path.name
    assert output(wire, job["id"]).strip() == str(tmp_path)
    assert run(wire, "true", project=f"{daemon.project}/../overbits")["project"] in ("overbits", "busy")


def test_the_same_key_is_the_same_job(wire: Connection) -> None:
    first = wire.ok(op="dispatch", project="overbits", task="true", key="k1")
    second = wire.ok(op="dispatch", project="overbits", task="false", key="k1")
    assert (second["job"], first["created"], second["created"]) == (first["job"], True, False)


def test_pipelined_requests_are_answered_in_order(wire: Connection) -> None:
    for number in range(200):
        wire.send(op="dispatch" if number % 2 else "info", project="overbits", task="true", id=number)
    assert [wire.receive()["id"] for _ in range(200)] == list(range(200))


def test_the_environment_is_clean_base_then_client_project_and_job(
    wire: Connection, daemon: PrivateDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run(
        wire,
        "env",
        project="busy",
        env={"OWN": "1", "FROM_PROJECT": "overridden"},
        client_env={"LANG": "C.UTF-8", "OWN": "client"},
    )
    variables = dict(line.split("=", 1) for line in output(wire, job["id"]).splitlines())
    assert variables["OWN"] == "1"
    assert variables["FROM_PROJECT"] == "overridden"
    assert variables["LANG"] == "C.UTF-8"
    assert variables["LUZIA_JOB_ID"] == job["id"]
    assert variables["LUZIA_SOCKET"] == daemon.socket
    assert variables["LUZIA_PROJECT"] == "busy"
    assert variables["LUZIA_ATTEMPT"] == "1"
    assert variables["TRACEPARENT"] == traceparent(job["id"], [], 1)
    assert "LUZIA_STATE_DIR" not in variables
    assert job["env_names"] == ["FROM_PROJECT", "OWN"]


def test_progress_is_reported_from_inside_and_is_whole_only_at_the_end(wire: Connection, daemon: PrivateDaemon) -> None:
    gate = daemon.root / "gate"
    os.mkfifo(gate)
    job = wire.ok(op="dispatch", project="overbits", task=f"cat {gate}")["job"]
    eventually(lambda: wire.ok(op="status", job=job)["job"]["state"] == "running")
    assert wire.ok(op="progress", job=job, percent=100, label="tests")["job"] == job
    assert wire.ok(op="status", job=job)["job"]["progress"] == {
        "percent": 99,
        "done": 100.0,
        "total": 100.0,
        "label": "tests",
        "phase": None,
    }
    assert wire.ok(op="update_status", job=job, progress=65, message="running tests")["state"] == "running"
    assert wire.ok(op="status", job=job)["job"]["progress"]["percent"] == 65
    wire.ok(op="update_status", job=job, message="still running")
    kept = wire.ok(op="status", job=job)["job"]["progress"]
    assert (kept["percent"], kept["label"]) == (65, "still running")
    wire.ok(op="update_status", job=job, progress=66)
    kept = wire.ok(op="status", job=job)["job"]["progress"]
    assert (kept["percent"], kept["label"]) == (66, "still running")
    wire.ok(op="progress", job=job, label="writing the report")
    kept = wire.ok(op="status", job=job)["job"]["progress"]
    assert (kept["percent"], kept["label"]) == (66, "writing the report")
    assert wire.error(op="progress", job=job)["code"] == "bad_request"
    assert wire.error(op="progress", job=job, done=3, total=2)["code"] == "bad_request"
    gate.write_text("")
    wire.ok(op="wait", jobs=[job])
    assert wire.ok(op="status", job=job)["job"]["progress"]["percent"] == 100
    assert wire.error(op="progress", job=job, percent=5)["code"] == "job_not_running"


def test_a_project_runs_no_more_at_once_than_its_limit_and_says_why(wire: Connection, daemon: PrivateDaemon) -> None:
    gate = daemon.root / "one-gate"
    os.mkfifo(gate)
    first = wire.ok(op="dispatch", project="busy", task=f"cat {gate}")["job"]
    second = wire.ok(op="dispatch", project="busy", task="true")["job"]
    other = run(wire, "true")
    assert other["state"] == "completed", "another project is not held up"
    waiting = wire.ok(op="status", job=second)["job"]
    assert (waiting["state"], waiting["reason"]) == (
        "queued",
        "waiting for a slot of project busy (1 of 1 in use), 1st in the queue",
    )
    gate.write_text("")
    answer = wire.ok(op="wait", jobs=[first, second])
    assert [job["state"] for job in answer["jobs"]] == ["completed", "completed"]


def test_cancel_ends_the_whole_process_tree(wire: Connection, daemon: PrivateDaemon) -> None:
    pids = daemon.root / "pids"
    stubborn = f"trap '' TERM; echo $$ >> {pids}; sleep 1000 & wait; wait"
    script = f'(setsid sh -c "{stubborn.replace("$", chr(92) + "$")}" &) ; {stubborn}'
    short = daemon.root / "short"
    short.mkdir(exist_ok=True)
    daemon.config_file.write_text(
        daemon.config_file.read_text() + f'\n[projects.short]\npath = "{short}"\nagent = "shell"\ngrace_s = 0.2\n'
    )
    wire.ok(op="reload")
    job = wire.ok(op="dispatch", project="short", task=script)["job"]
    eventually(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    assert wire.ok(op="cancel", job=job)["state"] == "stopping"
    answer = wire.ok(op="wait", jobs=[job])["jobs"][0]
    assert (answer["state"], answer["reason"]) == ("cancelled", "cancelled")
    for pid in pids.read_text().split():
        assert not Path(f"/proc/{pid}").exists(), "the job is over, so its tree is gone"
    assert wire.error(op="cancel", job=job)["code"] == "job_final"


def test_a_queued_job_is_cancelled_without_ever_starting(wire: Connection, daemon: PrivateDaemon) -> None:
    gate = daemon.root / "cancel-gate"
    os.mkfifo(gate)
    first = wire.ok(op="dispatch", project="busy", task=f"cat {gate}")["job"]
    second = wire.ok(op="dispatch", project="busy", task="true")["job"]
    assert wire.ok(op="cancel", job=second) == {"job": second, "state": "cancelled", "attempt": 0}
    job = wire.ok(op="status", job=second)["job"]
    assert (job["reason"], job["attempts"]) == ("cancelled before it started", [])
    gate.write_text("")
    wire.ok(op="wait", jobs=[first])


def test_a_timeout_ends_the_attempt_with_an_outcome_of_its_own(wire: Connection) -> None:
    job = run(wire, "sleep 1000", timeout_s=0.2)
    assert (job["state"], job["outcome"]) == ("timed_out", "timed_out")
    assert "0.2 s" in job["reason"]


def test_a_retry_is_the_next_attempt_with_files_of_its_own(wire: Connection) -> None:
    job = run(wire, "echo attempt $LUZIA_ATTEMPT; exit $((2 - LUZIA_ATTEMPT))")
    assert job["state"] == "failed"
    assert wire.ok(op="retry", job=job["id"])["job"] == job["id"]
    wire.ok(op="wait", jobs=[job["id"]])
    retry = wire.ok(op="status", job=job["id"])["job"]
    assert retry["state"] == "completed"
    assert [attempt["number"] for attempt in retry["attempts"]] == [1, 2]
    assert output(wire, job["id"], attempt=1) == "attempt 1\n"
    assert output(wire, job["id"]) == "attempt 2\n"
    assert wire.error(op="logs", job=job["id"], attempt=3)["code"] == "unknown_attempt"


def test_remove_forgets_the_record_and_the_directory(wire: Connection) -> None:
    job = run(wire, "true")
    assert Path(job["directory"]).is_dir()
    wire.ok(op="remove", job=job["id"])
    assert wire.error(op="status", job=job["id"])["code"] == "unknown_job"
    eventually(lambda: not Path(job["directory"]).exists())


def test_a_live_job_is_neither_removed_nor_retried(wire: Connection) -> None:
    job = wire.ok(op="dispatch", project="overbits", task="sleep 1000")["job"]
    assert wire.error(op="remove", job=job)["code"] == "job_not_final"
    assert wire.error(op="retry", job=job)["code"] == "job_not_final"
    wire.ok(op="cancel", job=job)
    wire.ok(op="wait", jobs=[job])


def test_wait_tells_when_its_time_is_over(wire: Connection) -> None:
    job = wire.ok(op="dispatch", project="overbits", task="sleep 1000")["job"]
    answer = wire.ok(op="wait", jobs=[job], timeout_s=0.01)
    assert answer["timed_out"] is True
    wire.ok(op="cancel", job=job)
    assert wire.ok(op="wait", jobs=[job])["timed_out"] is False


def test_lists_are_paged_filtered_and_counted(wire: Connection, tmp_path: Path) -> None:
    jobs = [wire.ok(op="dispatch", project=str(tmp_path), agent="shell", task=f"exit {n % 2}")["job"] for n in range(7)]
    wire.ok(op="wait", jobs=jobs)
    name = tmp_path.name
    seen, cursor = [], None
    while True:
        page = wire.ok(op="list", projects=[name], limit=3, cursor=cursor)
        seen += [job["id"] for job in page["jobs"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == jobs[::-1]
    assert page["counts"] == {"completed": 4, "failed": 3}
    failed = wire.ok(op="list", projects=[name], states=["failed"])["jobs"]
    assert [job["id"] for job in failed] == jobs[1::2][::-1]
    assert wire.error(op="list", limit=0)["code"] == "bad_request"


def test_a_long_task_is_whole_in_status_and_cut_in_lists(wire: Connection, tmp_path: Path) -> None:
    task = ": " + "ü" * 400_000
    job = run(wire, task, project=str(tmp_path), agent="shell")
    assert (job["task"], job["task_bytes"]) == (task, 800_002)
    (listed,) = wire.ok(op="list", projects=[tmp_path.name])["jobs"]
    assert listed["task"] == task[:256]
    assert (Path(job["directory"]) / "1" / "prompt").read_text() == task


def test_status_json_says_what_became_of_the_job(wire: Connection) -> None:
    job = run(wire, "exit 4")
    file = Path(job["directory"]) / "status.json"
    eventually(lambda: file.exists() and '"state":"failed"' in file.read_text())
    assert f'"id":"{job["id"]}"' in file.read_text()
