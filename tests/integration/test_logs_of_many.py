"""`luzia logs` shows the output of several jobs, named or selected."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from luzia_client.cli import exit_codes
from support import Connection, PrivateDaemon, private_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon('[projects.other]\npath = "{root}/overbits"\nagent = "shell"\n') as running:
        yield running


@pytest.fixture(scope="module")
def jobs(daemon: PrivateDaemon) -> list[str]:
    """Two jobs of overbits that have ended, the second with a failure and a tag, one of another project, one queued."""
    with daemon.connect() as wire:
        return [
            ended(wire, "overbits", "echo one; printf two"),
            ended(wire, "overbits", "echo three; exit 1", tags={"kind": "nightly"}),
            ended(wire, "other", "printf '\\033[2Jfour\\n'"),
            str(wire.ok(op="dispatch", project="overbits", task="true", hold=True)["job"]),
        ]


def ended(wire: Connection, project: str, task: str, **more: object) -> str:
    job: str = wire.ok(op="dispatch", project=project, task=task, **more)["job"]
    assert not wire.ok(op="wait", jobs=[job], timeout_s=60)["timed_out"]
    return job


def test_several_jobs_come_one_after_another_each_below_its_heading(daemon: PrivateDaemon, jobs: list[str]) -> None:
    one, three, *_ = jobs
    assert daemon.run("logs", three, one).stdout == (
        f"==> {three}  overbits  failed  echo three; exit 1 <==\nthree\n\n"
        f"==> {one}  overbits  completed  echo one; printf two <==\none\ntwo"
    )


def test_a_single_named_job_has_no_heading(daemon: PrivateDaemon, jobs: list[str]) -> None:
    assert daemon.run("logs", jobs[0]).stdout == "one\ntwo"


def test_a_selection_has_those_that_have_begun_the_newest_last(daemon: PrivateDaemon, jobs: list[str]) -> None:
    one, three, four, _ = jobs
    shown = daemon.run("logs", "--project", "overbits", "-n", "1").stdout
    assert [line for line in shown.splitlines() if line] == [
        f"==> {one}  overbits  completed  echo one; printf two <==",
        "two",
        f"==> {three}  overbits  failed  echo three; exit 1 <==",
        "three",
    ]
    assert [line.split()[1] for line in headings(daemon, "--all")] == [one, three, four]
    for words in (["--state", "failed"], ["--tag", "kind=nightly"]):
        assert [line.split()[1] for line in headings(daemon, *words)] == [three]


def headings(daemon: PrivateDaemon, *words: str) -> list[str]:
    return [line for line in daemon.run("logs", *words).stdout.splitlines() if line.startswith("==> ")]


def test_a_large_selection_is_cut_to_the_newest_and_says_so(daemon: PrivateDaemon, jobs: list[str]) -> None:
    done = daemon.run("logs", "--all", "--limit", "2")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("==> ")] == jobs[1:3]
    assert "only the newest 2 jobs are shown" in done.stderr


def test_what_cannot_be_shown_is_told_and_the_others_are_shown(daemon: PrivateDaemon, jobs: list[str]) -> None:
    done = daemon.run("logs", jobs[3], "nothing", jobs[0])
    assert done.returncode == exit_codes.REFUSED
    assert done.stdout.endswith("one\ntwo")
    assert f"job {jobs[3]} has not started yet" in done.stderr
    assert "there is no job 'nothing'" in done.stderr


def test_programs_get_pieces_that_name_their_job(daemon: PrivateDaemon, jobs: list[str]) -> None:
    pieces = [json.loads(line) for line in daemon.run("logs", "--json", *jobs[:2]).stdout.splitlines()]
    assert [(piece["job"], piece["data"]) for piece in pieces] == [(jobs[0], "one\ntwo"), (jobs[1], "three\n")]


def test_what_makes_no_sense_is_refused(daemon: PrivateDaemon, jobs: list[str]) -> None:
    for words in ([], [jobs[0], "--all"], [jobs[0], jobs[1], "-f"], [jobs[0], "--limit", "1"], ["--all", "-f"]):
        done = daemon.run("logs", *words)
        assert (done.returncode, done.stdout) == (exit_codes.USAGE, ""), words
    assert "project 'nobody' not found" in daemon.run("logs", "--project", "nobody").stderr
