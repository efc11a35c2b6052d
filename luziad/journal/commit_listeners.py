"""What to do when a change is committed, or cannot be: the implementations of CommitListener."""

from __future__ import annotations

import logging
from collections.abc import Callable

from luziad.errors import StorageError
from luziad.jobs.record import JobRecord
from luziad.journal.journal import CommitListener

log = logging.getLogger("luziad.acceptance")


class NewJobListener:
    """For a new job: marks it as durable, or takes it back with `undo`, and passes the result on to `listener`."""

    __slots__ = ("_listener", "_record", "_undo")

    def __init__(self, record: JobRecord, listener: CommitListener, undo: Callable[[JobRecord], None]) -> None:
        self._record = record
        self._listener = listener
        self._undo = undo

    def committed(self) -> None:
        self._record.durable = True
        self._listener.committed()

    def refused(self, error: StorageError) -> None:
        self._undo(self._record)
        self._listener.refused(error)


class AdoptedJobListener:
    """For a job that was found in its directory: it stays in the table even if the commit fails."""

    __slots__ = ("_record",)

    def __init__(self, record: JobRecord) -> None:
        self._record = record

    def committed(self) -> None:
        log.info("job_adopted job=%s state=%s", self._record.id, self._record.status.state)

    def refused(self, error: StorageError) -> None:
        log.error("job_not_adopted job=%s error=%s", self._record.id, error)


class RepairListener:
    """For a repair of the store: calls `finish` when every job that was found is committed."""

    __slots__ = ("_finish",)

    def __init__(self, finish: Callable[[], None]) -> None:
        self._finish = finish

    def committed(self) -> None:
        self._finish()

    def refused(self, error: StorageError) -> None:
        log.error("repair_not_finished error=%s", error)  # the next start continues it


class NullListener:
    """For a job whose commit no client waits for."""

    def committed(self) -> None:
        """Do nothing."""

    def refused(self, error: StorageError) -> None:
        """Do nothing."""


class FallbackListener:
    """For an action that normally follows from its commit: calls `action` if the commit fails."""

    __slots__ = ("_action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action

    def committed(self) -> None:
        pass  # the callback of the record does it

    def refused(self, error: StorageError) -> None:
        log.warning("done_before_commit error=%s", error)
        self._action()
