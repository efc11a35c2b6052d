"""A job that replaces its files: the daemon answers, and says what is wrong with that job only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import Connection, PrivateDaemon, dispatch, ended, eventually, private_daemon

AGENT = """
[agents.mine]
command = ["sh", "-c", "{task}"]
reader = "claude"
"""
REPLACE = 'cd "$LUZIA_ATTEMPT_DIR"; rm -f stdout; '


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon(AGENT) as running:
        yield running


@pytest.mark.parametrize("make", ["mkfifo stdout", "mkdir stdout", "ln -s /dev/zero stdout", "ln -s stdout stdout"])
def test_output_that_was_replaced_is_told_and_is_no_fault_of_the_daemon(
    wire: Connection, daemon: PrivateDaemon, make: str
) -> None:
    plain = dispatch(wire, REPLACE + make)
    read = dispatch(wire, REPLACE + make, agent="mine")
    jobs = {job["id"]: job for job in ended(wire, plain, read)}
    assert jobs[plain]["state"] == "completed"  # its exit status is its verdict
    assert jobs[read]["state"] == "failed"
    assert "its output cannot be read" in jobs[read]["reason"]
    assert "not a regular file" in jobs[read]["reason"]
    for job in (plain, read):
        error = wire.error(op="logs", job=job)
        assert (error["code"], "not a regular file" in error["message"]) == ("output_unreadable", True)
        assert wire.error(op="logs", job=job, tail=3)["code"] == "output_unreadable"
        with daemon.connect() as follower:
            follower.send(op="follow", job=job, id=1)
            frames = [follower.receive(), follower.receive()]
            assert frames[1]["error"]["code"] == "output_unreadable", frames
        shown = daemon.run("logs", "-f", job)
        assert "not a regular file" in shown.stderr


def test_a_huge_sparse_output_is_read_at_once(wire: Connection, daemon: PrivateDaemon) -> None:
    task = 'truncate -s 1T "$LUZIA_ATTEMPT_DIR/stdout"; echo end'
    jobs = dispatch(wire, task), dispatch(wire, task, agent="mine")
    assert [job["exit_code"] for job in ended(wire, *jobs)] == [0, 0]
    for job in jobs:
        assert wire.ok(op="logs", job=job, tail=1)["data"] == "end\n"


@pytest.mark.parametrize("make", ["mkfifo", "mkdir", "ln -s {root}/other"])
@pytest.mark.parametrize("name", [".status.json", "status.json"])
def test_the_place_of_the_status_file_holds_nothing_up(
    wire: Connection, daemon: PrivateDaemon, make: str, name: str
) -> None:
    other = daemon.root / "other"
    other.write_text("untouched")
    job = dispatch(wire, f'cd "$LUZIA_ATTEMPT_DIR/.."; rm -f {name}; {make.format(root=daemon.root)} {name}')
    ended(wire, job)
    status = daemon.state / "jobs" / job / "status.json"
    if make != "mkdir":
        eventually(lambda: not status.is_symlink() and status.is_file() and b'"completed"' in status.read_bytes())
    assert wire.ok(op="logs", job=dispatch_and_wait(wire))["data"] == "next\n"  # the thread for files goes on
    assert other.read_text() == "untouched"


def dispatch_and_wait(wire: Connection) -> str:
    job = dispatch(wire, "echo next")
    ended(wire, job)
    return job
