"""Jobs that replace the files of their attempt, stop their shim or write into its pipe: every attempt ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from luziad.executor import fork_server_client, local
from luziad.executor.attempt_directory import reconcile
from luziad.jobs.attempt import AttemptRef, ExitRecord, LostAttempt, NotStarted
from unit.luziad.executor.helpers import GRACE_S, Machine, eventually, state

REF, NEXT = AttemptRef("113754-a2f5", 1), AttemptRef("113754-a2f6", 1)

REPLACE = """
import os, socket, sys
place = os.environ["LUZIA_ATTEMPT_DIR"]
path = place + "/" + sys.argv[1]
try:
    os.unlink(path)
except FileNotFoundError:
    pass
kind = sys.argv[2]
if kind == "fifo": os.mkfifo(path)
elif kind == "directory": os.mkdir(path)
elif kind == "link": os.symlink("/dev/zero", path)
elif kind == "loop": os.symlink(path, path)
elif kind == "socket": os.chdir(place); socket.socket(socket.AF_UNIX).bind(sys.argv[1])
elif kind == "huge":
    with open(path, "w") as file: file.write("{"); file.truncate(1 << 40)
elif kind == "garbage":
    with open(path, "w") as file: file.write("{]")
elif kind == "foreign":
    with open(path, "w") as file: file.write('{"pid": %d, "start_time": 1, "boot_id": ""}' % 2**70)
"""
"""Replaces a file of its attempt; then the rest of the script runs."""

KINDS = ("fifo", "directory", "link", "loop", "socket", "huge", "garbage", "foreign")
FILES = ("lock", "started.json", "exit.json", "stdout", "prompt")


@pytest.fixture
def hostile(machine: Machine) -> Iterator[Machine]:
    """A machine whose records are not to be trusted in the end; its processes are found without them."""
    yield machine
    shutil.rmtree(machine.jobs)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_attempt_whose_files_were_replaced_ends_after_its_agent(hostile: Machine, kind: str) -> None:
    """Only the exit record decides on the end, and the shim replaces that unless it is a directory."""
    executor, recorder = await hostile.executor()
    refs = {name: AttemptRef(f"113754-{number:04x}", 1) for number, name in enumerate(FILES)}
    for name, ref in refs.items():
        launch = hostile.python(ref, f"{REPLACE}sys.exit(7)")
        executor.submit(hostile.launch(ref, *launch.argv, name, kind))
    for ref in refs.values():
        assert (await recorder.exit_of(ref)).exit_code == 7


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["lock", "started.json"])
async def test_an_attempt_with_a_replaced_file_is_adopted_and_can_be_cancelled(
    hostile: Machine, name: str, kind: str
) -> None:
    first, _ = await hostile.executor()
    stay = "open(os.environ['READY'] + '/x', 'x').close()\nimport time\nwhile True: time.sleep(600)"
    first.submit(hostile.launch(REF, *hostile.python(REF, REPLACE + stay).argv, name, kind))
    await eventually((hostile.ready / "x").exists)
    await first.stop()
    second, recorder = await hostile.executor()
    second.attach(REF, GRACE_S)
    second.cancel(REF)
    end = await recorder.end_of(REF)
    assert isinstance(end, ExitRecord)
    assert end.stopped
    assert hostile.processes() == []


async def test_a_stopped_shim_is_woken_to_end_its_attempt(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "sleep", "600"))
    await recorder.start_of(REF)
    os.kill(machine.shim(REF), signal.SIGSTOP)
    await eventually(lambda: state(machine.shim(REF)) == "T")
    executor.cancel(REF)
    assert (await recorder.exit_of(REF)).stopped


async def test_a_shim_that_stays_stopped_is_killed_with_its_tree_and_the_attempt_is_lost(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """As under a debugger: the signals do not reach it."""
    monkeypatch.setattr(local, "KILL_DELAY_S", 0.1)
    monkeypatch.setattr(local, "_terminate", lambda shim: None)
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "sh", "-c", "sleep 600 & setsid sleep 600", grace_s=0.1))
    await recorder.start_of(REF)
    os.kill(machine.shim(REF), signal.SIGSTOP)
    executor.cancel(REF)
    end = await recorder.end_of(REF)
    assert isinstance(end, LostAttempt)
    assert "its shim did not end it" in end.reason
    await eventually(lambda: not machine.processes())
    executor.submit(machine.launch(NEXT, "true"))
    assert (await recorder.exit_of(NEXT)).exit_code == 0


@pytest.mark.parametrize("kind", ["file", "link", "loop", "directory"])
async def test_an_attempt_whose_directory_was_replaced_ends_and_leaves_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    first, _ = await machine.executor()
    first.submit(machine.launch(REF, "sh", "-c", 'touch "$READY/x"; setsid sleep 600 & exec sleep 600'))
    await eventually((machine.ready / "x").exists)
    place = machine.attempt(REF)
    pid = machine.shim(REF)
    place.rename(place.with_name("away"))
    if kind == "file":
        place.touch()
    elif kind == "directory":
        place.mkdir()
    else:
        place.symlink_to("away" if kind == "link" else "1")
    await first.stop()
    second, recorder = await machine.executor()
    second.attach(REF, GRACE_S)
    end = await recorder.end_of(REF)
    if kind == "directory":  # it is as if it had never started, which only the store knows better
        assert isinstance(end, NotStarted)
        second.cancel(REF)
        os.kill(pid, signal.SIGTERM)
    else:
        assert end == LostAttempt("its directory was replaced while it was running")
    await eventually(lambda: not machine.processes())
    await eventually(lambda: state(pid) in ("", "Z"))


async def test_an_attempt_whose_exit_record_cannot_be_written_ends_as_its_shim_reports(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "sh", "-c", 'mkdir -p "$LUZIA_ATTEMPT_DIR/exit.json/x"; exit 5'))
    assert (await recorder.exit_of(REF)).exit_code == 5


async def test_an_attempt_without_a_usable_exit_record_is_lost_after_a_restart(machine: Machine) -> None:
    place = machine.attempt(REF)
    (place / "exit.json" / "x").mkdir(parents=True)
    executor, recorder = await machine.executor()
    executor.attach(REF, GRACE_S)
    assert await recorder.end_of(REF) == LostAttempt("its exit record cannot be read")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_an_attempt_that_has_taken_the_permission_from_its_directory_is_read_nevertheless() -> None:
    script = (
        "import sys; from luziad.executor.attempt_directory import reconcile; print(reconcile(sys.argv[1], None).end)"
    )
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "job" / "1"
        place.mkdir(parents=True)
        (place / "started.json").write_text("{}")
        for each in (Path(directory), place.parent, place, place / "started.json"):
            os.chown(each, 65534, 65534)
        place.chmod(0)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", script, str(place)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert "its record of the start cannot be read" in done.stdout, done.stderr


async def test_a_fork_server_that_does_not_answer_is_replaced(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "true"))
    await recorder.exit_of(REF)
    monkeypatch.setattr(fork_server_client, "ANSWER_TIMEOUT_S", 0.5)
    stopped = executor.fork_server_pid
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    executor.submit(machine.launch(NEXT, "true"))
    assert isinstance(await recorder.end_of(NEXT), NotStarted)
    last = AttemptRef("113754-a2f7", 1)
    monkeypatch.undo()
    executor.submit(machine.launch(last, "true"))
    assert (await recorder.exit_of(last)).exit_code == 0
    assert executor.fork_server_pid != stopped


async def test_a_request_to_a_stopped_fork_server_can_be_cancelled(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "KILL_DELAY_S", 0.1)
    executor, recorder = await machine.executor()
    os.kill(executor.fork_server_pid or 0, signal.SIGSTOP)
    executor.submit(machine.launch(REF, "touch", str(machine.ready / "ran"), grace_s=0.1))
    executor.cancel(REF)
    assert isinstance(await recorder.end_of(REF), NotStarted)
    os.kill(executor.fork_server_pid or 0, signal.SIGCONT)
    executor.submit(machine.launch(NEXT, "true"))
    assert (await recorder.exit_of(NEXT)).exit_code == 0
    assert not (machine.ready / "ran").exists()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"garbage\n",
        b'{"job": "x"}\n',
        b'{"job": 7, "attempt": "x", "pid": 99999999999999999999}\n',
        b'{"job": "x", "attempt": 1, "pid": -1}\n',
        b"no newline ",
        b"\0" * 70_000,
        b"\xff\n" * 20_000,
    ],
)
async def test_garbage_in_the_reply_pipe_loses_no_reply(machine: Machine, garbage: bytes) -> None:
    executor, recorder = await machine.executor()
    pipe = os.open(f"/proc/{executor.fork_server_pid}/fd/1", os.O_WRONLY)
    try:
        writing = asyncio.get_running_loop().run_in_executor(None, os.write, pipe, garbage)
        refs = [AttemptRef(f"113754-{number:04x}", 1) for number in range(5)]
        for ref in refs:
            executor.submit(machine.launch(ref, "true"))
        await writing
        for ref in refs:
            await recorder.start_of(ref)
            assert (await recorder.exit_of(ref)).exit_code == 0
    finally:
        os.close(pipe)


@pytest.mark.parametrize("garbage", [b"garbage\n", b"no newline", b"\n", b'{"job": "x", "attempt": 1, "pid": -1}\n'])
async def test_a_reply_after_garbage_in_the_same_read_is_understood(
    machine: Machine, caplog: pytest.LogCaptureFixture, garbage: bytes
) -> None:
    executor, recorder = await machine.executor()
    executor.submit(machine.launch(REF, "sleep", "600"))
    await recorder.start_of(REF)
    reply = b'{"job": "113754-a2f5", "attempt": 1, "problem": "it was heard"}\n'
    pipe = os.open(f"/proc/{executor.fork_server_pid}/fd/1", os.O_WRONLY)
    os.write(pipe, garbage + reply)
    os.close(pipe)
    await eventually(lambda: "it was heard" in caplog.text)
    executor.cancel(REF)
    await recorder.end_of(REF)


async def test_an_endless_stream_in_the_reply_pipe_holds_up_nothing(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    flood = await asyncio.create_subprocess_shell(f"exec cat /dev/zero > /proc/{executor.fork_server_pid}/fd/1")
    try:
        for number in range(10):
            ref = AttemptRef(f"113754-{number:04x}", 1)
            executor.submit(machine.launch(ref, "sleep", "600"))
            await recorder.start_of(ref)
            executor.cancel(ref)
            assert (await recorder.exit_of(ref)).stopped
    finally:
        flood.kill()
        await flood.wait()


async def test_a_file_in_place_of_the_jobs_directory_is_the_reason_why_it_does_not_start(machine: Machine) -> None:
    executor, recorder = await machine.executor()
    machine.jobs.joinpath(REF.job).touch()
    executor.submit(machine.launch(REF, "true"))
    end = await recorder.end_of(REF)
    assert isinstance(end, NotStarted)
    assert "Not a directory" in end.reason


def test_a_directory_of_the_job_that_is_a_file_is_final(tmp_path: Path) -> None:
    (tmp_path / "job").touch()
    found = reconcile(str(tmp_path / "job" / "1"), None)
    assert found == (LostAttempt("its directory was replaced while it was running"), None)
