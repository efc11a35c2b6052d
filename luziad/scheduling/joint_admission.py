"""Takes in the jobs of a graph: all or none of them, with one commit, but some in each turn of the event loop.

The journal is held meanwhile, so that all jobs come into one commit. Other changes wait for that commit too; therefore
one graph is taken in at a time, and the next one when that is on disk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import msgspec

from luzia_protocol.jobs import JobState

from luziad.errors import StorageError
from luziad.jobs.record import JobRecord, OwnedKey
from luziad.journal.journal import CommitCallbacks, CommitListener
from luziad.scheduling.admission import Admission

BATCH_SIZE = 100
"""The number of jobs that one turn of the event loop takes in or queues: some milliseconds."""


class Joint(msgspec.Struct, eq=False):
    """The jobs of one graph, dependencies first. Their ids are reserved in the table.

    key: what names the graph if it is dispatched again. listeners: hear once that all jobs are on disk, or that none is
    going to be.
    release: called with the jobs that were not taken in.
    """

    key: OwnedKey | None
    records: Sequence[JobRecord]
    listeners: list[CommitListener]
    release: Callable[[Sequence[JobRecord]], None]
    added: int = 0
    uncommitted: int = 0
    error: StorageError | None = None

    def committed(self) -> None:
        """One of the jobs is on disk, and so are all: they are in one commit."""
        self.uncommitted -= 1
        if self.uncommitted == 0:
            for listener in self.listeners:
                listener.committed()

    def refused(self, error: StorageError) -> None:
        """One of the jobs could not be written, and so none was."""
        if self.error is None:
            self.error = error
            for listener in self.listeners:
                listener.refused(error)


class JointAdmission:
    """Takes in graphs. admission: takes in each job."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._table = admission.table
        self._journal = admission.journal
        self._waiting: deque[Joint] = deque()
        self._by_key: dict[OwnedKey, Joint] = {}
        self.coming = 0
        """The number of jobs that are not in the table yet."""

    def accept_now(self, joint: Joint) -> None:
        """Take in these jobs in this turn of the loop."""
        self.coming += len(joint.records)
        self._add(joint, len(joint.records))
        self._finish(joint)
        self._enqueue(iter(joint.records))

    def accept(self, joint: Joint) -> None:
        """Take in these jobs after those of earlier calls."""
        self.coming += len(joint.records)
        if joint.key is not None:
            self._by_key[joint.key] = joint
        self._waiting.append(joint)
        if len(self._waiting) == 1:
            self._begin()

    def by_key(self, key: OwnedKey) -> Joint | None:
        """The graph with this key that is being taken in."""
        joint = self._by_key.get(key)
        return joint if joint is not None and joint.error is None else None

    def close(self) -> None:
        """The daemon stops: finish what was begun, and refuse the rest."""
        while self._waiting:
            joint = self._waiting.popleft()
            if not joint.added:
                joint.refused(StorageError("the daemon is stopping"))
            if joint.error is None:
                self._add(joint, len(joint.records))
            self._finish(joint)
        self._journal.release()

    def _begin(self) -> None:
        self._journal.hold()
        self._continue(self._waiting[0])

    def _continue(self, joint: Joint) -> None:
        """Take in the next jobs, and the rest in later turns."""
        if not self._waiting or self._waiting[0] is not joint:
            return  # it was closed meanwhile
        if joint.error is None:
            self._add(joint, BATCH_SIZE)
        if joint.error is None and joint.added < len(joint.records):
            asyncio.get_running_loop().call_soon(self._continue, joint)
            return
        self._finish(joint)
        self._journal.release()
        self._enqueue(iter(joint.records))
        self._journal.after_commit(CommitCallbacks(self._next, lambda _: self._next()))

    def _add(self, joint: Joint, most: int) -> None:
        for record in joint.records[joint.added : joint.added + most]:
            record.n = self._admission.next_n()  # others may have come since it was made
            joint.added += 1
            joint.uncommitted += 1
            self.coming -= 1
            self._admission.add(record, joint)
            self._table.reserved_ids.discard(record.id)

    def _finish(self, joint: Joint) -> None:
        """All jobs were taken in, or the store has failed: release those that were not."""
        left = joint.records[joint.added :]
        self.coming -= len(left)
        joint.release(left)

    def _next(self) -> None:
        if not self._waiting:
            return  # it was closed meanwhile
        joint = self._waiting.popleft()
        if joint.key is not None:
            del self._by_key[joint.key]
        if self._waiting:
            self._begin()

    def _enqueue(self, records: Iterator[JobRecord]) -> None:
        """Queue the next jobs, except those that have changed since, and the others in later turns."""
        batch = list(islice(records, BATCH_SIZE))
        if not batch:
            return
        admission = self._admission
        for record in batch:
            if (
                record.status.state is JobState.QUEUED
                and self._table.get(record.id) is record
                and not admission.gates.has(record)
            ):
                admission.transitions.enqueue(record)
        admission.observers.start_possible()
        asyncio.get_running_loop().call_soon(self._enqueue, records)
