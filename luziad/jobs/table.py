"""The job table: every job that the daemon keeps, and how to find one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.jobs.family import FamilyTree
from luziad.jobs.names import NameIndex
from luziad.jobs.record import JobRecord, OwnedKey

REFERENCES = {
    "@last": None,
    "@running": frozenset({JobState.STARTING, JobState.RUNNING, JobState.PAUSED, JobState.WAITING, JobState.STOPPING}),
    "@failed": frozenset({JobState.FAILED, JobState.TIMED_OUT, JobState.LOST}),
}
"""What refers to the newest of a user's jobs in some states, or in any."""
NO_LAST_HINT = 'Dispatch one, for example `luzia . "fix the tests"`, or name another job; `luzia jobs` lists them.'

_MAX_CANDIDATES = 8


class JobTable:
    """Jobs by id, oldest first, with counts by project and state. Every change of a job's state must be reported."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobRecord] = {}
        self._keys: dict[OwnedKey, str] = {}
        self._names = NameIndex()
        self._counts: dict[str, Counter[JobState]] = {}
        self._active: dict[str, JobRecord] = {}
        self._final: dict[str, None] = {}
        self._kept: dict[str, None] = {}  # final, and not removed automatically: work in git, or a review
        self._skipped: dict[str, JobRecord] = {}
        self._held: Counter[str] = Counter()  # queued jobs that a user holds, by project
        self._held_ids: set[str] = set()
        self.family = FamilyTree()
        self.reserved_ids: set[str] = set()  # of jobs that are about to be added
        self.queued = 0  # jobs in the state queued
        self.queued_bytes = 0  # the size of all jobs that have not ended

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job: object) -> bool:
        return job in self._jobs or job in self.reserved_ids

    def add(self, record: JobRecord) -> None:
        """Add a job that is newer than all others."""
        assert record.id not in self._jobs, f"duplicate job id {record.id}"
        self._jobs[record.id] = record
        if (key := record.spec.owned_key) is not None:
            self._keys[key] = record.id
        self._names.add(record.name, record.id)
        if record.ancestors:
            self.family.add(record.id, record.ancestors)
        self._count(record, record.status.state, +1)
        self.hold_changed(record)

    def remove(self, record: JobRecord) -> None:
        """Remove a job."""
        del self._jobs[record.id]
        if (key := record.spec.owned_key) is not None:
            self._keys.pop(key, None)
        self._names.remove(record.name, record.id)
        self.family.remove(record.id, record.ancestors, self._jobs)
        self._count(record, record.status.state, -1)
        self._count_held(record, False)

    def state_changed(self, record: JobRecord, before: JobState) -> None:
        """Update the counts after a change of the record's state, which was `before`."""
        self._count(record, before, -1)
        self._count(record, record.status.state, +1)
        self.hold_changed(record)

    def resize(self, record: JobRecord, size: int) -> None:
        """The texts of the job have another size."""
        if not record.status.state.is_final:
            self.queued_bytes += size - record.size
        record.size = size

    def rename_project(self, record: JobRecord, project: str) -> None:
        """Give the job's project another name."""
        for counts, by in ((self._counts[record.project], -1), (self._counts.setdefault(project, Counter()), +1)):
            counts[record.status.state] += by
        if record.id in self._held_ids:
            self._held[record.project] -= 1
            self._held[project] += 1
        record.project = project
        record.searched = None

    def get(self, job: str) -> JobRecord | None:
        """The job with exactly this id."""
        return self._jobs.get(job)

    def by_key(self, key: OwnedKey) -> JobRecord | None:
        """The job that was dispatched with this idempotency key."""
        job = self._keys.get(key)
        return None if job is None else self._jobs[job]

    def find(self, name: str, uid: int) -> JobRecord:
        """The job that a user names: an id, the name that it was given, a unique part of an id, or one of REFERENCES.

        A name that several jobs were given is that of the one that has not ended, else of the newest. A part of an id
        is its beginning or its end, also as agent:PROJECT:ID.

        Raises Refused: UNKNOWN_JOB, or AMBIGUOUS_JOB with the candidates.
        """
        record = self._jobs.get(name)
        if record is not None and record.durable:
            return record
        if name.startswith("@"):
            return self._referred(name, uid)
        partial, project = name, None
        if name.startswith("agent:"):
            _, project, partial = name.rsplit(":", 2) if name.count(":") >= 2 else ("", None, "")
        found = [] if not partial else self._called(partial, project) or self._matching(partial, project)
        if not found:
            host = name.partition("/")[0] if "/" in name else ""
            hint = f"A job of another host is HOST/ID, and no host '{host}' is configured: `luzia hosts list`."
            raise Refused(ErrorCode.UNKNOWN_JOB, f"there is no job '{name}'", hint if host else "")
        if len(found) > 1:
            listed = ", ".join(record.id for record in found[:_MAX_CANDIDATES])
            more = f" and {len(found) - _MAX_CANDIDATES} more" if len(found) > _MAX_CANDIDATES else ""
            raise Refused(ErrorCode.AMBIGUOUS_JOB, f"'{name}' matches {len(found)} jobs: {listed}{more}")
        return found[0]

    def children(self, record: JobRecord) -> list[JobRecord]:
        """The jobs that were dispatched from inside this one, oldest first."""
        return [self._jobs[job] for job in self.family.children(record.id)]

    def newest_first(self) -> Iterator[JobRecord]:
        """All jobs, the latest dispatched first."""
        return reversed(self._jobs.values())

    def active(self) -> list[JobRecord]:
        """Jobs with an attempt in progress, in no order."""
        return list(self._active.values())

    def final(self) -> list[JobRecord]:
        """Jobs that have ended; those that nothing keeps come first, in the order in which they ended."""
        return [self._jobs[job] for job in (*self._final, *self._kept)]

    def kept(self) -> list[JobRecord]:
        """Jobs that have ended and whose work in git, or review, still needs a decision; in no order."""
        return [self._jobs[job] for job in self._kept]

    def skipped(self) -> list[JobRecord]:
        """Jobs in the state skipped, in no order."""
        return list(self._skipped.values())

    def sort_final(self) -> None:
        """Sort the ended jobs by the time they ended, after a load in another order."""
        self._final = dict.fromkeys(sorted(self._final, key=lambda job: self._jobs[job].status.ended_at or 0.0))

    def work_changed(self, record: JobRecord) -> None:
        """Update the order of final jobs after this one's work was removed, restored or reviewed."""
        if not record.status.state.is_final:
            return
        was_kept = record.id in self._kept
        self._kept.pop(record.id, None)
        if _is_kept(record):
            self._final.pop(record.id, None)
            self._kept[record.id] = None
        elif was_kept:
            self._final[record.id] = None

    def oldest_final(self, beyond: int, most: int) -> list[JobRecord]:
        """The final jobs that nothing keeps and that ended first: the excess over `beyond`, at most `most` of them."""
        excess = min(len(self._final) - beyond, most)
        if excess <= 0:
            return []
        ids = iter(self._final)
        return [self._jobs[next(ids)] for _ in range(excess)]

    def counts(self, projects: list[str] | None = None) -> dict[JobState, int]:
        """Jobs by state, of these projects or of all."""
        total: Counter[JobState] = Counter()
        for name in projects or self._counts:
            total.update(self._counts.get(name, {}))
        return {state: total[state] for state in JobState if total[state]}

    def held(self, projects: list[str] | None = None) -> int:
        """How many queued jobs a user holds, of these projects or of all."""
        return len(self._held_ids) if not projects else sum(self._held[name] for name in set(projects))

    def hold_changed(self, record: JobRecord) -> None:
        """Update the number of held jobs after a change of the record's `held_at`."""
        self._count_held(record, record.status.held_at is not None and record.status.state is JobState.QUEUED)

    def projects(self) -> list[str]:
        """The names of the projects that have jobs."""
        return [name for name, counts in self._counts.items() if any(counts.values())]

    def _count_held(self, record: JobRecord, held: bool) -> None:
        if held is not (record.id in self._held_ids):
            self._held[record.project] += 1 if held else -1
            (self._held_ids.add if held else self._held_ids.remove)(record.id)

    def _count(self, record: JobRecord, state: JobState, by: int) -> None:
        counts = self._counts.get(record.project)
        if counts is None:
            counts = self._counts[record.project] = Counter()
        counts[state] += by
        if not state.is_final:
            self.queued_bytes += by * record.size
        if state is JobState.QUEUED:
            self.queued += by
            return
        if state is JobState.SKIPPED:
            if by > 0:
                self._skipped[record.id] = record
            else:
                del self._skipped[record.id]
        if state.is_final:
            if by < 0:
                self._final.pop(record.id, None)
                self._kept.pop(record.id, None)
            elif _is_kept(record):
                self._kept[record.id] = None
            else:
                self._final[record.id] = None
        elif by > 0:
            self._active[record.id] = record
        else:
            del self._active[record.id]

    def _referred(self, name: str, uid: int) -> JobRecord:
        """The newest of a user's jobs in the states of a reference, or with ~N the one N before it."""
        word, tilde, back = name.partition("~")
        if word not in REFERENCES or (tilde and not (back.isascii() and back.isdigit() and len(back) < 8)):
            hint = f"References are {', '.join(REFERENCES)}, and with ~N the job N before, such as @last~1."
            raise Refused(ErrorCode.UNKNOWN_JOB, f"there is no job '{name}'", hint)
        states = REFERENCES[word]
        own = (each for each in self.newest_first() if each.spec.uid == uid and each.durable)
        found = (each for each in own if states is None or each.status.state in states)
        record = next(islice(found, int(back or 0), None), None)
        if record is not None:
            return record
        if name == "@last":
            raise Refused(ErrorCode.UNKNOWN_JOB, "you have not dispatched any job yet", NO_LAST_HINT)
        raise Refused(ErrorCode.UNKNOWN_JOB, f"you have no job that matches '{name}'", "`luzia jobs` lists them.")

    def _called(self, name: str, project: str | None) -> list[JobRecord]:
        """The jobs with a given name that have not ended, else the newest of them."""
        called = [
            record
            for record in map(self._jobs.__getitem__, self._names.jobs(name))
            if record.durable and project in (None, record.project, record.spec.project)
        ]
        return [record for record in called if not record.status.state.is_final] or called[-1:]

    def _matching(self, part: str, project: str | None) -> list[JobRecord]:
        return [
            record
            for job, record in self._jobs.items()
            if (job.startswith(part) or job.endswith(part))
            and record.durable
            and project in (None, record.project, record.spec.project)
        ]


def _is_kept(record: JobRecord) -> bool:
    """Whether the job has a worktree, or discarded work that is still kept, or work that waits for a decision."""
    fate = record.status
    return fate.worktree is not None or fate.discarded is not None or record.waits_for_review
