"""A job that waits for its sub-jobs lends its slots to them, and has them back before it runs on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import Connection, PrivateDaemon, end_states, eventually, install_luzia, private_daemon, status

GATE = "cat gate >/dev/null"

PARENT = """
echo + >> log
a=$(./luzia -q overbits '{child}')
b=$(./luzia -q overbits '{child}')
echo - >> log
./luzia wait "$a" "$b" >/dev/null
echo + >> log
echo - >> log
"""


@contextmanager
def daemon_with(slots: int, more: str = "") -> Iterator[PrivateDaemon]:
    with private_daemon(f"[daemon]\nmax_running = {slots}\n{more}") as daemon:
        os.mkfifo(daemon.project / "gate")
        install_luzia(daemon.project)
        yield daemon


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    """One with a single slot."""
    with daemon_with(1, "[resources]\nlock = 1\ngpu = 2\n") as running:
        yield running


def dispatch(wire: Connection, task: str = GATE, **more: object) -> str:
    job: str = wire.ok(op="dispatch", **{"project": "overbits", "task": task, **more})["job"]
    return job


def running(wire: Connection, job: str) -> str:
    eventually(lambda: status(wire, job)["state"] == "running", f"{job} runs")
    return job


def limit(wire: Connection, queued: str) -> str:
    """Slots that are taken, of those that there are, as a job tells that waits for one."""
    words: str = status(wire, queued)["reason"]
    return words.removeprefix("waiting for a slot (").partition(" in use)")[0].replace(" of ", "/")


def most_at_once(log: Path) -> int:
    """How many jobs were at work at the same time."""
    at_work = most = 0
    for line in log.read_text().split():
        at_work += 1 if line == "+" else -1
        most = max(most, at_work)
    assert at_work == 0
    return most


@pytest.mark.parametrize("slots", [1, 4])
def test_parents_on_all_slots_wait_for_their_sub_jobs_and_no_limit_is_exceeded(slots: int) -> None:
    with daemon_with(slots) as daemon, daemon.connect() as wire:
        task = PARENT.format(child="echo + >> log; sleep 0.02; echo - >> log")
        parents = [dispatch(wire, task) for _ in range(4)]
        assert end_states(wire, *parents) == ["completed"] * 4
        jobs = wire.ok(op="list", limit=100)["jobs"]
        assert [job["state"] for job in jobs] == ["completed"] * 12
        assert most_at_once(daemon.project / "log") <= slots


def test_jobs_that_wait_inside_one_another_share_one_slot(daemon: PrivateDaemon, wire: Connection) -> None:
    nested = daemon.project / "nested"
    below = './luzia wait "$(./luzia run -q overbits -- ./nested $(($1 - 1)))"'
    nested.write_text(f'#!/bin/sh\n[ "$1" = 0 ] || {below}\necho "$1" >> order\n')
    nested.chmod(0o755)
    assert end_states(wire, dispatch(wire, "./nested 3")) == ["completed"]
    assert (daemon.project / "order").read_text().split() == ["0", "1", "2", "3"]


def test_several_waits_in_one_job_do_not_keep_its_sub_jobs_from_running(wire: Connection) -> None:
    task = "a=$(./luzia -q overbits true); b=$(./luzia -q overbits true); ./luzia wait $a & ./luzia wait $b & wait"
    assert end_states(wire, dispatch(wire, task)) == ["completed"]


def test_the_python_api_waits_so_too(wire: Connection) -> None:
    lines = [
        "from luzia_client import Client",
        "from luzia_client.legacy import ResponseiveDispatcher",
        "one = Client().dispatch('overbits', 'true').job",
        "assert not Client().wait([one]).timed_out",
        "old = ResponseiveDispatcher()",
        "job, _ = old.dispatch_task('overbits', 'true')",
        "assert old.wait_for_job(job)['status'] == 'completed'",
    ]
    assert end_states(wire, dispatch(wire, f'{sys.executable} -c "{"; ".join(lines)}"')) == ["completed"]


def test_a_job_that_waits_says_for_whom_and_its_slot_goes_to_its_sub_job_first(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    top = running(wire, dispatch(wire))
    other = dispatch(wire, "true")
    child = dispatch(wire, parent=top)
    assert "2nd in the queue" in status(wire, other)["reason"]
    with daemon.connect() as inside:
        inside.send(op="wait", jobs=[child], parent=top)
        running(wire, child)
        assert status(wire, top)["reason"] == f"waits for cat gate >/dev/null ({child})"
        assert status(wire, other)["state"] == "queued"
        wire.ok(op="cancel", job=child)
        assert inside.receive()["ok"]["jobs"][0]["state"] == "cancelled"
    assert limit(wire, other) == "1/1", "the slot went back to who had waited"
    assert status(wire, top)["reason"] is None
    wire.ok(op="cancel", job=top)
    assert end_states(wire, other) == ["completed"]


def test_the_answer_comes_when_the_job_has_its_slot_again(daemon: PrivateDaemon, wire: Connection) -> None:
    top = running(wire, dispatch(wire))
    child = dispatch(wire, parent=top)
    with daemon.connect() as inside:
        inside.send(op="wait", jobs=[child], parent=top, timeout_s=0.2)
        running(wire, child)
        eventually(lambda: "slot" in (status(wire, top)["reason"] or ""), "the time is over")
        assert status(wire, top)["reason"] == "waiting to get its slot back (1 of 1 in use)"
        other = dispatch(wire, "true")
        wire.ok(op="cancel", job=child)
        assert inside.receive()["ok"]["timed_out"]
        assert status(wire, other)["state"] == "queued"


def test_a_job_whose_waiting_process_is_killed_has_its_slot_back_at_once(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    top = running(wire, dispatch(wire))
    child = dispatch(wire, parent=top)
    other = dispatch(wire, "true")
    with daemon.connect() as inside:
        inside.send(op="wait", jobs=[child], parent=top)
        running(wire, child)
        assert limit(wire, other) == "1/1"
    eventually(lambda: limit(wire, other) == "2/1", "both hold a slot")
    wire.ok(op="cancel", job=child)
    end_states(wire, child)
    assert limit(wire, other) == "1/1"


def test_who_waits_for_a_job_that_is_no_sub_job_keeps_its_slot(daemon: PrivateDaemon, wire: Connection) -> None:
    top = running(wire, dispatch(wire))
    other = dispatch(wire, "true")
    with daemon.connect() as inside:
        inside.send(op="wait", jobs=[other], parent=top, timeout_s=0.3)
        assert inside.receive()["ok"]["timed_out"]
    assert limit(wire, other) == "1/1"


def test_a_crash_of_the_daemon_in_the_middle_changes_nothing(daemon: PrivateDaemon, wire: Connection) -> None:
    top = dispatch(wire, f"./luzia wait \"$(./luzia -q overbits '{GATE}')\"")
    eventually(lambda: status(wire, top)["children"] == {"running": 1}, "the sub-job runs")
    daemon.kill()
    daemon.start()
    with daemon.connect() as retry:
        other = dispatch(retry, "true")
        eventually(lambda: "waits for" in (status(retry, top)["reason"] or ""), "its wait has come again")
        assert limit(retry, other) == "1/1"
        os.close(os.open(daemon.project / "gate", os.O_WRONLY))
        assert end_states(retry, top, other) == ["completed", "completed"]


def test_after_a_crash_a_job_that_asks_for_its_slot_runs_on_only_when_there_is_one(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    top = running(wire, dispatch(wire))
    child = dispatch(wire, "true", parent=top)
    other = dispatch(wire, parent=top)
    last = dispatch(wire, "true")
    with daemon.connect() as inside:
        inside.send(op="wait", jobs=[child, other], parent=top)
        running(wire, other)
        daemon.kill()
    daemon.start()
    with daemon.connect() as retry, daemon.connect() as inside:
        assert limit(retry, last) == "2/1"
        inside.send(op="wait", jobs=[child], parent=top)
        eventually(lambda: limit(retry, last) == "1/1", "one has lent its slot")
        assert "waiting to get its slot" in status(retry, top)["reason"]
        retry.ok(op="cancel", job=other)
        assert inside.receive()["ok"]["jobs"][0]["state"] == "completed"


def test_a_job_that_waits_can_be_cancelled_and_leaves_no_slot_taken(daemon: PrivateDaemon, wire: Connection) -> None:
    top = dispatch(wire, f"./luzia wait \"$(./luzia -q overbits '{GATE}')\"")
    eventually(lambda: status(wire, top)["children"] == {"running": 1}, "the sub-job runs")
    wire.ok(op="cancel", job=top)
    assert end_states(wire, top) == ["cancelled"]
    assert end_states(wire, dispatch(wire, "true")) == ["completed"]


def test_a_timeout_goes_on_while_a_job_waits(wire: Connection) -> None:
    top = dispatch(wire, f"./luzia wait \"$(./luzia -q overbits '{GATE}')\"", timeout_s=1.5)
    assert end_states(wire, top) == ["timed_out"]
    assert end_states(wire, dispatch(wire, "true")) == ["completed"]


def test_a_lock_is_kept_and_a_wait_that_it_would_make_endless_is_refused(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    top = running(wire, dispatch(wire, needs={"lock": 1}))
    child = dispatch(wire, parent=top)
    other = dispatch(wire, "true", needs={"lock": 1}, parent=top)
    with daemon.connect() as inside:
        refused = inside.error(op="wait", jobs=[child, other], parent=top)
        assert refused["code"] == "waits_for_itself"
        assert refused["message"] == f"job {other} needs lock=1, which job {top} holds while it waits"
        inside.send(op="wait", jobs=[child], parent=top)
        running(wire, child)
        assert status(wire, other)["reason"].startswith(f"needs lock=1, 0 of 1 free (held by {top})")


def test_a_share_of_a_resource_is_enough_for_two(daemon: PrivateDaemon, wire: Connection) -> None:
    top = running(wire, dispatch(wire, needs={"gpu": 1}))
    child = dispatch(wire, "true", needs={"gpu": 1}, parent=top)
    assert wire.ok(op="wait", jobs=[child], parent=top)["jobs"][0]["state"] == "completed"


def test_a_drain_starts_the_sub_jobs_for_which_a_running_job_waits(daemon: PrivateDaemon, wire: Connection) -> None:
    top = dispatch(
        wire, f"{GATE}; ./luzia wait $(./luzia run -q --after $(./luzia run -q overbits -- true) overbits -- true)"
    )
    running(wire, top)
    other = dispatch(wire, "true")
    wire.ok(op="drain")
    os.close(os.open(daemon.project / "gate", os.O_WRONLY))
    assert end_states(wire, top) == ["completed"]
    assert status(wire, top)["children"] == {"completed": 2}
    assert status(wire, other)["state"] == "queued"


def test_a_wait_for_the_own_end_is_refused(wire: Connection) -> None:
    top = running(wire, dispatch(wire))
    refused = wire.error(op="wait", jobs=[top], parent=top)
    assert (refused["code"], refused["message"]) == ("waits_for_itself", f"job {top} would wait for its own end")
