"""The narrow moments of the native shim, each brought about by strace: what test_shim.py says of the Python program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from native_programs import SANITIZERS
from support import eventually
from unit.luziad.supervise.helpers import DEADLINE_S, exit_record, native_command, request

Run = Callable[..., str]
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture
def run(native_program: Path) -> Run:
    """Runs one attempt in a fork server, with a fault of strace; returns what both told when all have ended."""

    def run(asked: dict[str, Any], fault: str | None = None, stdout: int = subprocess.PIPE) -> str:
        command = native_command(native_program)
        if fault is not None:
            calls = fault.partition(":")[0]
            tracer = ["strace", "-f", "-o", os.devnull, "-e", f"trace={calls}", "-e", f"inject={fault}"]
            command = [*tracer, *command]
        line = json.dumps(asked).encode() + b"\n"
        environment = os.environ | SANITIZERS
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=stdout) as server:
            told, _ = server.communicate(line, timeout=DEADLINE_S)
        return (told or b"").decode()

    return run


@needs_strace
def test_a_cancel_before_the_release_means_that_the_agent_never_runs(run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    told = run(request(directory, "touch", f"{tmp_path}/ran"), "fsync:signal=TERM:when=1")
    end = exit_record(directory)
    assert (end["error"], end["stopped"]) == ("cancelled before it started", True)
    assert (end["exit_code"], end["signal"]) == (None, None)
    assert not (tmp_path / "ran").exists()
    assert "agent_pid" not in told


@needs_strace
@pytest.mark.parametrize("sync", [1, 2, 3, 4])
def test_the_agent_never_runs_when_the_shim_dies_before_the_release(run: Run, tmp_path: Path, sync: int) -> None:
    directory = tmp_path / "job" / "1"
    run(request(directory, "touch", f"{tmp_path}/ran"), f"fsync:signal=KILL:when={sync}")
    assert "agent_pid" not in json.loads((directory / "started.json").read_text())
    assert not (tmp_path / "ran").exists()
    assert not (directory / "exit.json").exists()


@needs_strace
def test_the_agent_never_runs_when_its_start_cannot_be_recorded(run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    run(request(directory, "touch", f"{tmp_path}/ran"), "fsync:error=ENOSPC:when=1")
    assert exit_record(directory)["error"] == "cannot start: No space left on device"
    assert exit_record(directory)["shortage"] is True
    assert not (tmp_path / "ran").exists()


@needs_strace
def test_the_tree_is_ended_even_when_the_exit_cannot_be_recorded(run: Run, tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/left"
    told = run(request(tmp_path / "job" / "1", "sh", "-c", script), "fdatasync:error=EIO")
    assert "cannot write the exit record: Input/output error" in told
    assert not Path(f"/proc/{(tmp_path / 'left').read_text().strip()}").exists()
    failed = next(json.loads(line) for line in told.splitlines() if "error" in line)
    assert failed["end"]["exit_code"] == 0


@needs_strace
def test_a_late_shim_does_not_start_while_it_is_being_fenced(run: Run, tmp_path: Path) -> None:
    asked = request(tmp_path / "job" / "1", "touch", f"{tmp_path}/ran")
    assert "agent_pid" not in run(asked, "flock:error=EWOULDBLOCK")
    assert not (tmp_path / "job" / "1" / "started.json").exists()
    assert not (tmp_path / "ran").exists()


@needs_strace
def test_the_lock_says_whether_anything_can_be_left(run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    run(request(directory, "true"), "rename,renameat,renameat2:signal=KILL:when=1")
    assert "over" not in json.loads((directory / "lock").read_text())
    directory = tmp_path / "job" / "2"
    run(request(directory, "true"))
    assert json.loads((directory / "lock").read_text())["over"] is True


@needs_strace
@pytest.mark.parametrize("call", ["fdatasync", "fsync:5"])
def test_a_shim_that_dies_while_it_syncs_the_end_has_recorded_it(run: Run, tmp_path: Path, call: str) -> None:
    name, _, number = call.partition(":")
    directory = tmp_path / "job" / "1"
    run(request(directory, "sh", "-c", "exit 3"), f"{name}:signal=KILL:when={number or 1}")
    assert exit_record(directory)["exit_code"] == 3
    assert "over" not in json.loads((directory / "lock").read_text())


@needs_strace
def test_where_no_hole_can_be_made_everything_is_kept_and_the_daemon_told(run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    asked = request(directory, "sh", "-c", "seq 1 100000", max_log_bytes=1 << 17)
    told = run(asked, "fallocate:error=EOPNOTSUPP:when=2+")  # the first reserves space for the exit record
    assert "its output cannot be limited on this file system: Operation not supported" in told
    assert (directory / "stdout").read_bytes().splitlines()[0] == b"1"
    assert exit_record(directory)["exit_code"] == 0


def test_nobody_who_listens_is_no_reason_to_stop(run: Run, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    run(request(tmp_path / "job" / "1", "sh", "-c", "exit 3"), stdout=writing)
    os.close(writing)
    eventually((tmp_path / "job" / "1" / "exit.json").exists)
    assert exit_record(tmp_path / "job" / "1")["exit_code"] == 3


def test_a_daemon_that_does_not_read_is_no_reason_to_wait(native_program: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe2(os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    server = subprocess.Popen(native_command(native_program), stdin=subprocess.PIPE, stdout=writing)
    assert server.stdin is not None
    server.stdin.write(json.dumps(request(tmp_path / "job" / "1", "sh", "-c", "exit 3")).encode() + b"\n")
    server.stdin.close()
    os.close(writing)
    eventually((tmp_path / "job" / "1" / "exit.json").exists)
    assert exit_record(tmp_path / "job" / "1")["exit_code"] == 3
    os.close(reading)  # the fork server waits for its reader; now it has none
    assert server.wait(DEADLINE_S) == 0


@pytest.mark.parametrize("text", ["\U0001f4a9" * 5000, "\udcff" * 5000, '\\"\n' * 5000])
def test_the_longest_error_fits_its_line_and_its_record(run: Run, tmp_path: Path, text: str) -> None:
    directory = tmp_path / "job" / "1"
    run(request(directory, text))
    assert (directory / "exit.json").stat().st_size < 4096
    assert exit_record(directory)["error"].startswith("cannot start")
    directory = tmp_path / "other" / "1"
    lines = run(request(directory, "true") | {"directory": f"{directory}/{text}"}).splitlines()
    (told,) = (json.loads(line) for line in lines if "error" in line)
    assert told["error"].startswith("cannot start")
    assert max(map(len, lines)) < 4096


def test_the_agent_gets_every_byte_that_it_was_to_get(run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    words = ["plain", "", 'quo"te', "back\\slash", "ü € \U0001f4a9", "\udcff\udc80", "line\nand\ttab", "\x01\x7f", "/"]
    env = {"PATH": os.environ["PATH"], "WITH=": "=", "NAME": "\udcfe ü \U0001f4a9", "EMPTY": ""}
    prompt = "a \0 b " + "".join(words)
    script = 'printf "%s\\0" "$@"; cat; env -0 >&2; umask'
    asked = request(
        directory,
        "sh",
        "-c",
        script,
        "sh",
        *words,
        prompt=prompt,
        stdin_prompt=True,
        env=env,
        umask=0o27,
        cwd=str(tmp_path),
    )
    run(asked)
    assert exit_record(directory)["exit_code"] == 0, (directory / "stderr").read_bytes()
    expected = b"".join(os.fsencode(word) + b"\0" for word in words) + os.fsencode(prompt) + b"0027\n"
    assert (directory / "stdout").read_bytes() == expected
    found = (directory / "stderr").read_bytes().split(b"\0")
    assert {os.fsencode(f"{name}={value}") for name, value in env.items()} <= set(found)


def test_a_zero_byte_in_an_argument_is_refused(run: Run, tmp_path: Path) -> None:
    run(request(tmp_path / "job" / "1", "touch", f"{tmp_path}/ran\0more"))
    assert exit_record(tmp_path / "job" / "1")["error"] == "cannot start 'touch': embedded null byte"
    assert not (tmp_path / "ran").exists()


def test_a_request_that_is_none_ends_it(native_program: Path) -> None:
    for line in (b"{}", b"nonsense", b'{"job": "1"', b'{"job": 5}', b'{"argv": ["a" "b"]}', b'{"job": "\\u12"}'):
        server = subprocess.run(
            native_command(native_program), input=line + b"\n", capture_output=True, timeout=DEADLINE_S
        )
        assert (server.returncode, server.stderr) == (1, b"luzia-forks: invalid request\n")


def test_both_programs_record_the_same(run: Run, tmp_path: Path) -> None:
    from unit.luziad.supervise.test_shim import run as run_python

    script = "echo out; kill -USR1 $$"
    records = []
    for name, started in (("native", run), ("python", None)):
        directory = tmp_path / name / "1"
        if started is None:
            run_python("shim.run(request)", directory, "sh", "-c", script)
        else:
            started(request(directory, "sh", "-c", script))
        lock, start = (json.loads((directory / file).read_text()) for file in ("lock", "started.json"))
        end = exit_record(directory)
        records.append([*lock, *start, *end, *end["usage"], end["signal"], (directory / "started.json").stat().st_size])
        assert sorted(os.listdir(directory)) == ["exit.json", "lock", "prompt", "started.json", "stderr", "stdout"]
    assert records[0] == records[1]
