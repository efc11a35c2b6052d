"""Ids in a list of several hosts."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from luzia_protocol import events
from luzia_protocol.jobs import Collision, Job, JobState

from luzia_client.hosts.job_ids import event_of, host_of, id_here, id_there, job_of
from luzia_client.tui.model import JobsModel

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def a_job(name: str = "113754-a2f5", **more: object) -> Job:
    given = {"project": "overbits", "agent": "shell", "task": "x", "state": JobState.RUNNING, "seq": 5}
    return msgspec.convert({"id": name, "name": "", "created_at": AT, **given, **more}, Job)


@pytest.mark.parametrize(("host", "shown"), [("local", "113754-a2f5"), ("big", "big/113754-a2f5")])
def test_an_id_has_its_host_unless_it_is_this_machine(host: str, shown: str) -> None:
    assert id_here(host, "113754-a2f5") == shown
    assert (host_of(shown), id_there(shown)) == (host, "113754-a2f5")


def test_the_jobs_that_a_job_names_are_of_its_host() -> None:
    job = job_of("big", a_job(parent="1", after=["2"], after_any=["3"], after_fail=["4"]))
    assert (job.id, job.parent) == ("big/113754-a2f5", "big/1")
    assert (job.after, job.after_any, job.after_fail) == (["big/2"], ["big/3"], ["big/4"])
    assert job_of("local", a_job()) == a_job()


def test_a_job_collides_with_one_of_its_own_host() -> None:
    found = Collision("113800-beef", ["a"], 1)
    assert [each.job for each in job_of("big", a_job(collisions=[found])).collisions] == ["big/113800-beef"]
    event = events.Collided(
        seq=6, at=AT, job="113754-a2f5", project="overbits", state=JobState.RUNNING, collision=found
    )
    told = event_of("big", event)
    assert isinstance(told, events.Collided)
    assert (told.job, told.collision.job) == ("big/113754-a2f5", "big/113800-beef")
    model = JobsModel()
    model.put(job_of("big", a_job()))
    model.put(job_of("big", a_job("113800-beef")))
    model.apply(told)
    assert model.stale == {"big/113754-a2f5", "big/113800-beef"}


def test_hosts_with_the_same_id_and_seq_do_not_disturb_each_other_in_a_list() -> None:
    model = JobsModel()
    for host in ("local", "big", "spare"):
        model.put(job_of(host, a_job()))
    paused = events.Paused(seq=6, at=AT, job="113754-a2f5", project="overbits", state=JobState.PAUSED, attempt=1)
    model.apply(event_of("big", paused))
    states = {key.id: model.get(key.id).state for key in model.rows}  # type: ignore[union-attr]
    assert states == {
        "113754-a2f5": JobState.RUNNING,
        "big/113754-a2f5": JobState.PAUSED,
        "spare/113754-a2f5": JobState.RUNNING,
    }
    model.set_host("spare")
    assert [key.id for key in model.rows] == ["spare/113754-a2f5"]
    model.set_host("")
    model.clear("big")
    assert {key.id for key in model.rows} == {"113754-a2f5", "spare/113754-a2f5"}
    model.put_found("x", [])
    model.set_filter("spare/")
    assert [key.id for key in model.rows] == ["spare/113754-a2f5"]
