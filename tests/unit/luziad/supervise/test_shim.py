"""The shim's narrow moments, each brought about on purpose, with real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unit.luziad.supervise.helpers import DEADLINE_S, exit_record, python, request

BLOCK = """
import json, os, signal
from luziad.supervise import attempt_files, shim
signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
request = json.loads(sys.argv[1])
"""


def run(script: str, directory: Path, *argv: str, code: int = 0) -> str:
    """Be a shim, after or in the middle of what `script` does; returns what it told."""
    shim = python(BLOCK + script, json.dumps(request(directory, *argv)))
    told, _ = shim.communicate(timeout=DEADLINE_S)
    assert shim.returncode == code
    return told.decode()


def test_a_cancel_before_the_release_means_that_the_agent_never_runs(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    told = run("os.kill(os.getpid(), signal.SIGTERM); shim.run(request)", directory, "touch", f"{tmp_path}/ran")
    end = exit_record(directory)
    assert (end["error"], end["stopped"]) == ("cancelled before it started", True)
    assert (end["exit_code"], end["signal"]) == (None, None)
    assert not (tmp_path / "ran").exists()
    assert "agent_pid" not in told


def test_the_agent_never_runs_when_the_shim_dies_before_the_release(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = """
begin = attempt_files.write_start
def die(*arguments):
    begin(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
attempt_files.write_start = die
shim.run(request)
"""
    run(script, directory, "touch", f"{tmp_path}/ran", code=-9)
    started = json.loads((directory / "started.json").read_text())
    assert "agent_pid" not in started
    assert not (tmp_path / "ran").exists()


def test_the_agent_never_runs_when_its_start_cannot_be_recorded(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = """
def full(*arguments):
    raise OSError(28, "No space left on device")
attempt_files.write_start = full
shim.run(request)
"""
    run(script, directory, "touch", f"{tmp_path}/ran")
    assert exit_record(directory)["error"] == "cannot start: No space left on device"
    assert not (tmp_path / "ran").exists()


def test_the_tree_is_ended_even_when_the_exit_cannot_be_recorded(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = """
publish = attempt_files.publish_record
def broken(directory, fd, name, value):
    if name == attempt_files.EXIT: raise OSError(5, "Input/output error")
    publish(directory, fd, name, value)
attempt_files.publish_record = broken
shim.run(request)
"""
    told = run(script, directory, "sh", "-c", f"sleep 600 & echo $! > {tmp_path}/left")
    assert "cannot write the exit record: Input/output error" in told
    left = (tmp_path / "left").read_text().strip()
    assert not Path(f"/proc/{left}").exists()


def test_a_late_shim_that_gets_the_lock_minds_the_fence(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = """
lock = attempt_files.lock
def fenced_first(directory):
    attempt_files.write_new(directory, attempt_files.FENCED, b"")
    return lock(directory)
attempt_files.lock = fenced_first
shim.run(request)
"""
    assert run(script, directory, "touch", f"{tmp_path}/ran") == ""
    assert not (directory / "started.json").exists()
    assert not (tmp_path / "ran").exists()


def test_a_late_shim_does_not_start_while_it_is_being_fenced(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = """
lock = attempt_files.lock
def taken(directory):
    global holder
    holder = lock(directory)
    return lock(directory)
attempt_files.lock = taken
shim.run(request)
"""
    assert run(script, directory, "touch", f"{tmp_path}/ran") == ""
    assert not (tmp_path / "ran").exists()


def test_nobody_who_listens_is_no_reason_to_stop(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = "reading, writing = os.pipe(); os.dup2(writing, 1); os.close(reading); shim.run(request)"
    run(script, directory, "sh", "-c", "exit 3")
    assert exit_record(directory)["exit_code"] == 3


def test_a_daemon_that_does_not_read_is_no_reason_to_wait(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = """
reading, writing = os.pipe2(os.O_NONBLOCK)
os.dup2(writing, 1)
while True:
    try: os.write(1, b"x" * 4096)
    except BlockingIOError: break
shim.run(request)
"""
    run(script, directory, "sh", "-c", "exit 3")
    assert exit_record(directory)["exit_code"] == 3


@pytest.mark.parametrize("text", ["\U0001f4a9" * 5000, "\udcff" * 5000, '\\"\n' * 5000])
def test_the_longest_error_fits_its_line_and_its_record(tmp_path: Path, text: str) -> None:
    directory = tmp_path / "job" / "1"
    script = "shim.send_reply(request, error=request['argv'][0]); shim.run(request)"
    line = run(script, directory, text).splitlines()[0]
    assert len(line) < 4096
    assert (directory / "exit.json").stat().st_size < 4096
    assert exit_record(directory)["error"].startswith("cannot start")


def test_the_lock_says_whether_anything_can_be_left(tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    script = """
publish = attempt_files.publish_record
def die(*arguments):
    publish(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
attempt_files.publish_record = die
shim.run(request)
"""
    run(script, directory, "true", code=-9)
    assert "over" not in json.loads((directory / "lock").read_text())
    directory = tmp_path / "job" / "2"
    run("shim.run(request)", directory, "true")
    assert json.loads((directory / "lock").read_text())["over"] is True
