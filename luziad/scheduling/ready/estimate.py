"""When a waiting job is expected to start, from how long earlier jobs ran. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from luziad.scheduling.ready import explain
from luziad.scheduling.ready.limits import UNLIMITED
from luziad.scheduling.ready.lines import Lane, Line
from luziad.scheduling.ready.queue import ReadyQueue


def slot_limits(queue: ReadyQueue, job: str) -> list[tuple[str, int, int]]:
    """The limits on slots that apply to a waiting job: of what, how many are in use, and how many there are."""
    return [(name, used, capacity) for name, used, capacity, _ in _limits(queue, job) if capacity < UNLIMITED]


class FullLimit(NamedTuple):
    """A limit of which all slots are in use.

    position: of the waiting job, among those that wait for it; for an agent, among all. holders: the jobs that have a
    slot.
    """

    position: int
    slots: int
    holders: list[str]


def full_limits(queue: ReadyQueue, job: str) -> Iterator[FullLimit]:
    """The limits for whose slots a waiting job waits."""
    entry = queue.waiting[job]
    for _, used, capacity, lane in _limits(queue, job):
        if used >= capacity > 0:
            holders = [held for held, each in queue.held.items() if lane is None or lane in _lanes(each.line)]
            is_own = lane is entry.line.project.lane
            yield FullLimit(
                explain.position_in_project(entry) if is_own else explain.position(queue, entry), capacity, holders
            )


def wait_s(position: int, slots: int, left_s: Sequence[float], typical_s: float) -> float:
    """Seconds until the start of the job at a position, when each start waits for the end of another job.

    position: from 1. slots: more than 0. left_s: how long the running jobs still run. typical_s: how long each of those
    before it runs.
    """
    ends = sorted([*left_s, *[0.0] * (slots - len(left_s))])[:slots]
    rounds, place = divmod(position - 1, len(ends))
    return ends[place] + rounds * typical_s


def _limits(queue: ReadyQueue, job: str) -> Iterator[tuple[str, int, int, Lane | None]]:
    line = queue.waiting[job].line
    agent = line.shape.takes[0][0]
    yield "all jobs", queue.running, queue.slots, None
    project = line.project
    yield f"project {project.name}", project.lane.used, queue.limit_of(project.name), project.lane
    yield f"agent {agent.name}", agent.used, agent.capacity, agent


def _lanes(line: Line) -> list[Lane]:
    return [line.project.lane, *(lane for lane, _ in line.shape.takes)]
