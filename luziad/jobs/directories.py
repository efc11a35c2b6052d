"""Which directory each job has: a daemon may be started with another LUZIA_JOBS_DIR than the one that ran a job."""

from __future__ import annotations

import os
from collections.abc import Iterable

from luziad.jobs.record import JobRecord


class JobDirectories:
    """The directories of jobs. jobs_dir: that of new jobs. default: that of jobs that name none, see JobSpec."""

    def __init__(self, jobs_dir: str, default: str, records: Iterable[JobRecord] = ()) -> None:
        self._jobs_dir = os.path.abspath(jobs_dir)
        self._default = default
        self._elsewhere: dict[str, str] = {}
        for record in records:
            self.add(record)

    def add(self, record: JobRecord) -> None:
        """Find the directory of a job: the one that it was given, unless only `jobs_dir` has it, where it was moved."""
        own = record.spec.jobs_dir or self._default
        if own == self._jobs_dir:
            return
        is_moved = os.path.isdir(os.path.join(self._jobs_dir, record.id))
        if not is_moved or os.path.isdir(os.path.join(own, record.id)):
            self._elsewhere[record.id] = own

    def find(self, job: str) -> str:
        """The job's directory; it need not exist."""
        return os.path.join(self._elsewhere.get(job, self._jobs_dir), job)

    def forget(self, job: str) -> None:
        """The job is removed."""
        self._elsewhere.pop(job, None)

    @property
    def all(self) -> set[str]:
        """The directories that jobs are in."""
        return {self._jobs_dir, self._default, *self._elsewhere.values()}
