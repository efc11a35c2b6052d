"""What happens when the way to a host, the host, or its daemon fails: jobs do not notice, and no client is misled."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from far_host import NAME, FarHost, far_host, make_key
from support import ended, eventually, install_luzia, status


@pytest.fixture(scope="module")
def shared_host() -> Iterator[FarHost]:
    with far_host() as found:
        yield found


@pytest.fixture
def host(shared_host: FarHost) -> Iterator[FarHost]:
    yield shared_host
    shared_host.restore()


def test_a_follower_continues_where_it_was_after_ssh_was_killed(host: FarHost, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job = host.job_there(f"echo one; until [ -e {gate} ]; do sleep 0.05; done; echo two")
    with host.start_command("logs", "-f", job) as following, host.start_command("wait", job) as waiting:
        assert following.stdout is not None
        assert following.stdout.readline() == "one\n"
        eventually(host.masters, "the link")
        os.kill(host.masters()[0], signal.SIGKILL)
        gate.touch()
        assert following.stdout.read() == "two\n"
        assert following.wait(60) == 0
        assert waiting.wait(60) == 0


def test_a_follower_continues_after_the_host_was_rebooted(host: FarHost, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job = host.job_there(f"echo one; until [ -e {gate} ]; do sleep 0.05; done; echo two")
    with host.start_command("logs", "-f", job) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "one\n"
        host.stop()
        host.there.kill()
        host.there.start()
        gate.touch()
        host.start()
        assert following.stdout.read() == "two\n"
        assert following.wait(60) == 0


def test_a_cut_makes_the_host_unreachable_and_loses_no_job(host: FarHost, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job = host.job_there(f"echo one; until [ -e {gate} ]; do sleep 0.05; done; echo two")
    with host.start_command("logs", "-f", job) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "one\n"
        host.cut()
        eventually(lambda: not host.masters(), "the end of a link that nobody answers")
        assert "is not reachable" in refused(host, "--host", NAME, "jobs")
        with host.there.connect() as wire:
            assert status(wire, job)["state"] == "running"
        gate.touch()
        host.mend()
        assert following.stdout.read() == "two\n"
        assert following.wait(60) == 0
    host.ok("jobs")


def test_a_link_that_hangs_is_replaced(host: FarHost) -> None:
    host.ok("jobs")
    (master,) = host.masters()
    os.kill(master, signal.SIGSTOP)
    done = host.impatient("jobs")
    assert done.returncode == 0, done.stderr
    assert host.masters() != [master]
    assert len(host.masters()) == 1


def test_a_link_whose_starter_has_ended_too_early_is_replaced(host: FarHost) -> None:
    host.ok("jobs")
    before = host.masters()
    for kind in ("json", "sock"):
        (host.here.root / "run" / "hosts" / f"{NAME}.{kind}").unlink()
    host.ok("jobs")
    assert host.masters() != before
    assert len(host.masters()) == 1


def test_a_dispatch_in_flight_is_repeated_and_accepted_once(host: FarHost) -> None:
    host.ok("jobs")
    with host.there.connect() as wire:
        before = {job["id"] for job in wire.ok(op="list", limit=100)["jobs"]}
    pid = host.there.process.pid if host.there.process is not None else 0
    os.kill(pid, signal.SIGSTOP)
    try:
        with host.start_command("dispatch", "--json", "overbits", "true") as dispatching:
            eventually(lambda: len(host.here_connections()) > 0, "the request")
            os.kill(host.masters()[0], signal.SIGKILL)
            os.kill(pid, signal.SIGCONT)
            output, errors = dispatching.communicate(timeout=60)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (dispatching.returncode, errors) == (0, "")
    with host.there.connect() as wire:
        after = [job["id"] for job in wire.ok(op="list", limit=100)["jobs"]]
    assert sorted(after) == sorted([*before, json.loads(output)["job"]])


def test_the_daemon_there_is_started_again_by_the_next_command(host: FarHost) -> None:
    host.ok("jobs")
    host.there.stop()
    host.ok("jobs")
    with host.there.connect() as wire:
        pid = wire.ok(op="info")["pid"]
    host.luzia("daemon", "stop")
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the second daemon")


def test_a_slow_link_changes_nothing_but_the_time(host: FarHost) -> None:
    with host.slow(0.2) as destination:
        host.add("slow", destination)
        job = host.here.run("--host", "slow", "dispatch", "-q", "overbits", "seq 100000")
        assert job.returncode == 0, job.stderr
        done = host.here.run("--host", "slow", "logs", "-f", "@last")
        assert done.stdout.splitlines() == [str(number) for number in range(1, 100001)]
        checked = json.loads(host.here.run("hosts", "check", "slow", "--json").stdout)
        assert checked["round_trip_s"] > 0.4


def refused(host: FarHost, *words: str) -> str:
    """The error of a command for a host that cannot be used."""
    done = host.here.run(*words, stdin=-3)
    assert (done.returncode, done.stdout) == (3, "")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_another_host_key_is_refused(host: FarHost) -> None:
    make_key(host.root / "other")
    host.trust(host.root / "other.pub")
    assert "its host key is not the one that is known for it" in refused(host, "--host", NAME, "overbits", "true")
    (host.root / "known").write_text("")
    assert "its host key is not known" in refused(host, "--host", NAME, "jobs")
    assert not host.masters()


def test_a_refused_login_a_dead_port_and_a_name_that_dns_does_not_know_are_told(host: FarHost) -> None:
    host.add("absent", "far-absent")
    host.add("nowhere", "no-such-host.invalid")
    assert "Connection refused" in refused(host, "--host", "absent", "jobs")
    assert "its name cannot be resolved" in refused(host, "--host", "nowhere", "jobs")
    make_key(host.root / "stranger")
    os.replace(host.root / "stranger", host.root / "user")
    assert "it refuses the login" in refused(host, "--host", NAME, "jobs")


def test_a_host_without_luzia_is_told(host: FarHost) -> None:
    (host.there.root / "bin" / "luzia").unlink()
    text = refused(host, "--host", NAME, "jobs")
    assert f"luzia is not installed on host {NAME}" in text
    assert f"luzia hosts install {NAME}" in text
    install_luzia(host.there.root / "bin")
    host.ok("jobs")


def test_a_daemon_that_does_not_start_says_why(host: FarHost) -> None:
    host.there.stop()
    host.there.config_file.write_text("[daemon]\nnice = 1000\n")
    assert "daemon.nice: found 1000" in refused(host, "--host", NAME, "jobs")


def test_an_incompatible_version_is_told(host: FarHost) -> None:
    program = host.there.root / "bin" / "luzia"
    info = {"socket": host.there.socket, "version": "0.0.1", "protocol": 0}
    program.write_text(f"#!/bin/sh\necho '{json.dumps(info)}'\n")
    text = refused(host, "--host", NAME, "jobs")
    assert "not compatible" in text
    assert "luziad 0.0.1 has protocol 0" in text


def test_many_commands_wait_for_an_unreachable_host_only_once(host: FarHost) -> None:
    (host.there.root / "bin" / "luzia").unlink()
    commands = [host.start_command("jobs") for _ in range(8)]
    running = [command.__enter__() for command in commands]
    try:
        for process in running:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 3
            assert "luzia is not installed" in errors
    finally:
        for command in commands:
            command.__exit__(None, None, None)
    assert not host.masters()


def test_a_job_survives_everything(host: FarHost) -> None:
    job = json.loads(host.ok("dispatch", "--json", "overbits", "sleep 1; echo done"))["job"]
    host.drop()
    host.there.kill()
    host.there.start()
    with host.there.connect() as wire:
        assert ended(wire, job)[0]["state"] == "completed"
    assert host.ok("logs", job) == "done\n"
