"""The changes of one transaction, and the rows for the statements of queries.sql."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

import msgspec


class Batch(msgspec.Struct):
    """The changes of one transaction. Rows are encoded JSON, as the statements of queries.sql take them.

    jobs: n -> (id, spec) of new and edited jobs. fates: n -> status of each new or changed job.
    probe: write a page in any case, to find out whether the store can be written again.
    events, progress: [seq, event] rows in order; those of progress are apart. removed: n of removed jobs.
    environments: new ones by id. schedules: by name; None deletes the schedule.
    """

    jobs: dict[int, tuple[str, bytes]] = {}
    fates: dict[int, bytes] = {}
    events: list[tuple[int, bytes]] = []
    progress: list[tuple[int, bytes]] = []
    removed: list[int] = []
    environments: dict[int, dict[str, str]] = {}
    dropped_environments: list[int] = []
    schedules: dict[str, bytes | None] = {}
    probe: bool = False

    @property
    def last_seq(self) -> int:
        """The seq of the newest event, 0 without one."""
        return max((rows[-1][0] for rows in (self.events, self.progress) if rows), default=0)

    def statements(self) -> Iterable[tuple[str, bytes]]:
        """The statements to run, with the JSON array that each takes."""
        fates = self.fates
        if self.jobs:
            yield "insert_jobs", b"[" + b",".join(self._job(n, *job) for n, job in self.jobs.items()) + b"]"
        changed = [b"[%d,%b,%d]" % (n, fate, crc32(fate)) for n, fate in fates.items() if n not in self.jobs]
        if changed:
            yield "update_fates", b"[" + b",".join(changed) + b"]"
        if self.events:
            yield "insert_events", b"[" + b",".join(b"[%d,%b]" % row for row in self.events) + b"]"
        if self.progress:
            yield "insert_progress", b"[" + b",".join(b"[%d,%b]" % row for row in self.progress) + b"]"
        if self.removed:
            yield "delete_jobs", msgspec.json.encode(self.removed)
        if self.schedules:
            yield from self._schedules()

    def _job(self, n: int, job: str, spec: bytes) -> bytes:
        fate = self.fates[n]
        return b'[%d,"%b",%b,%b,%d,%d]' % (n, job.encode(), spec, fate, spec_checksum(job, spec), crc32(fate))

    def _schedules(self) -> Iterable[tuple[str, bytes]]:
        deleted = [name for name, schedule in self.schedules.items() if schedule is None]
        if deleted:
            yield "delete_schedules", msgspec.json.encode(deleted)
        put = {name: msgspec.Raw(schedule) for name, schedule in self.schedules.items() if schedule is not None}
        if put:
            yield "put_schedules", msgspec.json.encode(list(put.items()))


def spec_checksum(job: str, spec: bytes) -> int:
    """The checksum over a job's id and spec."""
    return crc32(spec, crc32(job.encode()))


def is_intact(job: object, spec: object, fate: object, stored_spec_sum: object, stored_fate_sum: object) -> bool:
    """Whether a job's row was read as it was written."""
    if not (isinstance(job, str) and isinstance(spec, str) and isinstance(fate, str)):
        return False
    return spec_checksum(job, spec.encode()) == stored_spec_sum and crc32(fate.encode()) == stored_fate_sum
