"""The ready queue: first in, first out, within the limits; no project blocks another."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from luziad.core.ready import ReadyQueue


def drain(queue: ReadyQueue) -> list[str]:
    jobs = []
    while (popped := queue.pop()) is not None:
        jobs.append(popped[0])
    return jobs


def test_jobs_start_in_the_order_of_their_arrival_over_all_projects() -> None:
    queue = ReadyQueue(10, {})
    for number, project in enumerate("abcabca"):
        queue.push(str(number), project)
    assert drain(queue) == [str(number) for number in range(7)]


def test_no_more_jobs_start_than_there_are_slots() -> None:
    queue = ReadyQueue(2, {})
    for number in range(5):
        queue.push(str(number), "a")
    assert drain(queue) == ["0", "1"]
    assert queue.why("a") == "limit 2/2 of all projects"
    queue.release("a")
    assert drain(queue) == ["2"]


def test_a_project_at_its_limit_does_not_hold_up_another() -> None:
    queue = ReadyQueue(10, {"a": 1})
    for job, project in (("1", "a"), ("2", "a"), ("3", "b")):
        queue.push(job, project)
    assert drain(queue) == ["1", "3"]
    assert queue.why("a") == "limit 1/1 of project a"
    queue.release("a")
    assert drain(queue) == ["2"]


def test_a_discarded_job_never_starts_and_may_come_back() -> None:
    queue = ReadyQueue(10, {})
    for number in range(4):
        queue.push(str(number), "a")
    queue.discard("0")
    queue.discard("2")
    queue.push("2", "a")
    assert drain(queue) == ["1", "3", "2"]


def test_a_job_that_is_put_back_goes_before_all_others() -> None:
    queue = ReadyQueue(1, {})
    for number in range(3):
        queue.push(str(number), "a")
    assert queue.pop() == ("0", "a")
    queue.release("a")
    queue.push_front("0", "a")
    assert drain(queue) == ["0"]


def test_new_limits_apply_at_once_and_what_runs_goes_on() -> None:
    queue = ReadyQueue(1, {})
    for number in range(4):
        queue.push(str(number), "a")
    assert drain(queue) == ["0"]
    queue.set_limits(3, {"a": 2})
    assert drain(queue) == ["1"]
    queue.set_limits(1, {})
    assert drain(queue) == []
    assert queue.running == 2


@given(
    st.integers(1, 4),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 3)),
    st.lists(st.tuples(st.sampled_from(["push", "discard", "release"]), st.sampled_from("abc")), max_size=80),
)
def test_limits_hold_and_no_startable_job_is_left(
    slots: int, limits: dict[str, int], steps: list[tuple[str, str]]
) -> None:
    queue = ReadyQueue(slots, limits)
    waiting: list[tuple[str, str]] = []
    running: list[tuple[str, str]] = []
    for number, (step, project) in enumerate(steps):
        if step == "push":
            queue.push(str(number), project)
            waiting.append((str(number), project))
        elif step == "discard" and waiting:
            queue.discard(waiting.pop(0)[0])
        elif step == "release" and running:
            queue.release(running.pop(0)[1])
        while (popped := queue.pop()) is not None:
            startable = _startable(waiting, running, slots, limits)
            assert popped == startable[0], "the oldest job that may start is the one that does"
            waiting.remove(popped)
            running.append(popped)
        assert not _startable(waiting, running, slots, limits)
        assert queue.running == len(running)


def _startable(
    waiting: list[tuple[str, str]], running: list[tuple[str, str]], slots: int, limits: dict[str, int]
) -> list[tuple[str, str]]:
    taken = Counter(project for _, project in running)
    if len(running) >= slots:
        return []
    return [job for job in waiting if taken[job[1]] < limits.get(job[1], slots)]
