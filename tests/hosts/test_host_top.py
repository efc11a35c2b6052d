"""`luzia top` with the jobs of two hosts and of this machine in one list, through a real sshd."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from far_host import NAME, FarHost, far_host
from git_projects import Repository
from support import MAIN, eventually, status
from terminal import Terminal, terminal

WAITS = "exec sleep 1000"


@pytest.fixture
def host() -> Iterator[FarHost]:
    with far_host() as found:
        found.here.start()
        yield found


def top(host: FarHost, *words: str, columns: int = 120, rows: int = 30) -> AbstractContextManager[Terminal]:
    command = [sys.executable, "-c", MAIN, *words, "top"]
    return terminal(command, host.here.env, str(host.here.project), columns, rows)


def row(screen: Terminal, job: str) -> str:
    return next((line for line in screen.lines if line.startswith(job)), "")


def test_the_jobs_of_all_hosts_are_in_one_list_with_their_host_in_a_column(host: FarHost) -> None:
    far, near = host.job_there(f"echo far words; {WAITS}"), host.job_here("echo near words")
    with top(host) as screen:
        screen.shows(far, near, "HOST", "1 running", "1 completed", "far words")
        assert f" {NAME} " in row(screen, far)
        assert " local " in row(screen, near)
        later = host.job_there("echo later")
        screen.shows(later, "2 completed")
        screen.press("h")
        screen.type("local")
        screen.press("enter")
        screen.shows_no_more(far)
        screen.shows(near, "host local")
        screen.press("h")
        screen.type(NAME)
        screen.press("enter")
        screen.shows(far, later)
        screen.shows_no_more(near)
        screen.press("h", "enter")
        screen.shows(far, near)
        screen.press("/")
        screen.type(f"{NAME}/")
        screen.press("enter")
        screen.shows_no_more(near)
        screen.press("q")
        assert screen.ended() == 0


def test_what_keys_do_is_done_on_the_host_of_the_job(host: FarHost) -> None:
    far = host.job_there(WAITS)
    near = host.job_here(WAITS)
    with top(host) as screen:
        screen.shows(far, near)
        screen.press("/")
        screen.type(f"{NAME}/")
        screen.press("enter")
        screen.shows(f" {NAME}/{far} ·")
        screen.press("i")
        screen.shows(f"Job {NAME}/{far}", "sleep 1000")
        screen.press("escape", "w")
        screen.shows(f"Why: job {NAME}/{far}")
        screen.press("escape", "y")
        screen.shows(f"copied {NAME}/{far}")
        screen.press("p")
        screen.shows(f"paused: job {NAME}/{far}")
        assert host.state_there(far) == "paused"
        screen.press("p")
        screen.shows("resumed")
        screen.press("c", "y")
        screen.shows(f"cancelled: job {NAME}/{far}")
        eventually(lambda: host.state_there(far) == "cancelled", "the cancelled job")
        screen.press("r")
        screen.shows(f"retried: job {NAME}/{far}")
        eventually(lambda: host.state_there(far) == "running", "the retried job")
        screen.press("R", "y")
        screen.shows(f"dispatched: job {NAME}/")
        with host.there.connect() as wire:
            assert len(wire.ok(op="list", limit=10)["jobs"]) == 2
        screen.press("n")
        screen.shows(f"New task on {NAME}")
        screen.type("echo a new one")
        screen.press("enter")
        eventually(lambda: "echo a new one" in host.ok("jobs", "--format", "task"), "the new job there")
    with host.here.connect() as wire:
        assert [job["state"] for job in wire.ok(op="list", limit=10)["jobs"]] == ["running"]


def test_a_command_runs_on_the_marked_jobs_of_each_host(host: FarHost) -> None:
    far, near = host.job_there(WAITS), host.job_here(WAITS)
    with top(host) as screen:
        screen.shows(far, near)
        screen.press("*", ":")
        screen.type("cancel")
        screen.press("enter")
        screen.shows(f"$ luzia cancel {NAME}/{far}", f"$ luzia cancel {near}", "Press Enter")
        eventually(lambda: host.state_there(far) == "cancelled", "the job there")
        with host.here.connect() as wire:
            eventually(lambda: status(wire, near)["state"] == "cancelled", "the job here")
        screen.press("enter")
        screen.shows("HOST")


def test_an_unreachable_host_keeps_its_rows_and_comes_back(host: FarHost) -> None:
    far, near = host.job_there(f"echo far words; {WAITS}"), host.job_here("true")
    host.add("gone", "far-absent")
    with top(host, columns=160) as screen:
        screen.shows(far, near, "gone: retrying: host gone (far-absent) is not reachable", "far words")
        host.stop()
        screen.shows(f"{NAME}: ", "unreachable, was running")
        assert row(screen, near).count("completed") == 1
        screen.press("/")
        screen.type(far)
        screen.press("enter")
        screen.shows(f" {NAME}/{far} ·", "far words")
        screen.press("c", "y")
        screen.shows("cannot be changed or read now")
        later = host.job_there("true")
        host.start()
        screen.shows_no_more("unreachable, was running")
        screen.press("escape")
        screen.shows(later)
        screen.press("q")
        assert screen.ended() == 0
    assert host.state_there(far) == "running"


def test_the_end_does_not_wait_for_a_host_that_does_not_answer(host: FarHost) -> None:
    near = host.job_here("true")
    host.add("gone", "far-slow")  # accepts connections, and says nothing
    with host.silent_port(), top(host) as screen:
        screen.shows(near)
        screen.press("q")
        assert screen.ended() == 0
        eventually(lambda: not host.masters(), "the end of ssh")


def test_one_host_can_be_chosen_and_this_machine_too(host: FarHost) -> None:
    far, near = host.job_there("true"), host.job_here("true")
    with top(host, "--host", NAME) as screen:
        screen.shows(far)
        assert near not in screen.text
        assert "HOST" not in screen.text
    with top(host, "--host", "local") as screen:
        screen.shows(near)
        assert far not in screen.text
        assert "HOST" not in screen.text


def test_the_same_id_on_two_hosts_is_shown_with_the_host(host: FarHost) -> None:
    far = host.job_there("true")
    with host.there.connect() as wire:
        record = wire.ok(op="status", job=far)["job"]
    host.add("twin", "far-one")
    with top(host, columns=160) as screen:
        screen.shows(f"{NAME}/{far}", f"twin/{far}")
    assert json.loads(host.ok("jobs", far, "--json"))["id"] == record["id"]


def test_the_work_of_a_job_there_is_shown_and_merged_into_the_repository_here() -> None:
    with far_host("worktree = true\n") as host:
        Repository(host.there.project, host.there.root).init()
        host.here.env["HOME"] = str(host.here.root)
        clone = Repository(host.here.root / "clone", host.here.root)
        clone.at(host.here.root).git("clone", "-q", str(host.there.project), str(clone.root))
        host.here.start()
        far = host.job_there("echo made > made")
        eventually(lambda: host.state_there(far) == "completed", "the job")
        with terminal([sys.executable, "-c", MAIN, "top"], host.here.env, str(clone.root), 120, 30) as screen:
            screen.shows(far)
            screen.press("d")
            screen.shows(f"Changes of job {NAME}/{far}", "+made")
            screen.press("escape", "m", "y")
            screen.shows("the worktree has uncommitted changes: made")
            screen.press("m", "c")
            screen.shows("merged: job")
            assert (clone.root / "made").exists()
            screen.press("s")
            screen.shows_no_more("HOST")
            screen.type("pwd; exit")
            screen.press("enter")
            screen.until(lambda shown: str(host.there.root).encode() in shown.raw, "the directory there")
            screen.shows("HOST")
