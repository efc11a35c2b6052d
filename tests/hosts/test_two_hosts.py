"""Two hosts, each with an sshd in a network namespace of its own: what happens to one does not concern the other."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator

import pytest

import far_network
from far_host import NAME, FarHost, far_host
from support import MAIN, eventually, status
from terminal import terminal

OTHER = "spare"
SOON = ("-o", "ServerAliveInterval=2")
"""A link that is cut is noticed in 4 s, in place of 10; test_host_faults.py has a cut with luzia's own options."""


@pytest.fixture
def hosts() -> Iterator[tuple[FarHost, FarHost]]:
    if reason := far_network.missing():
        pytest.skip(f"cannot make network namespaces: {reason}")
    with far_host(ssh_options=SOON) as one, far_host(beside=one, name=OTHER, far="other") as two:
        one.here.start()
        yield one, two


def listed(here: FarHost) -> tuple[int, set[tuple[str, str]], str]:
    """The exit status of `luzia jobs --all-hosts`, the jobs with their hosts, and what it says on stderr."""
    done = here.here.run("jobs", "--all-hosts", "--all", "--json")
    jobs = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {(job["host"], job["id"]) for job in jobs}, done.stderr


def test_a_cut_of_one_host_does_not_concern_the_other(hosts: tuple[FarHost, FarHost]) -> None:
    one, two = hosts
    assert one.network is not None
    assert two.network is not None
    assert one.network.address != two.network.address
    first, second = one.job_there("exec sleep 1000"), two.job_there("exec sleep 1000")
    assert listed(one) == (0, {(NAME, first), (OTHER, second)}, "")
    with terminal([sys.executable, "-c", MAIN, "top"], one.here.env, "/", 120, 30) as screen:
        screen.shows(first, second, "2 running")
        one.cut()
        screen.shows(f"{NAME}: ", "unreachable, was running")
        later = two.job_there("true")
        screen.shows(later)
        status_code, jobs, errors = listed(one)
        assert (status_code, jobs) == (3, {(OTHER, second), (OTHER, later)})
        assert f"host {NAME} (far-one) is not reachable" in errors
        assert one.here.run("cancel", f"{OTHER}/{second}").returncode == 0
        with two.there.connect() as wire:
            eventually(lambda: status(wire, second)["state"] == "cancelled", "the cancelled job")
        one.mend()
        screen.shows_no_more("unreachable")
    with one.there.connect() as wire:
        assert status(wire, first)["state"] == "running"


def test_kill_of_one_ssh_and_a_reboot_of_one_host_do_not_concern_the_other(hosts: tuple[FarHost, FarHost]) -> None:
    one, two = hosts
    gate = two.there.root / "gate"
    first = one.job_there("exec sleep 1000")
    second = two.job_there(f"echo one; until [ -e {gate} ]; do sleep 0.05; done; echo two")
    assert one.here.run("jobs", f"{NAME}/{first}").returncode == 0
    (link_of_one,) = one.masters()
    with two.here.start_command("logs", "-f", f"{OTHER}/{second}") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "one\n"
        os.kill(link_of_one, signal.SIGKILL)
        one.stop()
        one.there.kill()
        gate.touch()
        assert following.stdout.read() == "two\n"
        assert following.wait(60) == 0
    one.there.start()
    one.start()
    done = one.here.run("jobs", f"{NAME}/{first}", "--json")
    assert json.loads(done.stdout)["state"] == "running"


def test_a_command_for_jobs_of_two_hosts_is_refused_with_words(hosts: tuple[FarHost, FarHost]) -> None:
    one, two = hosts
    done = one.here.run("cancel", f"{NAME}/{one.job_there('true')}", f"{OTHER}/{two.job_there('true')}")
    assert done.returncode == 2
    assert f"jobs of several hosts: {NAME}, {OTHER}" in done.stderr
