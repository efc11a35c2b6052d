"""The index of the search: what it holds, and what makes it hold less."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from luzia_protocol import events
from luzia_protocol.jobs import JobState

from luziad.jobs import search
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.search import JobSearch
from luziad.jobs.table import JobTable

Subscriber = Callable[[list[tuple[events.Event, bytes]]], None]


class Searched:
    """A table of jobs, its search, and the subscriptions that this has."""

    def __init__(self) -> None:
        self.table = JobTable()
        self.subscribers: list[Subscriber] = []
        self.search = JobSearch(self.table, self._subscribe, lambda record: record.spec)

    def _subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        self.subscribers.append(subscriber)
        return lambda: self.subscribers.remove(subscriber)

    def add(self, number: int, task: str) -> JobRecord:
        spec = JobSpec(project="p", directory="/p", agent="shell", created_at=float(number), task=task)
        record = JobRecord(number, f"000000-{number:04x}", spec, JobStatus(), durable=True)
        self.table.add(record)
        return record

    def tell(self, job: str) -> None:
        event = events.Edited(seq=1, at=datetime.now(UTC), job=job, project="p", state=JobState.QUEUED)
        for subscriber in [*self.subscribers]:
            subscriber([(event, b"")])

    def found(self, *words: str) -> list[int]:
        return [record.n for record in self.search.find([*words]) if record is not None]


def test_nothing_is_kept_before_the_first_search() -> None:
    searched = Searched()
    searched.add(1, "apple")
    assert searched.subscribers == []
    assert searched.found("apple") == [1]
    assert len(searched.subscribers) == 1


def test_new_jobs_are_found_and_removed_ones_are_not() -> None:
    searched = Searched()
    first = searched.add(1, "apple")
    assert searched.found("apple") == [1]
    searched.add(2, "Apple pie")
    assert searched.found("apple") == [2, 1]
    searched.table.remove(first)
    assert searched.found("apple") == [2]


def test_the_index_is_dropped_when_nobody_searches_and_made_again_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "MAX_CHANGED", 3)
    searched = Searched()
    record = searched.add(1, "apple")
    assert searched.found("apple") == [1]
    for number in range(4):
        searched.tell(f"other {number}")
    assert searched.subscribers == []
    record.spec = JobSpec(project="p", directory="/p", agent="shell", created_at=1.0, task="pear")
    assert searched.found("apple") == []
    assert searched.found("pear") == [1]


def test_jobs_may_come_and_go_between_the_steps() -> None:
    searched = Searched()
    records = [searched.add(number, "apple") for number in range(1, 2001)]
    steps = searched.search.find(["apple"])
    next(steps)
    searched.add(5000, "apple")
    for record in records[:1000]:
        searched.table.remove(record)
    found = [record.n for record in steps if record is not None]
    assert set(range(1001, 2001)) <= set(found)
    assert set(found) <= {*range(1001, 2001), 5000}
    assert searched.found("apple") == [5000, *range(2000, 1000, -1)]


def test_two_searches_at_once_find_the_same() -> None:
    searched = Searched()
    for number in range(1, 1201):
        searched.add(number, "apple")
    one, two = searched.search.find(["apple"]), searched.search.find(["apple"])
    found: tuple[list[int], list[int]] = ([], [])
    running = [(one, found[0]), (two, found[1])]
    while running:
        for steps, numbers in list(running):
            try:
                record = next(steps)
            except StopIteration:
                running.remove((steps, numbers))
            else:
                numbers.extend([] if record is None else [record.n])
    assert found[0] == found[1] == list(range(1200, 0, -1))
