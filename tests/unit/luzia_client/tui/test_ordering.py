"""How the list of jobs is sorted and grouped, and what is hidden."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from luzia_protocol.activity import Activity
from luzia_protocol.jobs import Job, JobState

from luzia_client.tui.model import JobsModel
from luzia_client.tui.ordering import GROUPS, SORTS, ArrangedRows, Arrangement

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def a_job(number: int, state: JobState = JobState.COMPLETED, **more: object) -> Job:
    given = {
        "id": f"120000-{number:04x}",
        "name": "",
        "project": "overbits",
        "agent": "claude",
        "task": f"task {number}",
        "state": state,
        "created_at": START + timedelta(seconds=number),
        "ended_at": START + timedelta(seconds=number, minutes=1) if state.is_final else None,
        "seq": number,
    }
    return Job(**{**given, **more})  # type: ignore[arg-type]


def shown(model: JobsModel) -> list[int]:
    return [int(key.id[-4:], 16) for key in model.rows]


def listed(*jobs: Job) -> JobsModel:
    model = JobsModel()
    model.put_all(jobs)
    return model


def test_each_order_has_its_first_on_top() -> None:
    model = listed(
        a_job(1, duration_s=5.0, activity=Activity(cost_usd=0.5), project="b"),
        a_job(2, duration_s=9.0, activity=Activity(cost_usd=0.1), project="a", agent="aider"),
        a_job(3, JobState.RUNNING, started_at=START, project="c"),
        a_job(4, JobState.WAITING, started_at=START + timedelta(seconds=9), project="c"),
    )
    orders = {
        "turn": [4, 3, 2, 1],
        "created": [4, 3, 2, 1],
        "time": [3, 4, 2, 1],
        "cost": [1, 2, 4, 3],
        "state": [4, 3, 2, 1],
        "project": [2, 1, 4, 3],
        "agent": [2, 4, 3, 1],
    }
    assert orders.keys() == SORTS.keys()
    for sort, order in orders.items():
        model.arrange(Arrangement(sort=sort))
        assert shown(model) == order, sort
        model.arrange(Arrangement(sort=sort, reverse=True))
        assert shown(model) == order[::-1], sort


def test_asking_jobs_come_first_and_held_ones_after_those_that_will_start() -> None:
    model = listed(
        a_job(0, JobState.WAITING, started_at=START),
        a_job(1, JobState.QUEUED, held_at=START, priority=9),
        a_job(2, JobState.QUEUED),
        a_job(3, JobState.QUEUED, held_at=START),
        a_job(4, JobState.QUEUED, priority=5),
        a_job(5),
        a_job(6, JobState.RUNNING, started_at=START),
    )
    assert shown(model) == [0, 6, 4, 2, 1, 3, 5]


def test_names_of_which_one_begins_with_the_other_are_reversed_too() -> None:
    model = listed(a_job(1, project="web"), a_job(2, project="website"), a_job(3, project="app"))
    model.arrange(Arrangement(sort="project", reverse=True))
    assert shown(model) == [2, 1, 3]


@pytest.mark.parametrize("group", [group for group in GROUPS if group])
def test_the_jobs_of_a_group_are_together_and_counted(group: str) -> None:
    choose = random.Random(group).choice
    model = listed(*(a_job(n, choose(list(JobState)), project=choose("ab"), agent=choose("xyz")) for n in range(99)))
    model.arrange(Arrangement(group=group, sort="created", reverse=True))
    headings = [key.heading for key in model.rows]
    assert len(headings) == 99
    assert sum(one != other for one, other in pairwise(headings)) == len(set(headings)) - 1
    for row, heading in enumerate(headings):
        assert model.group_size(row) == headings.count(heading)


def test_an_arranged_list_follows_changes_as_a_new_one_would_be() -> None:
    chance = random.Random(7)
    model = JobsModel(most=60)
    model.arrange(Arrangement(sort="time", reverse=True, group="state", hide_finished=False))
    for seq in range(1000):
        number = chance.randrange(80)
        state = chance.choice(list(JobState))
        if chance.random() < 0.1:
            model.remove(a_job(number).id)
        else:
            model.put(a_job(number, state, seq=seq, started_at=START, duration_s=float(chance.randrange(50))))
    kept = [job for job in map(model.get, (key.id for key in model.rows)) if job is not None]
    assert len(kept) == len(model) <= 60
    again = listed(*kept)
    again.arrange(model.arrangement)
    assert list(again.rows) == list(model.rows) == sorted(map(model.arrangement.key, kept))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("sort", SORTS)
def test_jobs_are_sorted_as_their_keys_are(sort: str, group: str, reverse: bool) -> None:
    choose = random.Random(sort).choice
    jobs = [
        a_job(
            number,
            choose(list(JobState)),
            project=choose(["web", "website", "App"]),
            agent=choose("xy"),
            created_at=START - timedelta(seconds=choose(range(5))),
        )
        for number in range(99)
    ]
    arrangement = Arrangement(sort=sort, group=group, reverse=reverse)
    rows = ArrangedRows(arrangement, arrangement.sort_jobs(sorted(jobs, key=Arrangement().key)))
    assert list(rows) == sorted(map(arrangement.key, jobs))


def test_live_jobs_are_kept_in_any_order_when_there_are_too_many() -> None:
    model = JobsModel(most=3)
    model.arrange(Arrangement(sort="created"))
    model.put_all([a_job(1, JobState.RUNNING), *(a_job(number) for number in range(2, 9))])
    assert shown(model) == [8, 7, 1]


def test_finished_jobs_are_hidden_and_a_job_that_ends_goes() -> None:
    model = listed(a_job(1), a_job(2, JobState.RUNNING))
    model.arrange(Arrangement(hide_finished=True))
    assert shown(model) == [2]
    model.put(a_job(2, seq=9))
    assert shown(model) == []
    model.arrange(Arrangement())
    assert shown(model) == [2, 1]


def test_the_cost_of_a_day_is_that_of_live_jobs_and_of_those_that_ended_on_it() -> None:
    model = listed(
        a_job(1, activity=Activity(cost_usd=0.25)),
        a_job(2, ended_at=START - timedelta(days=2), activity=Activity(cost_usd=7.0)),
        a_job(3, JobState.RUNNING, activity=Activity(cost_usd=0.5)),
    )
    today: date = START.astimezone().date()
    assert model.cost_usd(today) == 0.75
    model.remove(a_job(1).id)
    assert model.cost_usd(today) == 0.5
    assert model.cost_usd(today + timedelta(days=1)) == 0.5


def test_an_unknown_order_is_an_error() -> None:
    with pytest.raises(ValueError, match="luck"):
        Arrangement(sort="luck")
