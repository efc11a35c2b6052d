"""What follows from the end of one job for very many others is done in turns, and none of them starts meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from luzia_protocol.jobs import JobState, Outcome

from luziad.jobs.attempt import Verdict
from luziad.jobs.dependencies import Dependencies
from luziad.jobs.family import Origin
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.table import JobTable
from luziad.scheduling.gates import dependencies
from luziad.scheduling.gates.dependencies import DependencyGate
from luziad.scheduling.gates.ended_family import EndedFamilyGate
from luziad.scheduling.sub_jobs import AT_ONCE, SubJobs

MANY = 3 * AT_ONCE


class Jobs:
    """Jobs in a table; whatever is done in turns waits in `turns`, and `admitted` has those that a gate let go."""

    def __init__(self) -> None:
        self.table = JobTable()
        self.turns: list[Iterator[None]] = []
        self.admitted: list[JobRecord] = []
        self.family_gate = EndedFamilyGate(self.admit)
        self.sub_jobs = SubJobs(self.table, self.end, self.family_gate, self.turns.append)
        self.dependency_gate = DependencyGate(self.table, self.admit, self.skip, self.turns.append)

    def add(self, *ancestors: str, after: tuple[str, ...] = ()) -> JobRecord:
        number = len(self.table) + 1
        origin = Origin(ancestors=ancestors) if ancestors else None
        spec = JobSpec(project="overbits", directory="/", agent="shell", created_at=0.0, origin=origin)
        status = JobStatus(dependencies=Dependencies(completed=after) if after else None, seq=number)
        record = JobRecord(number, f"j{number}", spec, status, durable=True)
        self.table.add(record)
        return record

    def move(self, record: JobRecord, state: JobState) -> None:
        before, record.status.state = record.status.state, state
        self.table.state_changed(record, before)

    def admit(self, *records: JobRecord) -> None:
        self.admitted += records

    def end(self, record: JobRecord, verdict: Verdict) -> None:
        self.move(record, JobState.CANCELLED)
        record.status.outcome = verdict.outcome
        record.status.seq = 10 * MANY

    def skip(self, record: JobRecord, reason: str) -> None:
        self.dependency_gate.drop(record)
        self.move(record, JobState.SKIPPED)
        self.dependency_gate.job_ended(record)

    def do_turns(self) -> None:
        for work in self.turns:
            for _ in work:
                pass

    def count(self, state: JobState) -> int:
        return self.table.counts().get(state, 0)


def test_many_sub_jobs_are_cancelled_in_turns_and_do_not_start_meanwhile() -> None:
    jobs = Jobs()
    parent = jobs.add()
    children = [jobs.add(parent.id) for _ in range(MANY)]
    jobs.move(parent, JobState.RUNNING)
    jobs.sub_jobs.cancel(parent)
    assert jobs.count(JobState.CANCELLED) == AT_ONCE
    assert jobs.family_gate.is_closed(children[-1])
    jobs.do_turns()
    assert jobs.count(JobState.CANCELLED) == MANY
    assert not jobs.family_gate.is_closed(children[-1])


def test_a_sub_job_that_is_retried_while_others_are_cancelled_starts_afterwards() -> None:
    jobs = Jobs()
    parent = jobs.add()
    children = [jobs.add(parent.id) for _ in range(MANY)]
    jobs.sub_jobs.cancel(parent)
    jobs.move(children[0], JobState.QUEUED)
    jobs.family_gate.hold(children[0])
    jobs.do_turns()
    assert jobs.admitted == [children[0]]
    assert children[0].status.state is JobState.QUEUED


def test_a_start_of_the_daemon_cancels_what_was_left_and_not_what_was_retried() -> None:
    jobs = Jobs()
    parent = jobs.add()
    left, retried = jobs.add(parent.id), jobs.add(parent.id)
    jobs.end(parent, Verdict(Outcome.CANCELLED, "cancelled"))
    retried.status.seq = parent.status.seq + 1
    jobs.sub_jobs.recover()
    assert jobs.family_gate.is_closed(left)
    jobs.do_turns()
    assert [left.status.state, retried.status.state] == [JobState.CANCELLED, JobState.QUEUED]


def test_many_dependents_are_skipped_in_turns_also_those_of_skipped_jobs() -> None:
    jobs = Jobs()
    parent = jobs.add()
    previous = parent
    for _ in range(MANY):
        jobs.dependency_gate.hold(jobs.add(after=(parent.id,)))
        previous = jobs.add(after=(previous.id,))
        jobs.dependency_gate.hold(previous)
    jobs.move(parent, JobState.FAILED)
    jobs.dependency_gate.job_ended(parent)
    assert jobs.count(JobState.SKIPPED) == dependencies.AT_ONCE
    jobs.do_turns()
    assert jobs.count(JobState.SKIPPED) == 2 * MANY


def test_many_dependents_are_admitted_in_turns_but_not_those_that_were_cancelled_meanwhile() -> None:
    jobs = Jobs()
    parent = jobs.add()
    children = [jobs.add(after=(parent.id,)) for _ in range(MANY)]
    for child in children:
        jobs.dependency_gate.hold(child)
    jobs.move(parent, JobState.COMPLETED)
    jobs.dependency_gate.job_ended(parent)
    jobs.dependency_gate.drop(children[-1])
    jobs.do_turns()
    assert jobs.admitted == children[:-1]
