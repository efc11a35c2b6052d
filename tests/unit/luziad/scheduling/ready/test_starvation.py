"""A job that needs much does not starve behind those that need little, and nothing else is kept for anybody."""

from __future__ import annotations

from typing import Any

from luziad.jobs.requirements import Wants
from luziad.scheduling.ready.explain import why
from luziad.scheduling.ready.limits import Limits
from luziad.scheduling.ready.queue import ReadyQueue

AFTER_S = 10.0


def gpu(count: int, priority: int = 0, project: str = "a", agent: str = "shell") -> Wants:
    return Wants(project, agent, priority, (("gpu", count),))


def queue_of(**more: Any) -> ReadyQueue:
    return ReadyQueue(Limits(10, resources={"gpu": 2, "db": 1}, starvation_after_s=AFTER_S, **more))


def drain(queue: ReadyQueue, now: float) -> list[str]:
    jobs = []
    while (job := queue.pop(now)) is not None:
        jobs.append(job)
    return jobs


def start_of_big(queue: ReadyQueue, wants: Wants | None = None) -> int | None:
    """One of two jobs that take one gpu ends each second, and two come: when `big` starts."""
    queue.push("small", wants or gpu(1))
    running = drain(queue, 0.0)
    for second in range(50):
        for number in range(2):
            queue.push(f"small-{second}-{number}", wants or gpu(1))
        if running:
            queue.release(running.pop(0))
        running += drain(queue, float(second))
        if "big" in running:
            return second
    return None


def test_a_job_that_needs_two_starts_after_a_while_though_others_that_need_one_keep_coming() -> None:
    queue = queue_of()
    queue.push("first", gpu(1))
    queue.push("big", gpu(2))
    started = start_of_big(queue)
    assert started is not None
    assert AFTER_S <= started <= AFTER_S + 3


def test_what_is_kept_for_a_job_is_told_to_those_who_wait_behind_it() -> None:
    queue = queue_of()
    queue.push("first", gpu(1))
    queue.push("big", gpu(2))
    assert drain(queue, 0.0) == ["first"]
    queue.push("second", gpu(1))
    assert drain(queue, 1.0) == ["second"]
    queue.push("third", gpu(1))
    queue.release("first")
    assert drain(queue, AFTER_S) == []
    assert why(queue, "third", whole=False) == "what it needs is reserved for big, which has waited longer"
    assert why(queue, "big", whole=True) == "needs gpu=2, 1 of 2 free (held by second), 1st in the queue"
    queue.push("other", Wants("a", "shell"))
    assert drain(queue, AFTER_S) == ["other"], "slots that are free are not kept"
    queue.release("second")
    assert drain(queue, AFTER_S) == ["big"]
    queue.release("big")
    assert drain(queue, AFTER_S) == ["third"]


def test_a_job_that_nobody_passed_by_keeps_nothing_from_anybody() -> None:
    queue = queue_of()
    queue.push("one", Wants("a", "shell", needs=(("gpu", 2),)))
    queue.push("two", Wants("a", "shell", needs=(("db", 1), ("gpu", 2))))
    assert drain(queue, 0.0) == ["one"]
    queue.push("db", Wants("a", "shell", needs=(("db", 1),)))
    assert drain(queue, 100 * AFTER_S) == ["db"]


def test_a_job_that_could_never_start_keeps_nothing() -> None:
    queue = queue_of()
    queue.push("first", gpu(1))
    queue.push("big", gpu(3))
    assert start_of_big(queue) is None
    assert queue.reserved is None


def test_a_reservation_ends_with_the_job_that_has_it() -> None:
    for end in ("discard", "limits", "priority"):
        queue = queue_of()
        queue.push("first", gpu(1))
        queue.push("big", gpu(2))
        assert drain(queue, 0.0) == ["first"]
        queue.push("second", gpu(1))
        assert drain(queue, 1.0) == ["second"]
        queue.push("third", gpu(1))
        queue.release("first")
        assert drain(queue, AFTER_S) == []
        if end == "discard":
            queue.discard("big")
        elif end == "limits":
            queue.set_limits(Limits(10, resources={"gpu": 1}))
            queue.release("second")
        else:
            queue.reprioritise("big", -1)
        assert drain(queue, AFTER_S) == ["third"], end


def test_urgent_jobs_may_pass_by_for_ever() -> None:
    queue = queue_of()
    queue.push("first", gpu(1))
    queue.push("big", gpu(2))
    queue.push("urgent", gpu(1, 1))
    assert start_of_big(queue, gpu(1, 1)) is None


def test_a_job_that_needs_a_slot_of_two_lanes_at_once_gets_both() -> None:
    queue = queue_of(projects={"a": 1}, agents={"claude": 1})
    queue.push("a", Wants("a", "shell"))
    queue.push("b", Wants("b", "claude"))
    assert drain(queue, 0.0) == ["a", "b"]
    queue.push("both", Wants("a", "claude"))
    now, of_a, of_b = 0.0, "a", "b"
    for number in range(20):
        now += 1.0
        queue.push(f"a{number}", Wants("a", "shell"))
        queue.push(f"b{number}", Wants("b", "claude"))
        queue.release(of_a)
        started = drain(queue, now)
        if "both" in started or not started:
            break
        (of_a,) = started
        queue.release(of_b)
        (of_b,) = drain(queue, now)
    assert now >= AFTER_S
    for lane in ([of_a] if of_a in queue.held else []) + [of_b]:
        queue.release(lane)
    assert "both" in drain(queue, now)


def test_nothing_is_kept_for_a_job_that_needs_the_lock_of_one_that_waits_for_others() -> None:
    locked = Wants("a", "claude", needs=(("db", 1),))
    queue = ReadyQueue(Limits(2, agents={"claude": 1}, resources={"db": 1}, starvation_after_s=3.0))
    queue.push("parent", locked)
    assert queue.pop(0.0) == "parent"
    queue.push("starving", locked)
    assert queue.pop(0.0) is None
    queue.lend("parent")
    for number in range(1, 9):
        queue.push(f"child{number}", Wants("a", "claude", depth=1))
        assert queue.pop(5.0 * number) == f"child{number}"
        assert queue.pop(5.0 * number) is None
        queue.release(f"child{number}")
    queue.take_back("parent")
    queue.release("parent")
    assert queue.pop(100.0) == "starving"


def test_what_is_kept_is_let_go_when_the_holder_of_the_lock_begins_to_wait() -> None:
    db = (("db", 1),)
    queue = ReadyQueue(Limits(3, agents={"claude": 1}, resources={"db": 1}, starvation_after_s=3.0))
    for job, wants in (
        ("parent", Wants("a", "shell", needs=db)),
        ("first", Wants("a", "claude")),
        ("starving", Wants("a", "claude", needs=db)),
    ):
        queue.push(job, wants)
    assert [queue.pop(0.0) for _ in range(3)] == ["parent", "first", None]
    queue.release("first")
    queue.push("second", Wants("a", "claude"))
    assert queue.pop(1.0) == "second"
    queue.push("child", Wants("a", "claude", depth=1))
    assert queue.pop(9.0) is None
    assert queue.reserved is not None
    queue.release("second")
    assert queue.pop(9.0) is None
    queue.lend("parent")
    assert queue.pop(10.0) == "child"
