"""What is said of a job that has waited for its sub-jobs and wants its slots back."""

from __future__ import annotations

from luziad.jobs.requirements import Wants
from luziad.scheduling.ready.explain import why_not_back
from luziad.scheduling.ready.limits import Limits
from luziad.scheduling.ready.queue import ReadyQueue


def test_a_paused_project_does_not_stand_in_the_way_of_a_job_that_asks_back() -> None:
    queue = ReadyQueue(Limits(slots=4, projects={"overbits": 1}))
    queue.occupy("parent", Wants("overbits", "shell"))
    queue.lend("parent")
    queue.occupy("child", Wants("overbits", "shell"))
    queue.pause(["overbits"])
    queue.reclaim("parent")
    assert queue.take_back_free() == []
    assert why_not_back(queue, "parent") == "waiting to get its slot of project overbits back (1 of 1 in use)"
    queue.release("child")
    assert queue.take_back_free() == ["parent"]
