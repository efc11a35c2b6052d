"""A job that is read back from the store, its directory or an export is asked for as it was dispatched."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from luzia_protocol.jobs import Bounds, Job, LaunchOptions, Outcome, Race, Review, RunOf, Terms
from luzia_protocol.times import to_datetime

from luziad.jobs.family import Origin
from luziad.jobs.record import JobRecord, JobSpec, JobStatus
from luziad.jobs.requirements import Requirements
from luziad.jobs.view import describe_job
from luziad.journal.loading import load, record_from_job
from luziad.store.batch import Batch
from luziad.store.sqlite import Store

NOT_KEPT = {"env_set", "client_set", "uid", "key_uid", "created_steady", "jobs_dir"}
"""Numbers of the store, the caller, who imports it, the clock of this boot, and the place that the file itself has."""

SPEC = JobSpec(
    project="overbits",
    directory="/src/overbits",
    agent="claude",
    created_at=1_700_000_000.0,
    task="fix the login button",
    argv=["make", "test"],
    cwd="/src/overbits/web",
    key="nightly/1",
    timeout_s=60.0,
    terms=Terms(retries=2, retry_on=[Outcome.FAILED]),
    origin=Origin(node="build", tags={"a": "b"}, ancestors=("123456-abcd",), run_of=RunOf("s", to_datetime(0.0))),
    stall_timeout_s=30.0,
    bounds=Bounds(max_processes=5),
    launch_options=LaunchOptions(
        worktree=True,
        ask=True,
        system_prompt="Be brief.",
        model="opus",
        permission_mode="plan",
        args=["--verbose"],
    ),
    requirements=Requirements(5, {"gpu": 1}, 2.0, 1 << 30),
    umask=0o077,
    review=True,
)


def test_everything_that_was_asked_for_is_kept() -> None:
    text = msgspec.json.encode(describe_job(JobRecord(1, "123456-a2f5", SPEC, JobStatus()), None))
    found = record_from_job(2, msgspec.json.decode(text, type=Job)).spec
    unset = msgspec.structs.asdict(JobSpec(project="", directory="", agent="", created_at=0.0))
    for name, value in msgspec.structs.asdict(SPEC).items():
        if name not in NOT_KEPT and name != "task":  # of a command, the task is made from its words
            assert value != unset[name], f"{name}: the test tells nothing of a default"
            assert getattr(found, name) == value, name


@pytest.mark.parametrize("decided", [None, Review.ACCEPTED, Review.REJECTED])
@pytest.mark.parametrize("race", [None, Race("3f2a"), Race("3f2a", check=True, first=True)])
def test_a_race_and_the_decision_about_the_work_are_kept(race: Race | None, decided: Review | None) -> None:
    origin = Origin(node="a", race=race)
    record = JobRecord(1, "123456-a2f5", msgspec.structs.replace(SPEC, origin=origin), JobStatus(review=decided))
    if race is not None:
        record.spec = msgspec.structs.replace(record.spec, review=False)
    text = msgspec.json.encode(describe_job(record, None))
    found = record_from_job(2, msgspec.json.decode(text, type=Job))
    assert (found.race, found.review, found.spec.review) == (race, record.review, record.spec.review)


def test_a_job_is_ready_to_be_searched_when_it_is_loaded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    batch = Batch()
    batch.jobs[1] = ("000001-aaaa", msgspec.json.encode(msgspec.structs.replace(SPEC, argv=None, task="Fix the LOGIN")))
    batch.fates[1] = msgspec.json.encode(JobStatus())
    store.write(batch)
    table, _ = load(store)
    store.close()
    (record,) = table.newest_first()
    assert record.searched is not None
    assert "fix the login" in record.searched
