"""What the journal tells of jobs that are new to it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from luziad.errors import StorageError
from luziad.jobs.record import JobRecord
from luziad.journal.journal import Acceptance

log = logging.getLogger("luziad.acceptance")


class Accepting:
    """A new job between its acceptance in memory and its commit. `undo` takes it back, `asked` is told."""

    __slots__ = ("_asked", "_record", "_undo")

    def __init__(self, record: JobRecord, asked: Acceptance, undo: Callable[[JobRecord], None]) -> None:
        self._record = record
        self._asked = asked
        self._undo = undo

    def committed(self) -> None:
        self._record.durable = True
        self._asked.committed()

    def refused(self, error: StorageError) -> None:
        self._undo(self._record)
        self._asked.refused(error)


class Adopting:
    """A job that was found in its directory: it is in the table whatever the store says."""

    __slots__ = ("_record",)

    def __init__(self, record: JobRecord) -> None:
        self._record = record

    def committed(self) -> None:
        log.info("job_adopted job=%s state=%s", self._record.id, self._record.fate.state)

    def refused(self, error: StorageError) -> None:
        log.error("job_not_adopted job=%s error=%s", self._record.id, error)


class Mended:
    """After a damage of the store: `finish` is called when every job that was found is committed."""

    __slots__ = ("_finish",)

    def __init__(self, finish: Callable[[], None]) -> None:
        self._finish = finish

    def committed(self) -> None:
        self._finish()

    def refused(self, error: StorageError) -> None:
        log.error("mending_not_finished error=%s", error)  # the next start goes on with it


class Unasked:
    """Nobody waits for this one: it came with others, or the clock asked."""

    def committed(self) -> None:
        """The job is on disk."""

    def refused(self, error: StorageError) -> None:
        """Nothing of it remains."""


class Anyway:
    """A change that is carried out although the store cannot be written: `do` is called then."""

    __slots__ = ("_do",)

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do

    def committed(self) -> None:
        pass  # whoever recorded the change hears of that

    def refused(self, error: StorageError) -> None:
        log.warning("done_before_it_is_recorded error=%s", error)
        self._do()
