"""Jobs are found by the names that they were given, at the cost of the jobs with that name."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import JobState

from luziad.jobs.family import Origin
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.table import JobTable

NAMES = ("build", "test", "x7", "1", "")
PROJECTS = ("overbits", "musica")


def named(n: int, name: str, project: str = "overbits") -> JobRecord:
    origin = Origin(node=name) if name else None
    spec = JobSpec(project=project, directory="/", agent="shell", created_at=0.0, uid=7, origin=origin)
    return JobRecord(n, f"113754-{n:04x}", spec, JobStatus(), durable=True)


def called(jobs: list[JobRecord], name: str, project: str | None) -> list[str]:
    """The ids that a look at every job finds."""
    found = [
        job
        for job in jobs
        if job.name == name and job.durable and project in (None, job.project, job.spec.project) and not name.isdigit()
    ]
    return [job.id for job in ([job for job in found if not job.status.state.is_final] or found[-1:])]


def found(table: JobTable, name: str) -> list[str]:
    try:
        return [table.find(name, 7).id]
    except Refused as refused:
        _, _, candidates = refused.message.partition(" jobs: ")
        return candidates.split(", ") if candidates else []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(NAMES), st.sampled_from(PROJECTS), st.booleans()),
        st.tuples(st.just("end"), st.integers(0, 7)),
        st.tuples(st.just("retry"), st.integers(0, 7)),
        st.tuples(st.just("commit"), st.integers(0, 7)),
        st.tuples(st.just("rename"), st.integers(0, 7), st.sampled_from(PROJECTS)),
        st.tuples(st.just("remove"), st.integers(0, 7)),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_a_name_finds_what_a_look_at_every_job_finds_whatever_has_become_of_the_jobs(
    steps: list[tuple[object, ...]],
) -> None:
    table, jobs, newest = JobTable(), list[JobRecord](), 0
    for what, which, *rest in steps:
        if what == "add":
            if len(jobs) == 8:  # as many as a message names
                table.remove(jobs.pop(0))
            newest += 1
            job = named(newest, str(which), str(rest[0]))
            job.durable = bool(rest[1])
            table.add(job)
            jobs.append(job)
        elif isinstance(which, int) and which < len(jobs):
            job, before = jobs[which], jobs[which].status.state
            if what in ("end", "retry"):
                job.status.state = JobState.FAILED if what == "end" else JobState.QUEUED
                table.state_changed(job, before)
            elif what == "commit":
                job.durable = True
            elif what == "rename":
                table.rename_project(job, str(rest[0]))
            else:
                table.remove(jobs.pop(which))
    for name in ("build", "test", "x7"):
        assert found(table, name) == called(jobs, name, None)
        for project in PROJECTS:
            assert found(table, f"agent:{project}:{name}") == called(jobs, name, project)


def test_a_name_costs_nothing_for_jobs_with_other_names() -> None:
    """The records of jobs with other names are not looked at."""
    looked_at = set[int]()

    class Watched(JobRecord):
        def __getattribute__(self, attribute: str) -> object:
            looked_at.add(id(self))
            return super().__getattribute__(attribute)

    table = JobTable()
    for n in range(1000):
        job = named(n, f"job-{n}")
        table.add(Watched(job.n, job.id, job.spec, job.status, durable=True))
    looked_at.clear()
    wanted = table.find("job-500", 7)
    assert looked_at == {id(wanted)}
    assert wanted.n == 500
