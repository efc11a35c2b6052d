"""Jobs that come after others, over the socket of a real daemon."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from luzia_protocol.requests import MAX_PARENTS

from support import Connection, PrivateDaemon, dispatch, eventually, private_daemon, status


@pytest.fixture
def daemon() -> Iterator[PrivateDaemon]:
    with private_daemon("[daemon]\nmax_running = 4\n") as running:
        os.mkfifo(running.project / "gate")
        yield running


def ended(wire: Connection, *jobs: str) -> list[tuple[str, str | None]]:
    """States and reasons of the jobs, once all have ended."""
    found = wire.ok(op="wait", jobs=[*jobs], timeout_s=60)
    assert not found["timed_out"]
    return [(job["state"], job["reason"]) for job in found["jobs"]]


GATE = "cat gate >/dev/null"


def open_gate(daemon: PrivateDaemon) -> None:
    os.close(os.open(daemon.project / "gate", os.O_WRONLY))


def test_a_job_starts_when_those_before_it_have_completed(daemon: PrivateDaemon, wire: Connection) -> None:
    first, second = dispatch(wire, GATE), dispatch(wire, "true")
    third = dispatch(wire, "true", after=[first[-4:], second])
    ended(wire, second)
    waiting = status(wire, third)
    assert (waiting["state"], waiting["reason"]) == ("queued", f"waits for {first}")
    assert waiting["after"] == [first, second]
    open_gate(daemon)
    assert ended(wire, third) == [("completed", None)]
    assert status(wire, third)["started_at"] >= status(wire, first)["ended_at"]


def test_what_can_never_run_is_skipped_all_the_way_down(daemon: PrivateDaemon, wire: Connection) -> None:
    first = dispatch(wire, f"{GATE}; exit 3")
    second = dispatch(wire, "true", after=[first])
    third = dispatch(wire, "true", after=[second])
    clean = dispatch(wire, "true", after_any=[third])
    mended = dispatch(wire, "true", after_fail=[first])
    unneeded = dispatch(wire, "true", after_fail=[mended])
    open_gate(daemon)
    assert ended(wire, first, second, third, clean, mended, unneeded) == [
        ("failed", "exit code 3"),
        ("skipped", f"{first} failed, and this job needed it completed"),
        ("skipped", f"{second} was skipped, and this job needed it completed"),
        ("completed", None),
        ("completed", None),
        ("skipped", f"{mended} completed, and this job was for its failure"),
    ]
    assert status(wire, second)["attempts"] == []


def test_parents_that_have_ended_already_count(wire: Connection) -> None:
    good, bad = dispatch(wire, "true"), dispatch(wire, "false")
    ended(wire, good, bad)
    runs, skipped = dispatch(wire, "true", after=[good], after_fail=[bad]), dispatch(wire, "true", after=[bad])
    assert [state for state, _ in ended(wire, runs, skipped)] == ["completed", "skipped"]


def test_a_cancelled_parent_skips_and_a_cancelled_child_leaves_it_alone(
    daemon: PrivateDaemon, wire: Connection
) -> None:
    first = dispatch(wire, GATE)
    child, other = dispatch(wire, "true", after=[first]), dispatch(wire, "true", after=[first])
    wire.ok(op="cancel", job=other)
    assert status(wire, first)["state"] in ("starting", "running")
    wire.ok(op="cancel", job=first)
    assert [state for state, _ in ended(wire, first, child, other)] == ["cancelled", "skipped", "cancelled"]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_dependencies_hold_over_a_restart(daemon: PrivateDaemon, how: str) -> None:
    with daemon.connect() as wire:
        good, bad = dispatch(wire, GATE), dispatch(wire, f"{GATE}; false")
        after_good, after_bad = dispatch(wire, "true", after=[good]), dispatch(wire, "true", after=[bad])
        last = dispatch(wire, "true", after=[after_good], after_any=[after_bad])
        for job in (good, bad):
            eventually(lambda job=job: status(wire, job)["state"] == "running", "the job runs")  # type: ignore[misc]
    daemon.kill() if how == "kill" else daemon.stop()
    open_gate(daemon)  # it may open for one of them or for both
    daemon.start()
    with daemon.connect() as wire:
        while any(status(wire, job)["state"] == "running" for job in (good, bad)):
            try:
                os.close(os.open(daemon.project / "gate", os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                continue  # nobody reads just now
        assert [state for state, _ in ended(wire, after_good, after_bad, last)] == ["completed", "skipped", "completed"]


def test_a_job_finds_what_those_before_it_have_left(daemon: PrivateDaemon, wire: Connection) -> None:
    first, second = dispatch(wire, "echo one"), dispatch(wire, "echo two; false")
    both = dispatch(
        wire,
        'echo $LUZIA_PARENTS; IFS=:; for each in $LUZIA_PARENT_DIRS; do cat "$each/1/stdout"; done',
        after=[first],
        after_any=[second],
    )
    ended(wire, both)
    assert wire.ok(op="logs", job=both)["data"] == f"{first} {second}\none\ntwo\n"


def test_a_parent_that_was_removed_holds_nobody_up(daemon: PrivateDaemon, wire: Connection) -> None:
    gone, held = dispatch(wire, "true"), dispatch(wire, GATE)
    child = dispatch(wire, "true", after=[gone, held])
    ended(wire, gone)
    wire.ok(op="remove", job=gone)
    open_gate(daemon)
    assert ended(wire, child) == [("completed", None)]


def test_a_skipped_job_is_retried_together_with_what_failed_before_it(daemon: PrivateDaemon, wire: Connection) -> None:
    first = dispatch(wire, "test -e mended")
    second = dispatch(wire, "true", after=[first])
    assert [state for state, _ in ended(wire, first, second)] == ["failed", "skipped"]
    (daemon.project / "mended").touch()
    wire.ok(op="pause_queue")  # the second request comes while the first job waits
    wire.ok(op="retry", job=first)
    wire.ok(op="retry", job=second)
    wire.ok(op="resume_queue")
    assert [state for state, _ in ended(wire, first, second)] == ["completed", "completed"]


def test_the_retry_of_a_job_revives_what_was_skipped_because_of_it(daemon: PrivateDaemon, wire: Connection) -> None:
    first = dispatch(wire, "test -e mended")
    other = dispatch(wire, "false")
    second = dispatch(wire, "true", after=[first])
    third = dispatch(wire, "true", after=[second])
    join = dispatch(wire, "true", after=[first, third])
    doomed = dispatch(wire, "true", after=[first, other])
    below_doomed = dispatch(wire, "true", after=[doomed])
    cleanup = dispatch(wire, "true", after_fail=[first])
    jobs = (first, second, third, join, doomed, below_doomed, cleanup)
    before = ["failed", "skipped", "skipped", "skipped", "skipped", "skipped", "completed"]
    assert [state for state, _ in ended(wire, *jobs)] == before
    (daemon.project / "mended").touch()
    assert wire.ok(op="retry", job=first)["revived"] == [second, third, join]
    after = ["completed", "completed", "completed", "completed", "skipped", "skipped", "completed"]
    assert [state for state, _ in ended(wire, *jobs)] == after
    assert wire.ok(op="retry", job=other)["revived"] == [doomed, below_doomed]
    assert [state for state, _ in ended(wire, *jobs)] == after  # it has failed again
    assert status(wire, doomed)["reason"] == f"{other} failed, and this job needed it completed"


def test_a_job_for_a_failure_is_revived_by_the_retry_of_what_had_completed(wire: Connection) -> None:
    first = dispatch(wire, "test ! -e seen; a=$?; touch seen; exit $a")
    mourner = dispatch(wire, "true", after_fail=[first])
    assert [state for state, _ in ended(wire, first, mourner)] == ["completed", "skipped"]
    assert wire.ok(op="retry", job=first)["revived"] == [mourner]
    assert [state for state, _ in ended(wire, first, mourner)] == ["failed", "completed"]


def test_a_cancelled_job_that_is_retried_revives_a_long_chain(daemon: PrivateDaemon, wire: Connection) -> None:
    first = dispatch(wire, "test -e go || cat gate")
    chain = [first]
    for _ in range(60):
        chain.append(dispatch(wire, "true", after=[chain[-1]]))
    wire.ok(op="cancel", job=first)
    assert {state for state, _ in ended(wire, *chain)} == {"cancelled", "skipped"}
    (daemon.project / "go").touch()
    assert wire.ok(op="retry", job=first)["revived"] == chain[1:]
    assert {state for state, _ in ended(wire, *chain)} == {"completed"}


def test_the_retry_of_a_job_that_would_be_skipped_again_is_refused(wire: Connection) -> None:
    first = dispatch(wire, "false")
    second = dispatch(wire, "true", after=[first])
    ended(wire, first, second)
    refused = wire.error(op="retry", job=second)
    assert refused["code"] == "dependency_failed"
    assert refused["message"] == f"job {second} cannot run: {first} failed, and this job needed it completed"
    assert f"luzia retry {first}" in refused["hint"]
    assert status(wire, second)["state"] == "skipped"


@pytest.mark.parametrize("words", [("--all", "--yes"), ("--state", "failed,skipped", "--yes"), None])
def test_a_selection_is_retried_with_parents_first(
    daemon: PrivateDaemon, wire: Connection, words: tuple[str, ...] | None
) -> None:
    first = dispatch(wire, "test -e mended")
    second = dispatch(wire, "true", after=[first])
    third = dispatch(wire, "true", after=[second])
    newer = dispatch(wire, "test -e mended")
    ended(wire, first, second, third, newer)
    (daemon.project / "mended").touch()
    said = daemon.run("retry", *(words or (third, newer, first, second)))
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.splitlines() == [
        f"{first}  retried",
        f"{newer}  retried",
        f"{second}  queued again: it was skipped because of {first}",
        f"{third}  queued again: it was skipped because of {first}",
    ]
    assert [state for state, _ in ended(wire, first, second, third, newer)] == ["completed"] * 4


@pytest.mark.parametrize("words", [("--all", "--yes"), None])
def test_a_selection_is_cancelled_with_children_first(
    daemon: PrivateDaemon, wire: Connection, words: tuple[str, ...] | None
) -> None:
    wire.ok(op="pause_queue")
    first = dispatch(wire, "true")
    second = dispatch(wire, "true", after=[first])
    newest = dispatch(wire, "true")
    wire.ok(op="edit", job=first, after=[newest])
    said = daemon.run("cancel", *(words or (newest, first, second)))
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.splitlines() == [f"{job}  cancelled" for job in (second, first, newest)]
    assert [state for state, _ in ended(wire, first, second, newest)] == ["cancelled"] * 3


def test_a_selection_is_released_oldest_first(daemon: PrivateDaemon, wire: Connection) -> None:
    jobs = [dispatch(wire, "true", hold=True) for _ in range(4)]
    said = daemon.run("release", "--all", "--yes")
    assert said.stdout.splitlines() == [f"{job}  released" for job in jobs]


def test_mistakes_are_named_and_nothing_is_dispatched(wire: Connection) -> None:
    ask = {"op": "dispatch", "project": "overbits", "task": "true"}
    assert wire.error(**ask, after=["no-such-job"])["code"] == "unknown_job"
    first = dispatch(wire, "true")
    refused = wire.error(**ask, after=[first], after_fail=[first])
    assert first in refused["message"]
    refused = wire.error(**ask, after=[first] * (MAX_PARENTS + 1))
    assert str(MAX_PARENTS) in refused["message"]
    assert len(wire.ok(op="list")["jobs"]) == 1


def test_a_long_chain_is_skipped_to_its_end(wire: Connection) -> None:
    job = first = dispatch(wire, "read line < gate; false")
    for _ in range(400):
        job = dispatch(wire, "true", after=[job])
    wire.ok(op="cancel", job=first)
    assert [state for state, _ in ended(wire, job)] == ["skipped"]


def test_the_command_line_takes_ids_and_shows_them(daemon: PrivateDaemon, wire: Connection) -> None:
    first, second = dispatch(wire, GATE), dispatch(wire, GATE)
    said = daemon.run("--after", f"{first},{second}", "--after-fail=@last", "overbits", "true")
    assert said.returncode == 4
    assert "exclude each other" in said.stderr
    said = daemon.run("--after", f"{first},{second}", "--after-any=@last", "-q", "overbits", "true")
    assert said.returncode == 0, said.stderr
    shown = daemon.run("jobs", said.stdout.strip()).stdout
    assert f"waits for {first}, {second}" in shown
    assert f"After: {first}, {second}" in " ".join(shown.split())
    said = daemon.run("--after=,", "overbits", "true")
    assert said.returncode == 2
    assert "invalid list of job ids" in said.stderr
