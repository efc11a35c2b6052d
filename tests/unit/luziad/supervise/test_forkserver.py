"""The fork server by itself: requests in, facts out."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from support import eventually
from unit.luziad.supervise.helpers import ForkServer, exit_record, request


def replies(server: ForkServer, count: int) -> dict[tuple[str, str], dict[str, Any]]:
    """So many replies, by job and kind, for those of the server and of its shims may overtake each other."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for _ in range(count):
        reply = server.reply()
        kind = next(key for key in ("pid", "agent_pid", "error", "refused") if key in reply)
        found[reply["job"], kind] = reply
    return found


def test_it_tells_the_shim_and_the_shim_tells_the_start(fork_server: ForkServer, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    fork_server.send(request(directory, "true"))
    told = replies(fork_server, 2)
    eventually((directory / "exit.json").exists)
    lock = json.loads((directory / "lock").read_text())
    started = json.loads((directory / "started.json").read_text())
    shim, agent = told["job", "pid"], told["job", "agent_pid"]
    assert (shim["pid"], shim["start_time"]) == (lock["pid"], lock["start_time"])
    assert (agent["agent_pid"], agent["started_at"]) == (started["agent_pid"], started["started_at"])
    assert started | {"over": True} | lock == started | {"over": True}


def test_requests_may_come_in_pieces_and_in_heaps(fork_server: ForkServer, tmp_path: Path) -> None:
    requests = [request(tmp_path / f"job{n}" / "1", "sh", "-c", f"exit {n}", prompt="x" * 100_000) for n in range(5)]
    data = b"".join(json.dumps(each).encode() + b"\n" for each in requests)
    for start in range(0, len(data), 70_000):
        fork_server.write(data[start : start + 70_000])
    told = replies(fork_server, 10)
    assert len(told) == 10
    for number in range(5):
        directory = tmp_path / f"job{number}" / "1"
        eventually((directory / "exit.json").exists)
        assert exit_record(directory)["exit_code"] == number


def test_it_ends_with_its_input_and_its_shims_do_not(fork_server: ForkServer, tmp_path: Path) -> None:
    server = fork_server
    directory = tmp_path / "job" / "1"
    server.send(request(directory, "sh", "-c", f"until [ -e {tmp_path}/go ]; do sleep 0.02; done; exit 9"))
    replies(server, 2)
    assert server.end() == 0
    (tmp_path / "go").touch()
    eventually((directory / "exit.json").exists)
    assert exit_record(directory)["exit_code"] == 9


GARBAGE = {
    "no JSON": b"garbage\n",
    "bytes": bytes(range(256)) * 100 + b"\n",
    "zeros": bytes(1 << 20) + b"\n",
    "nothing": b"\n",
    "a list": b"[1]\n",
    "an unknown field": b'{"surprise": 1}\n',
    "a number": b'{"job": 5}\n',
    "no end": b'{"job": "',
    "no end of an array": b'{"argv": ["a", "b"\n',
    "an escape at the end": b'{"job": "\\u12\n',
    "deep arrays": b'{"argv": ' + b"[" * 200_000 + b"\n",
    "deep bounds": b'{"bounds": ' * 200_000 + b"\n",
    "a huge number": b'{"attempt": ' + b"9" * 100_000 + b"}\n",
    "many arrays": b'{"argv": [],' * 50_000 + b"\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_ends_it_and_neither_its_shims_nor_an_attempt(
    fork_server: ForkServer, tmp_path: Path, garbage: bytes
) -> None:
    """The daemon starts another one. What came before the garbage is done, and what comes after it is not."""
    directory = tmp_path / "job" / "1"
    fork_server.send(request(directory, "sh", "-c", f"until [ -e {tmp_path}/go ]; do sleep 0.02; done; exit 9"))
    replies(fork_server, 2)
    after = json.dumps(request(tmp_path / "job" / "2", "true")).encode() + b"\n"
    with suppress(BrokenPipeError):
        fork_server.write(garbage + after)
    assert fork_server.end() == 1
    (tmp_path / "go").touch()
    eventually((directory / "exit.json").exists)
    assert exit_record(directory)["exit_code"] == 9
    assert not (tmp_path / "job" / "2").exists()


def test_polite_signals_do_not_end_it(fork_server: ForkServer, tmp_path: Path) -> None:
    fork_server.send(request(tmp_path / "job" / "1", "true"))
    replies(fork_server, 2)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        os.kill(fork_server.process.pid, number)
    fork_server.send(request(tmp_path / "job" / "2", "true"))
    assert {reply["attempt"] for reply in replies(fork_server, 2).values()} == {2}


def test_a_shim_keeps_no_descriptor_that_it_does_not_need(fork_server: ForkServer, tmp_path: Path) -> None:
    for number in range(3):
        fork_server.send(request(tmp_path / f"job{number}" / "1", "sleep", "600"))
    told = replies(fork_server, 6)
    pids = [told[f"job{number}", "pid"]["pid"] for number in range(3)]
    try:
        open_files = [os.readlink(path) for path in Path(f"/proc/{pids[2]}/fd").iterdir()]
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
    assert open_files.count("/dev/null") == 2, "stdin and stderr"
    assert not any("job0" in path or "job1" in path for path in open_files)
    assert len(open_files) <= 7, "and the reply pipe, the directory, the lock, the exit record, the failure pipe"
    for number in range(3):
        eventually((tmp_path / f"job{number}" / "1" / "exit.json").exists)


def test_an_attempt_that_is_there_already_is_left_alone(fork_server: ForkServer, tmp_path: Path) -> None:
    directory = tmp_path / "job" / "1"
    directory.mkdir(parents=True)
    fork_server.send(request(directory, "true"))
    pid = replies(fork_server, 1)["job", "pid"]["pid"]
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert list(directory.iterdir()) == []


def test_a_dead_spare_shim_costs_no_attempt(python_fork_server: ForkServer, tmp_path: Path) -> None:
    fork_server = python_fork_server

    def spares() -> list[int]:
        children = Path(f"/proc/{fork_server.process.pid}/task/{fork_server.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    for number in range(1, 4):
        eventually(lambda: len(spares()) == 1, "the spare shim alone")
        (spare,) = spares()
        os.kill(spare, signal.SIGKILL)
        eventually(lambda dead=spare: dead not in spares(), "another spare shim")  # type: ignore[misc]
        directory = tmp_path / "job" / str(number)
        fork_server.send(request(directory, "sh", "-c", f"exit {number}"))
        eventually((directory / "exit.json").exists)
        assert exit_record(directory)["exit_code"] == number


def test_the_spare_shim_ends_with_the_fork_server(python_fork_server: ForkServer) -> None:
    fork_server = python_fork_server
    children = Path(f"/proc/{fork_server.process.pid}/task/{fork_server.process.pid}/children")
    (spare,) = eventually(lambda: children.read_text().split(), "the spare shim")
    assert fork_server.end() == 0
    eventually(lambda: not Path(f"/proc/{spare}").exists(), "the end of the spare shim")
