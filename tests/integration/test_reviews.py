"""Jobs whose work a person accepts or rejects before the jobs that depend on it start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.test_worktrees import Workshop, running_workshop
from support import eventually

WORK = "echo more >> README; git commit -qam more"


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with running_workshop() as made:
        yield made


def graph(workshop: Workshop, *more: dict[str, Any], task: str = WORK, **build: object) -> dict[str, str]:
    """A graph of `build`, which is reviewed, and `test`, which follows it."""
    first = {"project": "overbits", "name": "build", "task": task, "worktree": True, "review": True, **build}
    second = {"project": "overbits", "name": "test", "task": "true", "after": ["build"]}
    found: dict[str, str] = workshop.ok(op="graph", jobs=[first, second, *more])["jobs"]
    return found


def reviewed(workshop: Workshop, *more: dict[str, Any], task: str = WORK, **build: object) -> dict[str, str]:
    """The same when the first job has completed."""
    jobs = graph(workshop, *more, task=task, **build)
    assert workshop.ended(jobs["build"])["state"] == "completed"
    return jobs


def test_the_jobs_after_a_reviewed_one_wait_until_a_person_accepts_its_work(workshop: Workshop) -> None:
    jobs = reviewed(workshop)
    build, child = workshop.job(jobs["build"]), workshop.job(jobs["test"])
    assert (build["review"], build["reason"]) == ("wanted", "waits for a review of its work")
    assert (child["state"], child["reason"]) == ("queued", f"waits for the review of build ({jobs['build']})")
    assert f"the review of build ({jobs['build']})" in workshop.luzia("why", jobs["test"]).stdout
    accepted = workshop.luzia("accept", "build")
    assert (accepted.returncode, workshop.ended(jobs["test"])["state"]) == (0, "completed"), accepted.stderr
    assert workshop.job(jobs["build"])["review"] == "accepted"
    assert workshop.luzia("accept", "build").returncode == 0
    refused = workshop.luzia("reject", "build")
    assert refused.returncode == 4
    assert "has been accepted" in refused.stderr


def test_a_decision_is_durable_and_so_is_the_wait_for_it(workshop: Workshop) -> None:
    jobs = reviewed(workshop)
    workshop.daemon.kill()
    workshop.daemon.start()
    child = workshop.job(jobs["test"])
    assert (child["state"], child["reason"]) == ("queued", f"waits for the review of build ({jobs['build']})")
    assert workshop.ok(op="accept", job=jobs["build"])["job"] == jobs["build"]
    workshop.daemon.kill()
    workshop.daemon.start()
    assert workshop.job(jobs["build"])["review"] == "accepted"
    assert workshop.ended(jobs["test"])["state"] == "completed"


def test_a_rejection_skips_the_jobs_that_need_the_work_as_a_failure_does(workshop: Workshop) -> None:
    after_any = {"project": "overbits", "name": "report", "task": "true", "after_any": ["build"]}
    after_fail = {"project": "overbits", "name": "repair", "task": "true", "after_fail": ["build"]}
    last = {"project": "overbits", "name": "last", "task": "true", "after": ["test"]}
    jobs = reviewed(workshop, after_any, after_fail, last)
    assert workshop.job(jobs["report"])["state"] == "queued"
    assert workshop.luzia("reject", jobs["build"]).returncode == 0
    child = workshop.ended(jobs["test"])
    assert (child["state"], child["reason"]) == (
        "skipped",
        f"build ({jobs['build']}) was rejected, and this job needed it accepted",
    )
    assert workshop.ended(jobs["last"])["state"] == workshop.ended(jobs["repair"])["state"] == "skipped"
    assert workshop.ended(jobs["report"])["state"] == "completed"
    assert workshop.job(jobs["build"])["worktree"] is not None
    assert workshop.luzia("accept", jobs["build"]).returncode == 0
    assert workshop.luzia("retry", jobs["test"]).returncode == 0
    assert workshop.ended(jobs["test"])["state"] == "completed"


def test_discarded_work_is_rejected(workshop: Workshop) -> None:
    jobs = reviewed(workshop)
    assert workshop.luzia("discard", "--yes", jobs["build"]).returncode == 0
    assert workshop.ended(jobs["test"])["state"] == "skipped"
    assert workshop.job(jobs["build"])["review"] == "rejected"


def test_merged_work_is_accepted(workshop: Workshop) -> None:
    jobs = reviewed(workshop)
    merged = workshop.luzia("merge", jobs["build"])
    assert merged.returncode == 0, merged.stderr
    assert workshop.ended(jobs["test"])["state"] == "completed"
    assert workshop.job(jobs["build"])["review"] == "accepted"


def test_a_failed_job_needs_no_decision(workshop: Workshop) -> None:
    jobs = graph(workshop, task="false")
    assert workshop.ended(jobs["test"])["state"] == "skipped"
    for op in ("accept", "reject"):
        assert workshop.error(op=op, job=jobs["build"]) == "no_review"
        assert workshop.error(op=op, job=jobs["test"]) == "no_review"
    assert workshop.luzia("remove", "--yes", jobs["build"]).returncode == 0


def test_work_that_is_done_again_is_reviewed_again(workshop: Workshop) -> None:
    jobs = reviewed(workshop, task="test -e README", worktree=False)
    workshop.ok(op="reject", job=jobs["build"])
    assert workshop.ended(jobs["test"])["state"] == "skipped"
    assert workshop.ok(op="retry", job=jobs["build"])["revived"] == [jobs["test"]]
    assert workshop.ended(jobs["build"])["review"] == "wanted"
    assert workshop.job(jobs["test"])["reason"] == f"waits for the review of build ({jobs['build']})"
    workshop.ok(op="accept", job=jobs["build"])
    assert workshop.ended(jobs["test"])["state"] == "completed"


def test_a_job_is_not_removed_before_the_decision(workshop: Workshop) -> None:
    jobs = reviewed(workshop, worktree=False, task="true")
    assert workshop.error(op="remove", job=jobs["build"]) == "review_wanted"
    workshop.ok(op="accept", job=jobs["build"])
    workshop.ended(jobs["test"])
    assert workshop.ok(op="remove", job=jobs["build"])["job"] == jobs["build"]


def test_review_is_an_option_of_a_dispatch_and_of_a_graph_file(workshop: Workshop) -> None:
    job = workshop.luzia("overbits", "true", "--quiet", "--worktree", "--review").stdout or ""
    shown = workshop.luzia("dispatch", "--quiet", "--worktree", "--review", "overbits", "true")
    assert shown.returncode == 0, (shown.stderr, job)
    name = shown.stdout.strip().rpartition(":")[2]
    assert workshop.ended(name)["review"] == "wanted"
    again = workshop.ok(op="again", job=name)["job"]
    assert workshop.ended(again)["review"] == "wanted"
    file = workshop.project.root.parent / "graph.toml"
    file.write_text(
        'project = "overbits"\n[jobs.build]\ntask = "true"\nreview = true\n'
        '[jobs.test]\ntask = "true"\nafter = ["build"]\n'
    )
    printed = dict(line.split() for line in workshop.luzia("graph", "run", str(file)).stdout.splitlines())
    assert workshop.ended(printed["build"])["review"] == "wanted"
    assert workshop.job(printed["test"])["state"] == "queued"


def test_events_tell_that_a_decision_is_needed_and_what_it_was(workshop: Workshop) -> None:
    jobs = reviewed(workshop)
    workshop.ok(op="accept", job=jobs["build"])
    with workshop.daemon.connect() as wire:
        wire.ok(op="subscribe", after=0, jobs=[jobs["build"]], kinds=["ended", "reviewed"])
        events = [wire.receive()["event"] for _ in range(2)]
    assert [(event["kind"], event["review"]) for event in events] == [("ended", "wanted"), ("reviewed", "accepted")]
    eventually(lambda: workshop.job(jobs["test"])["state"] == "completed", "the job that has waited")
