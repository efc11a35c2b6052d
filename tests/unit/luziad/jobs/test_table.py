"""The job table finds jobs the way people name them, and keeps count."""

from __future__ import annotations

import msgspec
import pytest

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import JobState

from luziad.jobs.family import FamilyTree, Origin
from luziad.jobs.ids import JOB_ID, new_id
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.table import JobTable


def record(n: int, job: str, project: str = "overbits", uid: int = 7, key: str | None = None) -> JobRecord:
    spec = JobSpec(project=project, directory="/", agent="shell", created_at=0.0, uid=uid, key=key)
    return JobRecord(n, job, spec, JobStatus(), durable=True)


@pytest.fixture
def table() -> JobTable:
    table = JobTable()
    for n, job in enumerate(("113754-a2f5", "113754-b001", "120000-a2f6"), 1):
        table.add(record(n, job))
    return table


@pytest.mark.parametrize("name", ["113754-a2f5", "113754-a", "a2f5", "agent:overbits:113754-a2f5", "agent:x:y:a2f5"])
def test_a_job_is_found_by_id_unique_prefix_suffix_and_name(table: JobTable, name: str) -> None:
    if name.startswith("agent:x"):
        with pytest.raises(Refused):
            table.find(name, 7)
    else:
        assert table.find(name, 7).id == "113754-a2f5"


def test_an_ambiguous_id_lists_its_candidates(table: JobTable) -> None:
    with pytest.raises(Refused) as caught:
        table.find("113754", 7)
    assert caught.value.code is ErrorCode.AMBIGUOUS_JOB
    assert "113754-a2f5, 113754-b001" in caught.value.message


@pytest.mark.parametrize("name", ["", "agent:", "agent:overbits:", "zzz", "../../etc/passwd", "agent:other:a2f5"])
def test_what_is_no_job_is_unknown(table: JobTable, name: str) -> None:
    with pytest.raises(Refused) as caught:
        table.find(name, 7)
    assert caught.value.code is ErrorCode.UNKNOWN_JOB


def test_last_is_the_newest_job_of_the_caller(table: JobTable) -> None:
    table.add(record(4, "130000-ffff", uid=8))
    assert table.find("@last", 7).id == "120000-a2f6"
    assert table.find("@last", 8).id == "130000-ffff"
    with pytest.raises(Refused, match="not dispatched any job"):
        table.find("@last", 9)


def test_a_job_that_is_not_on_disk_yet_is_not_shown(table: JobTable) -> None:
    fresh = record(4, "140000-0001")
    fresh.durable = False
    table.add(fresh)
    with pytest.raises(Refused):
        table.find("140000-0001", 7)
    assert table.find("@last", 7).id == "120000-a2f6"


def test_counts_follow_every_move(table: JobTable) -> None:
    job = table.get("113754-a2f5")
    assert job is not None
    for state in (JobState.STARTING, JobState.RUNNING, JobState.COMPLETED):
        before, job.status.state = job.status.state, state
        table.state_changed(job, before)
        assert table.counts() == {JobState.QUEUED: 2, state: 1}
        assert table.queued == 2
    assert table.active() == []
    assert table.oldest_final(0, 10) == [job]
    table.remove(job)
    assert table.counts(["overbits"]) == {JobState.QUEUED: 2}
    assert table.counts(["nobody"]) == {}


def test_held_jobs_are_counted_while_they_are_queued(table: JobTable) -> None:
    job, other = table.find("a2f5", 7), table.find("b001", 7)
    loaded = record(4, "130000-ffff", "website")
    loaded.status.held_at = 1.0
    table.add(loaded)
    for each in (job, other, job):
        each.status.held_at = 1.0
        table.hold_changed(each)
    assert (table.held(), table.held(["overbits"]), table.held(["website"]), table.held(["nobody"])) == (3, 2, 1, 0)
    assert table.held(["overbits", "overbits"]) == 2
    table.rename_project(job, "website")
    assert (table.held(["overbits"]), table.held(["website"])) == (1, 2)
    job.status.held_at = None
    table.hold_changed(job)
    assert table.held(["website"]) == 1
    other.status.state = JobState.CANCELLED
    table.state_changed(other, JobState.QUEUED)
    assert table.held(["overbits"]) == 0
    table.remove(loaded)
    assert table.held() == 0


def test_the_table_knows_the_skipped_jobs(table: JobTable) -> None:
    job, removed = table.find("a2f5", 7), table.find("b001", 7)
    for each in (job, removed):
        each.status.state = JobState.SKIPPED
        table.state_changed(each, JobState.QUEUED)
    assert table.skipped() == [job, removed]
    table.remove(removed)
    assert table.skipped() == [job]
    job.status.state = JobState.QUEUED
    table.state_changed(job, JobState.SKIPPED)
    assert table.skipped() == []


def test_the_jobs_that_ended_first_are_the_first_to_go() -> None:
    table = JobTable()
    jobs = [record(n, f"00000{n}-aaaa") for n in range(4)]
    for job in jobs:
        table.add(job)
    for job in (jobs[2], jobs[0], jobs[3]):
        job.status.state = JobState.FAILED
        table.state_changed(job, JobState.QUEUED)
    assert [job.n for job in table.oldest_final(1, 10)] == [2, 0]


def test_a_key_names_its_job_as_long_as_it_is_remembered() -> None:
    table = JobTable()
    job = record(1, "000000-aaaa", key="once")
    table.add(job)
    assert table.by_key((7, "once")) is job
    assert table.by_key((8, "once")) is None
    table.remove(job)
    assert table.by_key((7, "once")) is None


def test_ids_look_as_designed_and_grow_when_a_second_is_crowded() -> None:
    taken: set[str] = set()
    for _ in range(3):
        job = new_id("113754", lambda digits: "a" * digits, taken)
        assert JOB_ID.fullmatch(job)
        taken.add(job)
    assert sorted(map(len, taken)) == [11, 13, 15]


def inside(n: int, job: str, *ancestors: str) -> JobRecord:
    found = record(n, job)
    found.spec = msgspec.structs.replace(found.spec, origin=Origin(ancestors=ancestors))
    return found


def test_a_table_knows_the_sub_jobs_of_a_job_and_how_many_were_ever_below_it(table: JobTable) -> None:
    top = table.find("a2f5", 7)
    first, second, third = inside(4, "b1", top.id), inside(5, "b2", top.id), inside(6, "c1", top.id, "b1")
    for each in (first, second, third):
        table.add(each)
    assert table.children(top) == [first, second]
    assert table.family.descendants([top.id]) == ["b1", "b2", "c1"]
    table.remove(third)
    table.remove(first)
    assert table.children(top) == [second]
    assert [table.family.dispatched(job) for job in (top.id, "b1")] == [3, 0]


def test_nothing_is_left_of_a_family_when_the_last_of_it_is_forgotten(table: JobTable) -> None:
    top = table.find("a2f5", 7)
    below = [inside(4, "b1", top.id), inside(5, "c1", top.id, "b1")]
    for each in below:
        table.add(each)
    for each in (top, *below):
        table.remove(each)
    assert (table.family._children, table.family._descendants) == ({}, {})


def test_what_makes_no_tree_is_walked_once() -> None:
    families = FamilyTree()
    families.add("a", ("b",))
    families.add("b", ("a",))
    families.add("c", ("c",))
    assert (families.descendants(["a"]), families.descendants(["c"])) == (["b"], [])
