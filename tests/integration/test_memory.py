"""Memory: long tasks and large environments are on disk, what no program can be given is refused, and limits hold."""

from __future__ import annotations

import json
import resource
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path

from support import Connection, PrivateDaemon, dispatch, ended, eventually, private_daemon, status

MIB = 1 << 20
IDLE = "[daemon]\nmax_running = 1\n"
LITTLE_MEMORY = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
from luziad.cli import main
sys.exit(main())
"""


def rss(wire: Connection) -> int:
    size: int = wire.ok(op="info")["rss_bytes"]
    return size


def long_task(number: int) -> str:
    """A task of a mebibyte that is like no other, and runs."""
    return f"echo begin {number} #{'x' * (MIB - 40)} end"


def hold_slot(wire: Connection) -> str:
    return dispatch(wire, "exec sleep 1000")


def test_long_tasks_of_queued_jobs_are_on_disk_and_come_whole_to_their_agents() -> None:
    with private_daemon(IDLE) as daemon:
        with daemon.connect() as wire:
            first = hold_slot(wire)
            before = rss(wire)
            jobs = [dispatch(wire, long_task(number)) for number in range(200)]
            assert rss(wire) - before < 64 * MIB
            assert status(wire, jobs[7])["task"] == long_task(7)
            listed = wire.ok(op="list", limit=1)["jobs"][0]
            assert listed["task"] == long_task(199)[: len(listed["task"])]
            assert listed["task_bytes"] == len(long_task(199))
            wire.ok(op="edit", job=jobs[7], priority=5)
            wire.ok(op="edit", job=jobs[8], task=long_task(88))
        daemon.kill()
        daemon.start()
        with daemon.connect() as wire:
            assert rss(wire) - before < 64 * MIB
            assert [status(wire, job)["task"] for job in jobs[7:9]] == [long_task(7), long_task(88)]
            wire.ok(op="cancel", job=first)
            assert [job["state"] for job in ended(wire, jobs[7], jobs[8])] == ["completed", "completed"]
            assert wire.ok(op="logs", job=jobs[7])["data"] == "begin 7\n"
            prompt = daemon.state / "jobs" / jobs[8] / "1" / "prompt"
            assert prompt.read_text() == long_task(88)
            status_file = daemon.state / "jobs" / jobs[8] / "status.json"
            eventually(status_file.exists)  # a thread writes it, a moment after the end
            assert json.loads(status_file.read_text())["task"] == long_task(88)


def test_a_long_command_is_on_disk_too() -> None:
    with private_daemon(IDLE) as daemon, daemon.connect() as wire:
        first = hold_slot(wire)
        argv = ["sh", "-c", 'printf %s "$@" | wc -c', *("y" * 100_000 for _ in range(8))]
        job = wire.ok(op="dispatch", project="overbits", argv=argv)["job"]
        assert status(wire, job)["argv"] == argv
        assert len(json.dumps(wire.ok(op="list", limit=1))) < 10_000
        wire.ok(op="cancel", job=first)
        ended(wire, job)
        assert int(wire.ok(op="logs", job=job)["data"]) == 700_000


def test_large_environments_are_on_disk_too() -> None:
    with private_daemon(IDLE) as daemon:
        with daemon.connect() as wire:
            first = hold_slot(wire)
            before = rss(wire)
            jobs = [
                dispatch(wire, "echo $OWN $V49", env={"OWN": f"{n}", **{f"V{v}": f"{v}" * 10_000 for v in range(50)}})
                for n in range(200)
            ]
            assert rss(wire) - before < 64 * MIB
            assert len(status(wire, jobs[0])["env_names"]) == 51
        daemon.kill()
        daemon.start()
        with daemon.connect() as wire:
            wire.ok(op="cancel", job=first)
            ended(wire, *jobs[:2])
            assert wire.ok(op="logs", job=jobs[1])["data"] == "1 " + "49" * 10_000 + "\n"


def test_a_limit_of_queued_bytes_is_met_with_a_clear_error_and_freed_by_the_end_of_jobs() -> None:
    with private_daemon(IDLE + "max_queued_bytes = 4194304\n") as daemon, daemon.connect() as wire:
        hold_slot(wire)
        jobs = [dispatch(wire, long_task(number)) for number in range(5)]
        for more in ({"task": "true"}, {"task": "true", "env": {"A": "b"}}):
            refused = wire.error(op="dispatch", project="overbits", **more)
            assert refused["code"] == "queue_full"
            assert "max_queued_bytes" in refused["message"]
            assert "max_queued_bytes" in refused["hint"]
        wire.ok(op="cancel", job=jobs[0])
        wire.ok(op="edit", job=jobs[1], task="true")
        dispatch(wire, "true")


def test_dependencies_count_as_bytes_also_when_they_are_edited() -> None:
    with private_daemon(IDLE + "max_queued_bytes = 1600000\n") as daemon, daemon.connect() as wire:
        roots = [hold_slot(wire), *(dispatch(wire) for _ in range(999))]
        jobs = [dispatch(wire) for _ in range(20)]
        answers = [wire.ask(op="edit", job=job, after=roots) for job in jobs]
        assert ["ok" in answer for answer in answers] == [True] * 10 + [False] * 10
        assert answers[-1]["error"]["code"] == "queue_full"
        assert wire.error(op="dispatch", project="overbits", task="true", after=roots)["code"] == "queue_full"
        wire.ok(op="edit", job=jobs[0], after=[])
        dispatch(wire, after=roots)
        assert wire.error(op="dispatch", project="overbits", task="true")["code"] == "queue_full"


def test_variables_and_arguments_that_no_program_can_have_are_refused_at_the_dispatch() -> None:
    with private_daemon() as daemon, daemon.connect() as wire:
        many = {f"V{number}": "x" for number in range(200_000)}
        refused = wire.error(op="dispatch", project="overbits", task="true", env=many)
        assert "the system starts programs with" in refused["message"]
        for field in ("env", "client_env"):
            refused = wire.error(op="dispatch", project="overbits", task="true", **{field: {"A": "x" * (128 << 10)}})
            assert "the system allows 131072" in refused["message"]
            assert "xxx" not in refused["message"]
        refused = wire.error(op="dispatch", project="overbits", argv=["true", "x" * (128 << 10)])
        assert refused["code"] == "task_too_large"
        limit = resource.getrlimit(resource.RLIMIT_STACK)[0] // 4
        for share, accepted in ((0.7, True), (1.0, False)):
            size = int(limit * share / 100)
            answer = wire.ask(
                op="dispatch", project="overbits", task="true", env={f"V{n:02}": "x" * size for n in range(100)}
            )
            assert ("ok" in answer) is accepted
            if accepted:
                assert ended(wire, answer["ok"]["job"])[0]["state"] == "completed"


def test_at_a_limit_of_its_address_space_the_daemon_refuses_and_neither_dies_nor_loses_a_job() -> None:
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        daemon = PrivateDaemon(Path(directory), IDLE + "max_queued_bytes = 4000000000\n")
        try:
            daemon.start(["-c", LITTLE_MEMORY])
            with daemon.connect() as wire:
                first = hold_slot(wire)
                jobs = [dispatch(wire, long_task(number)) for number in range(300)]
            with daemon.connect() as wire:
                frame = json.dumps({"op": "dispatch", "project": "overbits", "task": f"true #{'x' * 4000}"}).encode()
                answers = [wire.ask(op="info")]
                while "ok" in answers[-1]:
                    assert len(jobs) < 200_000
                    wire.send_bytes((frame + b"\n") * 500)
                    answers = [wire.receive() for _ in range(500)]
                    jobs += [answer["ok"]["job"] for answer in answers if "ok" in answer]
                assert answers[-1]["error"]["code"] == "overloaded"
                assert "address space" in answers[-1]["error"]["message"]
                assert daemon.process is not None
                assert daemon.process.poll() is None
            daemon.stop()
            daemon.start(["-c", LITTLE_MEMORY])
            with daemon.connect() as wire:
                assert wire.ok(op="info")["counts"] == {"queued": len(jobs), "running": 1}
                wire.ok(op="cancel", job=first)
                assert ended(wire, jobs[0])[0]["state"] == "completed"
        finally:
            daemon.end_everything()


def test_whatever_is_kept_of_a_job_or_a_schedule_has_a_limit() -> None:
    with private_daemon(IDLE) as daemon, daemon.connect() as wire:
        long = "x" * (2 * MIB)
        before = rss(wire)
        for _ in range(20):
            assert wire.error(op="dispatch", project="overbits", task="true", key=long)["code"] == "bad_request"
        job = {"id": "000000-0000", "name": "n", "project": "p", "agent": "shell", "task": "t", "state": "completed"}
        job |= {"created_at": "2026-01-01T00:00:00Z"}
        for field in ({"reason": long}, {"key": long}, {"tags": {"a": long}}, {"reason": "x" * 1_200_000}):
            (result,) = wire.ok(op="import", jobs=[job | field])["imports"]
            assert "the limit is" in result["error"]["message"]
        nightly = {"op": "dispatch", "project": "overbits", "task": "x" * MIB}
        answers = [
            wire.ask(
                op="schedule_add", name=f"s{number}", cron="0 3 * * *", job=nightly | {"task": f"{number}" * 800_000}
            )
            for number in range(6)
        ]
        assert [answer.get("error", {}).get("code") for answer in answers] == [None] * 3 + ["schedules_full"] * 3
        assert len(wire.ok(op="schedule_list")["schedules"]) == 3
        assert rss(wire) - before < 64 * MIB


def test_memory_that_a_flood_has_taken_is_given_back() -> None:
    with private_daemon() as daemon, daemon.connect() as wire, ExitStack() as stack:
        before = rss(wire)
        for _ in range(10):
            peer = stack.enter_context(daemon.connect())
            peer.send_bytes(b'{"op":"%b' % (b"x" * (4 * MIB - 100)))
        eventually(lambda: rss(wire) - before > 30 * MIB, "memory that is taken")
        stack.close()
        eventually(lambda: rss(wire) - before < 15 * MIB, "memory that is given back")


def test_streams_of_small_events_that_nobody_reads_take_little_more_than_their_bytes() -> None:
    """Each small frame that a peer could not take once took several times its size."""
    with private_daemon(IDLE) as daemon, daemon.connect() as wire, ExitStack() as stack:
        before = wire.ok(op="info")["rss_bytes"]
        for _ in range(160):
            peer = stack.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(daemon.socket)
            peer.sendall(b'{"op":"subscribe"}\n')
        for _ in range(1400):  # one by one: frames of the same moment are written together
            wire.ok(op="dispatch", project="overbits", task="true", hold=True)
        assert wire.ok(op="info")["rss_bytes"] - before < 70 * MIB
