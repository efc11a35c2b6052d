"""What is counted of events, and how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from luzia_protocol import events
from luzia_protocol.activity import Question, Spending
from luzia_protocol.jobs import JobState, Outcome

from luzia_client.metrics.totals import MAX_LABELS, OTHER, Histogram, Totals

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def ended(seq: int, project: str = "overbits", agent: str = "claude", **fields: Any) -> events.Ended:
    values: dict[str, Any] = {"attempt": 1, "outcome": Outcome.COMPLETED, "duration_s": 3.0, "waited_s": 0.2, **fields}
    return events.Ended(
        seq=seq, at=NOW, job=f"j{seq}", project=project, state=JobState.COMPLETED, agent=agent, **values
    )


def asked(seq: int, job: str, at: datetime = NOW) -> events.QuestionAsked:
    question = Question("q", "permission", "Bash", "run it?")
    return events.QuestionAsked(
        seq=seq, at=at, job=job, project="overbits", state=JobState.WAITING, attempt=1, question=question
    )


def test_an_event_is_counted_once() -> None:
    totals = Totals("socket")
    for seq in (1, 2, 2, 1, 3):
        totals.add(ended(seq))
    assert totals.seq == 3
    assert totals.projects["overbits"]["claude"].ended == {Outcome.COMPLETED: 3}
    assert totals.agents["claude"].durations.sum_s == 9.0


def test_attempts_that_are_tried_again_count_too_and_ends_without_an_attempt_do_not() -> None:
    totals = Totals("socket")
    totals.add(
        events.Requeued(
            seq=1,
            at=NOW,
            job="j",
            project="overbits",
            state=JobState.QUEUED,
            attempt=1,
            agent="claude",
            reason="failed",
            outcome=Outcome.FAILED,
            duration_s=5.0,
            waited_s=1.0,
            spent=Spending(tokens_in=10, tokens_out=3, cost_usd=0.5),
        )
    )
    totals.add(ended(2, outcome=Outcome.CANCELLED, duration_s=None, waited_s=None))
    of_project = totals.projects["overbits"]["claude"]
    assert of_project.ended == {Outcome.FAILED: 1}
    assert of_project.cost_usd == 0.5
    assert totals.agents["claude"].tokens == {"input": 10, "output": 3}


def test_an_unknown_cost_is_not_zero() -> None:
    totals = Totals("socket")
    totals.add(ended(1))
    totals.add(ended(2, spent=Spending(tokens_in=1)))
    assert totals.projects["overbits"]["claude"].cost_usd is None


def test_the_number_of_labels_is_bounded() -> None:
    totals = Totals("socket")
    for seq in range(1, MAX_LABELS + 50):
        totals.add(ended(seq, project=f"p{seq}", agent=f"a{seq}"))
    assert len(totals.projects) == len(totals.agents) == MAX_LABELS + 1
    assert sum(n for agents in totals.projects.values() for each in agents.values() for n in each.ended.values()) == (
        MAX_LABELS + 49
    )
    assert totals.projects[OTHER][OTHER].ended[Outcome.COMPLETED] == 49


def test_a_question_is_open_until_it_is_answered_or_its_attempt_ends() -> None:
    totals = Totals("socket")
    for seq, job in enumerate(("j10", "b", "c"), 1):
        totals.add(asked(seq, job, NOW - timedelta(minutes=seq)))
    totals.add(asked(4, "c", NOW))
    assert totals.questions["c"] == NOW - timedelta(minutes=3)
    totals.add(ended(10))
    totals.add(
        events.QuestionAnswered(
            seq=11, at=NOW, job="b", project="overbits", state=JobState.RUNNING, attempt=1, question="q"
        )
    )
    totals.add(events.Removed(seq=12, at=NOW, job="c", project="overbits", state=JobState.CANCELLED))
    assert totals.questions == {}


def test_only_a_completed_job_is_a_success_of_its_schedule() -> None:
    totals = Totals("socket")
    totals.add(ended(1, schedule="nightly"))
    totals.add(ended(2, schedule="weekly", outcome=Outcome.FAILED))
    assert totals.schedules == {"nightly": NOW}


@pytest.mark.parametrize(("value", "bucket"), [(0.0, 0), (1.0, 0), (1.01, 1), (5.0, 1), (99.0, 2)])
def test_a_bucket_includes_its_bound(value: float, bucket: int) -> None:
    histogram = Histogram.empty((1.0, 5.0))
    histogram.observe(value)
    assert histogram.counts.index(1) == bucket


def test_commits_of_one_daemon_after_another_are_added_up_and_never_twice() -> None:
    commits = Totals("socket").commits
    first, second = (1, NOW), (1, NOW + timedelta(hours=1))
    for daemon, count, total_s in (
        (first, 5, 0.5),
        (first, 8, 0.8),
        (first, 7, 0.7),
        (second, 2, 0.2),
        (second, 2, 0.2),
    ):
        commits.update(daemon, count, total_s)
    assert commits.count == 10
    assert commits.total_s == pytest.approx(1.0)


def test_totals_are_the_same_after_they_were_saved() -> None:
    totals = Totals("socket")
    totals.add(ended(1, schedule="nightly", spent=Spending(cost_usd=0.25)))
    totals.add(asked(2, "b"))
    totals.commits.update((1, NOW), 3, 0.1)
    assert msgspec.json.decode(msgspec.json.encode(totals), type=Totals) == totals
