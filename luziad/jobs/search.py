"""Finds jobs by words in what people remember of them: task, last message, project, tags and id.

The text of each job is kept in folded form in its record, so that 100,000 of them are searched in a few milliseconds.
It is folded when the table is loaded, and later in the background, when enough jobs have changed; a search folds the
others. A long text is folded in each search, to save memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from luzia_protocol.events import Event

from luziad.jobs.record import JobRecord, JobSpec
from luziad.jobs.table import JobTable
from luziad.jobs.view import spec_text

LONG_CHARS = 1024
MAX_CHANGED = 1000
"""Up to this number of changed jobs is left to the next search."""
_SLICE = 500
"""How many texts are searched, or a tenth of it folded, in one step."""
_LONG = ""

Subscribe = Callable[[Callable[[list[tuple[Event, bytes]]], None]], Callable[[], None]]


class JobSearch:
    """The searchable texts of the jobs of a table.

    subscribe: to the committed events, as Journal.subscribe does. whole_spec: the spec of a job with its whole texts,
    see jobs/abridging.py; where that raises StorageError, a search does. in_background: does work in steps, beside
    other work.
    """

    def __init__(
        self,
        table: JobTable,
        subscribe: Subscribe,
        whole_spec: Callable[[JobRecord], JobSpec],
        in_background: Callable[[Iterator[None]], None],
    ) -> None:
        self._table = table
        self._whole_spec = whole_spec
        self._in_background = in_background
        self._changed: list[JobRecord] = []
        self._is_folding = False
        subscribe(self._on_events)

    def find(self, words: list[str]) -> Iterator[JobRecord | None]:
        """The jobs whose texts have all of these folded words, the newest first. None is a step that has found none.

        A job that is dispatched or changed between the steps may be missing.
        """
        yield from self._fold_changed()
        first, *others = sorted(words, key=len, reverse=True)  # the longest is in the fewest texts
        records = list(self._table.newest_first())
        for begin in range(0, len(records), _SLICE):
            for record in _candidates(records[begin : begin + _SLICE], first):
                text = self._text(record)
                if first in text and all(word in text for word in others) and self._table.get(record.id) is record:
                    yield record
                elif record.searched == _LONG:
                    yield None
            yield None

    def _text(self, record: JobRecord) -> str:
        if record.searched is None:
            fold_record(record)
        return record.searched or searched_text(record, self._whole_spec(record))

    def _on_events(self, happened: list[tuple[Event, bytes]]) -> None:
        for event, _ in happened:
            record = self._table.get(event.job)
            if record is not None:
                record.searched = None
                self._changed.append(record)
        if len(self._changed) > MAX_CHANGED:
            self._fold_in_background()

    def _fold_in_background(self) -> None:
        if not self._is_folding:
            self._is_folding = True
            self._in_background(self._fold_all_changed())

    def _fold_all_changed(self) -> Iterator[None]:
        try:
            yield from self._fold_changed()
        finally:
            self._is_folding = False

    def _fold_changed(self) -> Iterator[None]:
        """Fold what has changed. Searches and the background do it together."""
        while self._changed:
            for _ in range(min(len(self._changed), _SLICE // 10)):
                record = self._changed.pop()
                if record.searched is None:
                    fold_record(record)
            yield


def fold(text: str) -> str:
    """The text in a form in which upper and lower case are the same."""
    return text.casefold()


def searched_text(record: JobRecord, spec: JobSpec) -> str:
    """All that is searched of a job, folded. spec: that of the record, or the whole one."""
    shown = [record.id, record.project]
    if spec.origin is not None:
        shown += [f"{key}={value}" for key, value in spec.origin.tags.items()]
    shown += (_last_message(record), spec_text(spec))
    return fold("\n".join(shown))


def _last_message(record: JobRecord) -> str:
    for attempt in reversed(record.status.attempts):
        if attempt.activity is not None and attempt.activity.last_message:
            return attempt.activity.last_message
    return ""


def _candidates(records: list[JobRecord], word: str) -> list[JobRecord]:
    """Those whose text has the word, is long, or is not folded."""
    return [record for record in records if not (text := record.searched) or word in text]


def fold_record(record: JobRecord) -> None:
    """Make the text that is searched of a job."""
    text = searched_text(record, record.spec)
    record.searched = _LONG if len(text) > LONG_CHARS or record.task_bytes is not None else text
