"""Finds jobs by words in what people remember of them: task, last message, project, tags and id.

The texts are kept in folded form, from the first search on, so that 100,000 of them are searched in a few milliseconds.
Events say which have changed since. A long text is folded in each search, so that the index stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from itertools import takewhile

from luzia_protocol.events import Event

from luziad.jobs.record import JobRecord, JobSpec
from luziad.jobs.table import JobTable
from luziad.jobs.view import spec_text

LONG_CHARS = 1024
MAX_CHANGED = 50_000
"""The index is dropped after this number of changes without a search: nobody seems to need it."""
_SLICE = 500
"""How many texts are searched, or a tenth of it folded, in one step."""

Subscribe = Callable[[Callable[[list[tuple[Event, bytes]]], None]], Callable[[], None]]


class JobSearch:
    """The searchable texts of the jobs of a table.

    subscribe: to the committed events, as Journal.subscribe does. whole_spec: the spec of a job with its whole texts,
    see jobs/abridging.py; where that raises StorageError, a search does.
    """

    def __init__(self, table: JobTable, subscribe: Subscribe, whole_spec: Callable[[JobRecord], JobSpec]) -> None:
        self._table = table
        self._subscribe = subscribe
        self._whole_spec = whole_spec
        self._unsubscribe: Callable[[], None] | None = None
        self._texts: dict[str, str] = {}  # oldest first
        self._long: set[str] = set()
        self._changed: set[str] = set()
        self._renamed = 0

    def find(self, words: list[str]) -> Iterator[JobRecord | None]:
        """The jobs whose texts have all of these folded words, the newest first. None is a step that has found none.

        A job that is dispatched or changed between the steps may be missing.
        """
        yield from self._update()
        first, *others = sorted(words, key=len, reverse=True)  # the longest is in the fewest texts
        jobs, texts = list(self._texts)[::-1], list(self._texts.values())[::-1]
        for begin in range(0, len(jobs), _SLICE):
            end = begin + _SLICE
            part = jobs[begin:end]
            found = [job for job, text in zip(part, texts[begin:end], strict=True) if first in text]
            if not self._long.isdisjoint(part):
                found = yield from self._with_long(part, found, first)
            for job in found:
                record = self._table.get(job)
                if record is not None and (not others or self._has_all(record, others)):
                    yield record
            yield None

    def _with_long(self, part: list[str], found: list[str], word: str) -> Generator[None, None, list[str]]:
        """The found jobs, and those whose long text has the word, in order."""
        matching = set(found)
        for job in self._long.intersection(part):
            record = self._table.get(job)
            if record is not None and word in self._whole_text(record):
                matching.add(job)
            yield
        return [job for job in part if job in matching]

    def _has_all(self, record: JobRecord, words: list[str]) -> bool:
        text = self._whole_text(record) if record.id in self._long else self._texts.get(record.id, "")
        return all(word in text for word in words)

    def _whole_text(self, record: JobRecord) -> str:
        return searched_text(record, self._whole_spec(record))

    def _update(self) -> Iterator[None]:
        """Take in what has changed since the last search."""
        if self._renamed != self._table.renamed:
            self._forget()
            self._renamed = self._table.renamed
        if self._unsubscribe is None:
            self._unsubscribe = self._subscribe(self._on_events)
        changed, self._changed = self._changed, set()
        for job in changed:
            record = self._table.get(job)
            if record is None:
                self._texts.pop(job, None)
                self._long.discard(job)
            elif job in self._texts:
                self._put(record)
            yield
        new = list(takewhile(lambda record: record.id not in self._texts, self._table.newest_first()))
        for number, record in enumerate(reversed(new)):
            if self._table.get(record.id) is record:
                self._put(record)
            if number % (_SLICE // 10) == 0:
                yield

    def _put(self, record: JobRecord) -> None:
        text = searched_text(record, record.spec)
        if len(text) > LONG_CHARS or record.task_bytes is not None:
            self._long.add(record.id)
            self._texts[record.id] = ""
        else:
            self._long.discard(record.id)
            self._texts[record.id] = text

    def _on_events(self, happened: list[tuple[Event, bytes]]) -> None:
        self._changed.update([event.job for event, _ in happened])
        if len(self._changed) > MAX_CHANGED:
            self._forget()

    def _forget(self) -> None:
        self._texts.clear()
        self._long.clear()
        self._changed.clear()
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None


def fold(text: str) -> str:
    """The text in a form in which upper and lower case are the same."""
    return text.casefold()


def searched_text(record: JobRecord, spec: JobSpec) -> str:
    """All that is searched of a job, folded. spec: that of the record, or the whole one."""
    attempts = reversed(record.status.attempts)
    messages = (each.activity.last_message for each in attempts if each.activity is not None)
    message = next((message for message in messages if message), "")
    tags = spec.origin.tags if spec.origin is not None else {}
    shown = (record.id, record.project, *(f"{key}={value}" for key, value in tags.items()), message, spec_text(spec))
    return fold("\n".join(shown))
