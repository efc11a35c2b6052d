"""The ready queue: priority, then fair shares, then age; a job that does not fit blocks none that does."""

from __future__ import annotations

import random
from typing import Any

import pytest

from luziad.jobs.requirements import Wants
from luziad.scheduling.ready.explain import ordinal, position, why
from luziad.scheduling.ready.forecast import jobs_by_turn
from luziad.scheduling.ready.limits import Limits
from luziad.scheduling.ready.queue import ReadyQueue
from support import ROOT


def queue_of(*jobs: str, slots: int = 10, **limits: Any) -> ReadyQueue:
    """A queue with jobs named after their project and a number: `a1` is of project a."""
    queue = ReadyQueue(Limits(slots, **limits))
    for job in jobs:
        queue.push(job, Wants(job[0], "shell"))
    return queue


def drain(queue: ReadyQueue, now: float = 0.0) -> list[str]:
    jobs = []
    while (job := queue.pop(now)) is not None:
        jobs.append(job)
    return jobs


def one_by_one(queue: ReadyQueue) -> list[str]:
    """The order of starts when each job has ended before the next one starts."""
    jobs = []
    while (job := queue.pop(0.0)) is not None:
        jobs.append(job)
        queue.release(job)
    return jobs


def test_jobs_of_one_project_start_in_the_order_of_their_arrival() -> None:
    queue = queue_of(*(f"a{number}" for number in range(100)), slots=1000)
    assert drain(queue) == [f"a{number}" for number in range(100)]


def test_a_higher_priority_goes_first_whoever_came_before() -> None:
    queue = queue_of("a1", "b1")
    queue.push("a2", Wants("a", "shell", 5))
    queue.push("a3", Wants("a", "shell", -5))
    queue.push("a4", Wants("a", "shell", 5))
    assert drain(queue) == ["a2", "a4", "b1", "a1", "a3"]


def test_the_project_with_the_least_running_goes_first() -> None:
    queue = queue_of("a1", "a2", "a3", "a4", "b1", "b2", "c1")
    assert drain(queue) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_a_single_job_waits_for_one_end_of_another_projects_batch_at_most() -> None:
    for slots in (1, 2, 5):
        queue = queue_of(*(f"a{number}" for number in range(50)), slots=slots)
        running = drain(queue)
        queue.push("b1", Wants("b", "shell"))
        queue.release(running[0])
        assert queue.pop(0.0) == "b1", slots


def test_projects_take_turns_when_one_job_runs_at_a_time() -> None:
    assert one_by_one(queue_of("a1", "a2", "a3", "b1", "b2", "c1")) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_project_that_comes_again_and_again_keeps_no_other_from_its_turn() -> None:
    queue = queue_of("a1", "a2", "b1", slots=1)
    order = []
    for number in range(2, 6):
        job = queue.pop(0.0)
        assert job is not None
        queue.release(job)
        order.append(job)
        if job[0] == "b":
            queue.push(f"b{number}", Wants("b", "shell"))
    assert order == ["a1", "b1", "a2", "b3"]


def test_a_project_saves_up_no_turns_while_it_has_no_jobs() -> None:
    queue = queue_of(*(f"a{number}" for number in range(20)), slots=1)
    for _ in range(10):
        job = queue.pop(0.0)
        assert job is not None
        queue.release(job)
    for number in range(10):
        queue.push(f"b{number}", Wants("b", "shell"))
    assert one_by_one(queue)[:6] == ["b0", "a10", "b1", "a11", "b2", "a12"]


def test_a_weight_makes_a_share_larger() -> None:
    queue = ReadyQueue(Limits(6, weights={"a": 2.0}))
    for number in range(10):
        for project in "ab":
            queue.push(f"{project}{number}", Wants(project, "shell"))
    running = drain(queue)
    assert sum(job[0] == "a" for job in running) == 4
    alone = ReadyQueue(Limits(1, weights={"a": 2.0}))
    for number in range(9):
        for project in "ab":
            alone.push(f"{project}{number}", Wants(project, "shell"))
    assert sum(job[0] == "a" for job in one_by_one(alone)[:12]) == 8


def test_no_more_jobs_start_than_there_are_slots() -> None:
    queue = queue_of(*(f"a{number}" for number in range(5)), slots=2)
    assert drain(queue) == ["a0", "a1"]
    assert why(queue, "a3", whole=False) == "waiting for a slot (2 of 2 in use)"
    queue.release("a0")
    assert drain(queue) == ["a2"]


def test_a_project_at_its_limit_does_not_hold_up_another() -> None:
    queue = queue_of("a1", "a2", "b1", projects={"a": 1})
    assert drain(queue) == ["a1", "b1"]
    assert why(queue, "a2", whole=False) == "waiting for a slot of project a (1 of 1 in use)"
    queue.release("a1")
    assert drain(queue) == ["a2"]


def test_an_agent_at_its_limit_holds_up_its_own_jobs_alone() -> None:
    queue = ReadyQueue(Limits(10, agents={"claude": 1}))
    for job, agent in (("a1", "claude"), ("b1", "claude"), ("a2", "claude"), ("b2", "shell")):
        queue.push(job, Wants(job[0], agent))
    assert drain(queue) == ["a1", "b2"]
    assert why(queue, "b1", whole=False) == "waiting for a slot of agent claude (1 of 1 in use)"
    queue.release("a1")
    assert drain(queue) == ["a2"], "b has a job running and a has none"
    queue.release("a2")
    assert drain(queue) == ["b1"]


def test_a_resource_is_given_as_often_as_it_is_there() -> None:
    queue = ReadyQueue(Limits(10, resources={"gpu": 3, "db": 1}))
    queue.push("a1", Wants("a", "shell", needs=(("gpu", 2),)))
    queue.push("a2", Wants("a", "shell", needs=(("gpu", 2),)))
    queue.push("a3", Wants("a", "shell", needs=(("db", 1), ("gpu", 1))))
    queue.push("a4", Wants("a", "shell", needs=(("db", 1),)))
    assert drain(queue) == ["a1", "a3"]
    assert why(queue, "a2", whole=False) == "needs gpu=2, 0 of 3 free"
    assert why(queue, "a4", whole=True) == "needs db=1, 0 of 1 free (held by a3), 2nd in the queue"
    queue.release("a3")
    assert drain(queue) == ["a4"]
    queue.release("a1")
    assert drain(queue) == ["a2"]


def test_a_job_that_needs_what_is_not_there_waits_and_says_so() -> None:
    queue = ReadyQueue(Limits(10))
    queue.push("a1", Wants("a", "shell", needs=(("gpu", 1),)))
    assert drain(queue) == []
    assert why(queue, "a1", whole=False) == "needs gpu=1, 0 of 0 free"
    queue.set_limits(Limits(10, resources={"gpu": 1}))
    assert drain(queue) == ["a1"]


def test_a_discarded_job_never_starts_and_may_come_back() -> None:
    queue = queue_of("a0", "a1", "a2", "a3")
    queue.discard("a0")
    queue.discard("a2")
    queue.discard("a2")
    queue.push("a2", Wants("a", "shell"))
    assert drain(queue) == ["a1", "a3", "a2"]


def test_another_priority_changes_the_order_and_not_the_age() -> None:
    queue = queue_of("a0", "a1", "a2", "a3")
    queue.reprioritise("a2", 1)
    assert drain(queue_of()) == []
    assert queue.pop(0.0) == "a2"
    queue.reprioritise("a3", 1)
    queue.reprioritise("a1", 1)
    assert drain(queue) == ["a1", "a3", "a0"]


def test_a_priority_that_is_changed_there_and_back_is_as_it_was() -> None:
    queue = queue_of("a0", "b0", slots=1)
    queue.occupy("x", Wants("x", "shell"))
    for priority in (3, 0, 3, 0):
        queue.reprioritise("b0", priority)
        queue.reprioritise("a0", priority)
    queue.release("x")
    assert one_by_one(queue) == ["a0", "b0"]


def test_a_start_that_is_undone_gives_back_its_slot_and_its_turn() -> None:
    queue = queue_of("a0", "a1", "b0", slots=1)
    assert queue.pop(0.0) == "a0"
    queue.undo("a0")
    queue.push_front("a0", Wants("a", "shell"))
    assert one_by_one(queue) == ["a0", "b0", "a1"]


def test_what_a_job_holds_is_given_back_once() -> None:
    queue = queue_of("a0")
    assert drain(queue) == ["a0"]
    queue.release("a0")
    with pytest.raises(KeyError):
        queue.release("a0")
    assert queue.running == 0


def test_what_ran_before_a_restart_takes_its_place_whatever_the_limits() -> None:
    queue = queue_of("a2", slots=1)
    queue.occupy("a0", Wants("a", "shell"))
    queue.occupy("a1", Wants("a", "shell"))
    assert (queue.running, queue.pop(0.0)) == (2, None)
    queue.release("a0")
    assert queue.pop(0.0) is None
    queue.release("a1")
    assert queue.pop(0.0) == "a2"


def test_new_limits_apply_at_once_and_what_runs_goes_on() -> None:
    queue = queue_of("a0", "a1", "a2", "a3", slots=1)
    assert drain(queue) == ["a0"]
    queue.set_limits(Limits(3, projects={"a": 2}))
    assert drain(queue) == ["a1"]
    queue.set_limits(Limits(1))
    assert drain(queue) == []
    assert queue.running == 2
    queue.set_limits(Limits(4, agents={"shell": 3}))
    assert drain(queue) == ["a2"]


def test_jobs_that_are_cancelled_while_nothing_starts_leave_nothing_behind() -> None:
    queue = queue_of(slots=1)
    queue.occupy("x", Wants("x", "shell"))
    for number in range(2000):
        queue.push(f"a{number}", Wants(f"p{number % 7}", "shell", number % 3))
        if number >= 10:
            queue.discard(f"a{number - 10}")
    for number in range(1990, 2000):
        queue.discard(f"a{number}")
    assert queue.waiting == {}
    assert not queue._lineup.shapes
    assert len(queue._lineup.ranking._heap) < 50
    assert queue.projects.keys() == {"x"}


def test_the_place_is_the_one_at_which_the_job_starts() -> None:
    def filled() -> ReadyQueue:
        queue = queue_of(*["a0", "a1", "a2", "a3", "b0", "b1", "c0", "b2", "b3", "b4"], slots=20)
        queue.push("a5", Wants("a", "shell", 2))
        queue.push("c1", Wants("c", "claude", -1))
        queue.push("b5", Wants("b", "claude"))
        return queue

    waiting = filled()
    order = drain(filled())
    assert order == ["a5", "b0", "c0", "a0", "b1", "a1", "b2", "a2", "b3", "a3", "b4", "b5", "c1"]
    assert [position(waiting, waiting.waiting[job]) for job in order] == [*range(1, 14)]
    waiting.set_limits(Limits(0))
    assert why(waiting, "c0", whole=True) == "waiting for a slot (0 of 0 in use), 3rd in the queue"


def test_places_are_told_in_words() -> None:
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111, 1013)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th", "1013th"]
    )


PAGE = (ROOT / "docs" / "scheduling.md").read_text()


def test_the_page_has_every_answer_of_the_queue() -> None:
    queue = ReadyQueue(Limits(8, {"nightly": 2}, {"claude": 3}, resources={"gpu": 1, "cpus": 400, "memory": 256}))
    said = [
        "waiting for a slot (8 of 8 in use)",
        "waiting for a slot of project nightly (2 of 2 in use)",
        "waiting for a slot of agent claude (3 of 3 in use)",
        "needs gpu=1, 0 of 1 free (held by 113754-a2f5)",
        "needs 2 CPUs, 1 of 4 free (held by 113754-a2f5)",
        "about to start",
    ]
    for words in said:
        assert f"`{words}" in PAGE, words
    queue.occupy("113754-a2f5", Wants("a", "shell", needs=(("cpus", 300), ("gpu", 1))))
    for number in range(2):
        queue.occupy(f"n{number}", Wants("nightly", "claude"))
    queue.occupy("c", Wants("c", "claude"))
    waiting = [Wants("nightly", "shell"), Wants("a", "claude")]
    waiting += [Wants("a", "shell", needs=each) for each in ((("gpu", 1),), (("cpus", 200),))]
    for number, wants in enumerate(waiting, 1):
        queue.push(str(number), wants)
        assert why(queue, str(number), whole=True).startswith(said[number])
    queue.push("free", Wants("a", "shell"))
    assert why(queue, "free", whole=True) == said[-1]
    for number in range(4):
        queue.occupy(f"x{number}", Wants("x", "shell"))
    assert why(queue, "free", whole=False) == said[0]


def test_a_job_that_is_of_another_project_now_counts_there_and_keeps_its_age() -> None:
    queue = queue_of("a1", "a2", "a3", "b1", slots=10, projects={"a": 1, "b": 1})
    assert drain(queue) == ["a1", "b1"]
    queue.move("a1", "c")
    queue.push("c1", Wants("c", "shell"))
    queue.move("a3", "c")
    assert drain(queue) == ["a2", "a3", "c1"], "the slot of a is free, and c has no limit"
    assert {name: project.lane.used for name, project in queue.projects.items()} == {"a": 1, "b": 1, "c": 3}
    for job in ("a1", "a2", "a3", "b1", "c1"):
        queue.release(job)
    assert queue.running == 0


@pytest.mark.parametrize("reclaims", [False, True])
def test_a_job_that_has_lent_its_slot_takes_it_back_in_its_new_project(reclaims: bool) -> None:
    queue = queue_of("a1", slots=2, projects={"a": 1})
    assert drain(queue) == ["a1"]
    queue.lend("a1")
    if reclaims:
        queue.reclaim("a1")
    queue.move("a1", "c")
    queue.push("a2", Wants("a", "shell"))
    assert drain(queue) == ["a2"]
    if not reclaims:
        queue.reclaim("a1")
    assert queue.take_back_free() == ["a1"]
    assert {name: project.lane.used for name, project in queue.projects.items()} == {"a": 1, "c": 1}
    queue.release("a1")
    assert {name: project.lane.reserved for name, project in queue.projects.items()} == {"a": 0}


def test_the_turns_of_waiting_jobs_are_the_order_in_which_they_start() -> None:
    rng = random.Random(7)
    for _ in range(50):
        queue = queue_of(slots=1000, weights={"a": 3.0, "c": 0.5})
        for number in range(40):
            project, priority, depth = rng.choice("abcd"), rng.choice((0, 0, 0, 5)), rng.choice((0, 0, 1))
            queue.push(f"{project}{number}", Wants(project, "shell", priority, depth=depth))
            if rng.random() < 0.2:
                queue.pop(0.0)
        queue.pause(["d"])
        turns = list(jobs_by_turn(queue))
        assert len(turns) == len(queue.waiting)
        starts = drain(queue)
        assert turns[: len(starts)] == starts
        assert {job[0] for job in turns[len(starts) :]} <= {"d"}
