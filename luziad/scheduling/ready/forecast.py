"""The order in which the waiting jobs would start: computed on request, never stored. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heapreplace, merge
from itertools import chain
from operator import attrgetter

from luziad.scheduling.ready.lines import Entry, Project
from luziad.scheduling.ready.queue import ReadyQueue

_order = attrgetter("order")


def jobs_by_turn(queue: ReadyQueue) -> Iterator[str]:
    """The waiting jobs in the order of their starts, if slots became free one by one and every job fitted.

    The jobs of paused projects come last. The queue may change while this is read: it is the order at the beginning.
    """
    projects = [project for project in queue.projects.values() if project.lines]
    parts = [[project for project in projects if (project.name in queue.paused) is paused] for paused in (False, True)]
    return chain(*[_starts([(project, _entries(project)) for project in part]) for part in parts])


def _starts(waiting: list[tuple[Project, Iterator[Entry]]]) -> Iterator[str]:
    """Start the projects' jobs in thought. A number keeps equal ranks from being compared further."""
    projects = [project for project, _ in waiting]
    entries = [each for _, each in waiting]
    used = [project.lane.used for project in projects]
    turns = [project.turn for project in projects]

    def rank(number: int, entry: Entry) -> tuple[int, float, float, int, int, str]:
        share = used[number] / projects[number].weight
        return -entry.priority, share, turns[number], entry.order, number, entry.job

    heap = [rank(number, next(each)) for number, each in enumerate(entries)]
    heapify(heap)
    while heap:
        number, job = heap[0][4:]
        yield job
        turns[number] += 1 / projects[number].weight
        used[number] += 1
        following = next(entries[number], None)
        if following is None:
            heappop(heap)
        else:
            heapreplace(heap, rank(number, following))


def _entries(project: Project) -> Iterator[Entry]:
    """The project's waiting jobs: those of the highest priority first, then the oldest."""
    lines = list(project.lines.values())
    parts = []
    for priority in sorted({priority for line in lines for priority in line.buckets}, reverse=True):
        buckets = [line.buckets[priority] for line in lines if priority in line.buckets]
        parts.append(merge(*(bucket.entries[bucket.start :] for bucket in buckets), key=_order))
    return chain(*parts)
