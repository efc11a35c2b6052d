"""The texts of the search: when they are folded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from luzia_protocol import events
from luzia_protocol.jobs import JobState

from luziad.jobs import search
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.search import JobSearch
from luziad.jobs.table import JobTable

Subscriber = Callable[[list[tuple[events.Event, bytes]]], None]


class Searched:
    """A table of jobs, its search, and the work that this has left to the background."""

    def __init__(self) -> None:
        self.table = JobTable()
        self.subscribers: list[Subscriber] = []
        self.background: list[Iterator[None]] = []
        self.search = JobSearch(self.table, self._subscribe, lambda record: record.spec, self.background.append)

    def _subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        self.subscribers.append(subscriber)
        return lambda: None

    def add(self, number: int, task: str) -> JobRecord:
        spec = JobSpec(project="p", directory="/p", agent="shell", created_at=float(number), task=task)
        record = JobRecord(number, f"000000-{number:04x}", spec, JobStatus(), durable=True)
        self.table.add(record)
        return record

    def edit(self, record: JobRecord, task: str) -> None:
        record.spec = replace(record.spec, task=task)
        event = events.Edited(seq=1, at=datetime.now(UTC), job=record.id, project="p", state=JobState.QUEUED)
        for subscriber in self.subscribers:
            subscriber([(event, b"")])

    def work_in_background(self) -> None:
        while self.background:
            for _ in self.background.pop():
                pass

    def found(self, *words: str) -> list[int]:
        return [record.n for record in self.search.find([*words]) if record is not None]


def test_a_search_folds_no_job_that_was_folded_when_it_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = Searched()
    for number in range(1, 1201):
        search.fold_record(searched.add(number, "Apple"))
    monkeypatch.setattr(search, "searched_text", lambda record, spec: pytest.fail("folded in a search"))
    assert len(searched.found("apple")) == 1200


def test_new_jobs_are_found_and_removed_ones_are_not() -> None:
    searched = Searched()
    first = searched.add(1, "apple")
    assert searched.found("apple") == [1]
    searched.add(2, "Apple pie")
    assert searched.found("apple") == [2, 1]
    searched.table.remove(first)
    assert searched.found("apple") == [2]


def test_a_changed_job_is_found_by_what_it_has_now() -> None:
    searched = Searched()
    record = searched.add(1, "apple")
    assert searched.found("apple") == [1]
    searched.edit(record, "pear")
    assert searched.found("apple") == []
    assert searched.found("pear") == [1]


def test_a_search_has_few_changed_jobs_to_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_CHANGED", 3)
    searched = Searched()
    records = [searched.add(number, "apple") for number in range(1, 7)]
    for record in records[:3]:
        searched.edit(record, "pear")
    assert searched.background == []
    for record in records[3:]:
        searched.edit(record, "pear")
    assert len(searched.background) == 1
    searched.work_in_background()
    assert all(record.searched is not None and "pear" in record.searched for record in records)
    for record in records[:4]:
        searched.edit(record, "plum")
    assert len(searched.background) == 1


def test_a_job_that_changes_while_the_background_works_is_found_at_once() -> None:
    searched = Searched()
    records = [searched.add(number, "apple") for number in range(1, 1201)]
    for record in records:
        searched.edit(record, "apple")
    next(searched.background[0])
    searched.edit(records[-1], "pear")
    searched.edit(records[0], "pear")
    assert searched.found("pear") == [1200, 1]


def test_a_renamed_project_is_found_by_its_new_name() -> None:
    searched = Searched()
    record = searched.add(1, "apple")
    assert searched.found("orchard") == []
    searched.table.rename_project(record, "orchard")
    assert searched.found("orchard") == [1]


def test_jobs_may_come_and_go_between_the_steps() -> None:
    searched = Searched()
    records = [searched.add(number, "apple") for number in range(1, 2001)]
    steps = searched.search.find(["apple"])
    first = next(steps)
    searched.add(5000, "apple")
    for record in records[:1000]:
        searched.table.remove(record)
    found = [record.n for record in (first, *steps) if record is not None]
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
