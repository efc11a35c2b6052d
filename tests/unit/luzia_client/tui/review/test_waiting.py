"""The jobs that wait for a decision: their order, what is shown next, and what is put off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from luzia_protocol.jobs import Job, JobState

from luzia_client.trees.overlap import PlannedMerge
from luzia_client.tui.review.waiting import Order, WaitingWork

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def job(name: str, project: str = "overbits", minutes: int = 0) -> Job:
    ended = BEGIN + timedelta(minutes=minutes)
    return Job(name, name, project, "claude", name, JobState.COMPLETED, BEGIN, ended_at=ended)


def waiting(*jobs: Job) -> WaitingWork:
    made = WaitingWork()
    for each in jobs:
        made.put(each.id, each)
    return made


def names(work: WaitingWork) -> list[str]:
    return [entry.job.id for entry in work.entries]


def shown(work: WaitingWork) -> str | None:
    return None if work.current is None else work.current.job.id


ABC = (job("b", minutes=2), job("a", minutes=1), job("c", minutes=3))


def test_the_oldest_is_first() -> None:
    work = waiting(*ABC)
    assert names(work) == ["a", "b", "c"]
    assert shown(work) == "a"


def test_they_can_be_ordered_by_project() -> None:
    work = waiting(job("a", "website", 1), job("b", "overbits", 2), job("c", "website", 3))
    work.order = Order.PROJECT
    assert names(work) == ["b", "a", "c"]


def test_they_can_be_ordered_as_they_can_be_merged() -> None:
    work = waiting(*ABC, job("new", minutes=4))
    work.planned = [PlannedMerge(name, "main", [], []) for name in "cb"] + [PlannedMerge("a", "main", ["x"], ["b"])]
    assert names(work) == ["a", "b", "c", "new"]
    assert work.planned_conflict is None
    work.order = Order.MERGES
    assert names(work) == ["c", "b", "a", "new"]
    work.select("a")
    assert work.planned_conflict is work.planned[2]


def test_a_job_that_is_put_off_comes_again_at_the_end_and_the_next_one_is_shown() -> None:
    work = waiting(*ABC)
    work.put_off()
    assert (names(work), shown(work), work.later) == (["b", "c", "a"], "b", 1)
    work.put_off()
    assert names(work) == ["c", "a", "b"]


def test_the_next_job_takes_the_place_of_one_that_is_decided() -> None:
    work = waiting(*ABC)
    assert shown(work) == "a"
    work.step(1)
    work.take_out("b")
    assert (shown(work), work.decided) == ("c", 1)
    work.take_out("c")
    assert shown(work) == "a"
    work.take_out("a")
    assert (shown(work), work.decided, work.put_off(), work.step(1)) == (None, 3, None, False)


def test_a_job_whose_decision_is_being_carried_out_is_not_shown_and_is_kept_by_a_new_list() -> None:
    work = waiting(*ABC)
    entry = work.get("a")
    assert entry is not None
    entry.busy = "merging"
    assert (names(work), shown(work), work.busy) == (["b", "c"], "b", [entry])
    work.keep({"b"})
    entry.busy = ""
    assert names(work) == ["a", "b"]


def test_what_the_user_has_written_is_kept_when_the_jobs_are_listed_again() -> None:
    work = waiting(*ABC)
    before = work.current
    for each in ABC:
        work.put(each.id, each)
    work.keep({each.id for each in ABC})
    assert work.current is before


def test_a_job_that_comes_in_does_not_change_what_is_shown() -> None:
    work = waiting(*ABC)
    work.step(1)
    work.put("0", job("0", minutes=0))
    assert (names(work), shown(work), work.place) == (["0", "a", "b", "c"], "b", 2)


def test_a_job_that_was_decided_elsewhere_is_gone() -> None:
    work = waiting(*ABC)
    work.put("a", None)
    assert (names(work), shown(work), work.decided) == (["b", "c"], "b", 0)


def test_after_the_last_job_comes_the_first() -> None:
    work = waiting(*ABC)
    assert work.step(-1)
    assert shown(work) == "c"
    assert work.step(1)
    assert shown(work) == "a"
